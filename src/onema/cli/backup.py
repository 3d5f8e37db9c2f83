from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands()

_POSTGRES = """\
This server's data is in PostgreSQL, which has better ways than a copy made by onema:
- pg_basebackup with WAL archiving (pgBackRest, WAL-G, or your provider's point-in-time recovery): restores to the
  last moment, as money and codes need it;
- pg_dump: consistent, but restores only to the moment when it ran."""
_KEY = (
    "The server key is not in it: keep a copy of that apart. Without it nothing that is sealed can be read."
)


@app.command()
def backup(
    cli: Cli,
    to: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="./onema-TIME.db, in UTC")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="The file may exist.")] = False,
) -> None:
    """Save the embedded database to a file, while the server runs or not: as of one moment, checked, mode 0600.

    On PostgreSQL it says what to use instead, with exit code 2. The server key is not in the file.
    """
    import datetime as dt

    from onema.administration.data_folder import DATABASE, lies_in_data_folder
    from onema.cli.output import CliError, print_json, say, say_lines
    from onema.engine.ports import SystemClock
    from onema.storage.contract import StorageError
    from onema.storage.sqlite.file import back_up

    settings = cli.settings()
    if settings.database:
        if cli.json:
            print_json({"error": f"{_POSTGRES} {_KEY}", "refusal": None})
        else:
            say_lines(f"{_POSTGRES}\n{_KEY}")
        raise typer.Exit(2)
    database = settings.data / DATABASE
    if not database.is_file():
        raise CliError(f"There is no database {database.absolute()}.")
    if not database.stat().st_size:
        raise CliError(f"The database {database.absolute()} is empty: there is nothing to save.")
    now = SystemClock().now()
    moment = dt.datetime.fromtimestamp(now / 1000, dt.UTC)
    file = to or Path(f"onema-{moment:%Y%m%dT%H%M%SZ}.db")
    if lies_in_data_folder(file, settings.data):
        raise CliError(
            f"{file} lies in a server's data folder, where a backup could take the place of what the server needs: "
            "name a file elsewhere."
        )
    if file.exists() and not replace:
        raise CliError(f"{file} exists: name another file, or allow it with --replace.")
    try:
        with _progress() as copied:
            back_up(database, file, now, copied)
    except StorageError as error:
        raise CliError(f"There is no backup: {error}.") from error
    size = file.stat().st_size
    if cli.json:
        print_json({"file": str(file), "bytes": size, "note": _KEY})
    else:
        say(f"{file}: {size:,} bytes, checked. {_KEY}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pages")
        yield lambda done, total: bar.update(task, completed=done, total=total)
