from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.administration.key_requests import ServerKeysNow
    from onema.cli.session import Session

app = Commands(help="The server key, and the one after it.")

Id = Annotated[str, typer.Argument(help="The key's id, as `onema key status` shows it.")]


@app.command("status")
def status(cli: Cli) -> None:
    """Show the keys, the processes that hold them, and how far sealing again is."""
    from onema.cli.output import print_json, print_table, say
    from onema.domain.values.times import show_time

    with cli.session() as session:
        now = _keys(session)
    if cli.json:
        print_json(_as_json(now))
        return
    print_table(("key", "state"), [(one.id, one.state) for one in now.keys])
    if now.nodes:
        say()
        print_table(
            ("process", "uses", "holds", "said at"),
            [(one.process, one.in_use, " ".join(one.held), show_time(one.reported_at)) for one in now.nodes],
        )
    looks = [one for one in (now.progress, *(node.progress for node in now.nodes)) if one is not None]
    newest = max(looks, key=lambda one: one.began_at, default=None)
    if newest is not None:
        say()
        ended = f"ended {show_time(newest.ended_at)}" if newest.ended_at else "goes on"
        say(f"Looking through the store began {show_time(newest.began_at)}, {ended}.")
        print_table(
            ("table", "seen", "sealed again", "left"),
            [
                (table, f"{seen:,}", f"{newest.resealed.get(table, 0):,}", f"{newest.left.get(table, 0):,}")
                for table, seen in newest.seen.items()
            ],
        )


@app.command("add")
def add(cli: Cli) -> None:
    """Make a key and put it into the key file, where every process finds it; nothing is made under it yet."""
    from onema.cli.output import print_json, say

    with cli.session() as session:
        made = _add(cli, session)
    if cli.json:
        print_json({"key": made})
        return
    say(f"The key {made} is in {_file(cli)}.")
    say("Other machines need the same file. When `onema key status` shows the key on all processes:")
    say(f"  onema key use {made}")


@app.command("use")
def use(cli: Cli, key: Id) -> None:
    """Make everything new under this key, on all processes; refused while one of them lacks it."""
    from onema.cli.output import print_json

    with cli.session() as session:
        changed = _use(session, key)
    if cli.json:
        print_json({"key": key, "changed": changed})


@app.command("rotate")
def rotate(cli: Cli) -> None:
    """Make a key and use it, where one machine is all there is: `add`, and `use` once every process has it."""
    from onema.cli.output import CliError, print_json, say

    with cli.session() as session:
        made = _add(cli, session)
        try:
            _use(session, made)
        except CliError as error:
            raise CliError(
                f"The key {made} is made, and not in use: {error}. When `onema key status` shows it on all processes:"
                f" `onema key use {made}`.",
                error.refusal,
            ) from error
    if cli.json:
        print_json({"key": made})
        return
    say(f"Everything new is made under the key {made}.")
    say("`onema key status` shows how far sealing again is; then `onema key retire` the former one.")


@app.command("retire")
def retire(
    cli: Cli,
    key: Id,
    drop_recovery_codes: Annotated[
        bool,
        typer.Option(
            "--drop-recovery-codes", help="Recovery codes made under it are worth nothing from now on."
        ),
    ] = False,
) -> None:
    """Do without a key, and take it out of the key file; refused while anything rests under it."""
    from onema.administration.key_file import remove_server_key
    from onema.administration.key_requests import RetireServerKey
    from onema.cli.output import print_json, say

    with cli.session() as session:
        session.answer(RetireServerKey(id=key, drop_recovery_codes=drop_recovery_codes))
        removed = not cli.settings().server_key and remove_server_key(_file(cli), int(key, 16))
    if cli.json:
        print_json({"key": key, "removed": removed})
        return
    say(f"Nothing rests under the key {key} any more.")
    where = f"{_file(cli)} does not hold it now" if removed else "take it out where it stands"
    say(f"{where[0].upper()}{where[1:]}; keep a copy as long as you keep backups from before.")


def _add(cli: Cli, session: "Session") -> str:
    """The id of a new key. Raises CliError when there is one that waits or is not retired yet."""
    from onema.administration.key_file import KeyFileError, add_server_key
    from onema.cli.output import CliError

    if cli.settings().server_key:
        raise CliError(
            "The server key comes from the environment: put the new one behind it, as `OLD,named:NEW` with NEW from"
            " `openssl rand -hex 32`, and start the processes anew, one by one."
        )
    others = [one.id for one in _keys(session).keys if one.state != "in use"]
    if others:
        raise CliError(f"There is another key already: `onema key use` or `onema key retire` {others[0]}.")
    try:
        return add_server_key(_file(cli)).id
    except KeyFileError as error:
        raise CliError(str(error)) from error


def _use(session: "Session", key: str) -> bool:
    from onema.administration.key_requests import UseServerKey

    return session.answer(UseServerKey(id=key))


def _keys(session: "Session") -> "ServerKeysNow":
    from onema.administration.key_requests import ReadServerKeys

    return session.answer(ReadServerKeys())


def _file(cli: Cli) -> Path:
    return cli.settings().server_key_path


def _as_json(now: "ServerKeysNow") -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(now)
    return told
