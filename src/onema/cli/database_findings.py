"""What `onema doctor` finds in the database itself, before anybody works on it."""

import asyncio
from collections.abc import Iterator

from onema.cli.finding import Finding, Level
from onema.engine.data_folder import DATABASE, DataFolderError, refuse_lost_database
from onema.settings import Settings
from onema.storage.contract import StorageError


def database_findings(settings: Settings) -> Iterator[Finding]:
    """The first is the database's own; unless it is ok, nobody should open it."""
    return _shared(settings) if settings.database else _embedded(settings)


def _embedded(settings: Settings) -> Iterator[Finding]:
    import apsw

    from onema.storage.sqlite_file import find_damage, sqlite_errors, usable_schema
    from onema.storage.statements import migrations

    database, key = settings.data / DATABASE, settings.server_key_path
    if key.parent == settings.data and key.exists() and not settings.server_key:
        try:
            refuse_lost_database(database, key)
        except DataFolderError as error:
            yield Finding(Level.FAIL, "database", str(error))
            return
    if not database.exists():
        yield Finding(Level.OK, "database", f"{database} does not exist yet; it will be made")
        return
    newest = migrations("sqlite")[-1].number
    try:
        with sqlite_errors(database):
            connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                connection.set_busy_timeout(5_000)
                version = usable_schema(connection, newest)
                damage = find_damage(connection)
            finally:
                connection.close()
    except StorageError as error:
        yield Finding(Level.FAIL, "database", str(error))
        return
    if damage:
        yield Finding(
            Level.FAIL,
            "database",
            f"{database} is damaged: {damage}",
            "Stop the server, keep a copy of the file, and restore the database from your backup.",
        )
    elif version > newest:
        yield Finding(
            Level.OK, "database", f"schema {version}; this version knows {newest}, and may work on it"
        )
    elif version < newest:
        yield Finding(Level.OK, "database", f"schema {version}; it becomes {newest} when it is opened")
    else:
        yield Finding(Level.OK, "database", f"schema {version}, SQLite {apsw.sqlite_lib_version()}")


def _shared(settings: Settings) -> Iterator[Finding]:
    from onema.storage.moving_postgres import schema_of
    from onema.storage.statements import migrations

    newest = migrations("postgres")[-1].number
    try:
        version = asyncio.run(schema_of(settings.database.reveal()))
    except StorageError as error:
        yield Finding(Level.FAIL, "database", str(error))
        return
    if version < newest:
        # Opening it would upgrade what servers of the version before may be working on.
        yield Finding(
            Level.WARN,
            "database",
            f"PostgreSQL, schema {version}, of which this version makes {newest}: nothing in it was looked at",
            "`onema migrate`, or start a server of this version.",
        )
    else:
        # Whether a newer one works with this version is said by opening it.
        newer = f", newer than this version's {newest}" if version > newest else ""
        yield Finding(Level.OK, "database", f"PostgreSQL, schema {version}{newer}")
