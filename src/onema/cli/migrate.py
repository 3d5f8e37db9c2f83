from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from pathlib import Path

app = Commands()


@app.command()
def migrate(
    cli: Cli,
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://... or sqlite:///DATA/onema.db.", show_default="the server's own"),
    ] = None,
) -> None:
    """Bring a database's schema up to date. A server does the same when it starts; a newer schema is left alone.

    On PostgreSQL servers of the previous version may go on working meanwhile and afterwards: see
    docs/operations/upgrading.md. Back up first.
    """
    import asyncio

    from onema.administration.data_folder import DataFolderError
    from onema.cli.database import configured_place, parse_place, show_place
    from onema.cli.output import CliError, print_json, say
    from onema.storage.contract import StorageError

    place = parse_place(database) if database else configured_place(cli.settings())
    try:
        before, after = asyncio.run(_postgres(place) if isinstance(place, str) else _sqlite(place))
    except (DataFolderError, StorageError) as error:
        raise CliError(str(error)) from error
    if cli.json:
        print_json({"database": show_place(place), "from": before, "to": after})
    elif before == after:
        say(f"{show_place(place)} has schema {after} already.")
    else:
        say(f"{show_place(place)}: schema {before} -> {after}")


async def _postgres(dsn: str) -> tuple[int, int]:
    from onema.storage.postgres.migrating import migrate
    from onema.storage.postgres.moving import schema_of

    before = await schema_of(dsn)
    await migrate(dsn)
    return before, await schema_of(dsn)


async def _sqlite(path: "Path") -> tuple[int, int]:
    from onema.administration.data_folder import DataFolder
    from onema.storage.sqlite.file import schema_of
    from onema.storage.sqlite.storage import SqliteStorage

    with DataFolder(path.parent):
        before = schema_of(path)
        storage = SqliteStorage(path)
        await storage.open()
        await storage.close()
        return before, schema_of(path)
