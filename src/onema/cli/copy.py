import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.cli.database import Place
    from onema.storage.moving import Counts, Source, Target

app = Commands()

_KEY = """\
The server key is not in the database: without it nothing that is sealed there can be read. Give every server on the
new database the old one's key (DATA/server.key, server_key_file or ONEMA_SERVER_KEY) before its first start."""


@app.command()
def copy_command(
    cli: Cli,
    source: Annotated[
        str | None, typer.Option("--from", help="Copy from here.", show_default="the data folder's database")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="Copy into here.", show_default="the setting `database`")
    ] = None,
) -> None:
    """Copy everything into an empty database: sqlite:///DATA/onema.db or postgresql://USER@HOST/NAME, either way.

    No server may run on either. All is copied and verified, or nothing: counts of rows, and every balance against
    its ledger. What is copied stays as it is. The server key must be carried over by hand.
    """
    import asyncio

    from onema.administration.data_folder import DATABASE, DataFolderError
    from onema.cli.database import parse_place, show_place
    from onema.cli.output import CliError, print_json, say, say_lines
    from onema.storage.contract import CommitUnknown, StorageError
    from onema.storage.moving import MoveRefused

    settings = cli.settings()
    to = target or settings.database.reveal()
    if not to:
        raise CliError("Name the new database with --to, or ONEMA_DATABASE.")
    places = parse_place(source) if source else settings.data / DATABASE, parse_place(to)
    if places[0] == places[1]:
        raise CliError("A database cannot be copied into itself.")
    try:
        counts = asyncio.run(_copy(*places))
    except (DataFolderError, MoveRefused) as error:
        raise CliError(str(error)) from error
    except CommitUnknown as error:
        raise CliError(
            f"The connection broke at the very end ({error}), so it is not known whether the copy was saved. Run the "
            "command again: if it then says that the target is not empty, this copy is there, whole and verified."
        ) from error
    except StorageError as error:
        raise CliError(
            f"The copy failed: {error}. Nothing was changed on either side: run the command again when that is mended."
        ) from error
    if cli.json:
        print_json({"rows": {row_type.table: count for row_type, count in counts.items()}, "note": _KEY})
        return
    for row_type, count in counts.items():
        say(f"{row_type.table:<19}{count:>13,}")
    say(
        f"{show_place(places[1])}: {sum(counts.values()):,} rows. Counts are equal, all balances match the ledger."
    )
    say_lines(_KEY)


async def _copy(old: "Place", new: "Place") -> "Counts":
    from onema.storage.moving import copy, count_rows

    async with _opened_source(old) as source, _opened_target(new) as target:
        total = sum((await count_rows(source)).values())
        with _progress(total) as copied:
            return await copy(source, target, copied)


@contextlib.asynccontextmanager
async def _opened_source(place: "Place") -> "AsyncIterator[Source]":
    from onema.administration.data_folder import DataFolder
    from onema.storage.moving import MoveRefused

    if isinstance(place, str):
        from onema.storage.postgres.moving import postgres_source

        async with postgres_source(place) as source:
            yield source
        return
    from onema.storage.sqlite.moving import sqlite_source

    if not _is_file(place):
        raise MoveRefused(f"There is no database {place.absolute()}.")
    with DataFolder(place.parent):
        async with sqlite_source(place) as source:
            yield source


@contextlib.asynccontextmanager
async def _opened_target(place: "Place") -> "AsyncIterator[Target]":
    if isinstance(place, str):
        from onema.storage.postgres.moving import postgres_target

        async with postgres_target(place) as target:
            yield target
        return
    from onema.administration.data_folder import DataFolder
    from onema.storage.sqlite.moving import sqlite_target

    with DataFolder(place.parent):
        async with sqlite_target(place) as target:
            yield target


def _is_file(path: Path) -> bool:
    return path.is_file()


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<19}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda table, rows: bar.update(task, description=table, advance=rows)
