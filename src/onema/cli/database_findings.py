"""What `onema doctor` finds in the database itself, before anybody works on it."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from onema.administration.data_folder import DATABASE, DataFolderError, refuse_lost_database
from onema.cli.finding import Finding, Level
from onema.settings import Settings
from onema.storage.contract import StorageError

if TYPE_CHECKING:
    from onema.storage.postgres.server_state import ServerState

CONNECTIONS_OF_A_PROCESS = 8
"""See docs/operations/postgresql.md."""

_WHO = {"user": "the role has", "database user": "the role has", "database": "the database has"}


def database_findings(settings: Settings) -> Iterator[Finding]:
    """The first is the database's own; unless it is ok, nobody should open it."""
    return _shared(settings) if settings.database else _embedded(settings)


def _embedded(settings: Settings) -> Iterator[Finding]:
    import apsw

    from onema.storage.sqlite.file import find_damage, sqlite_errors, usable_schema
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
    from onema.storage.postgres.moving import schema_of
    from onema.storage.postgres.server_state import server_state, strays
    from onema.storage.statements import migrations

    dsn, newest = settings.database.reveal(), migrations("postgres")[-1].number
    try:
        version = asyncio.run(schema_of(dsn))
        state = asyncio.run(server_state(dsn))
        astray = asyncio.run(strays(dsn)) if version else []
    except StorageError as error:
        yield Finding(Level.FAIL, "database", str(error))
        return
    server = f"PostgreSQL {state.version}, schema {version}"
    if version < newest:
        # Opening it would upgrade what servers of the version before may be working on.
        yield Finding(
            Level.WARN,
            "database",
            f"{server}, of which this version makes {newest}: nothing in it was looked at",
            "`onema migrate`, or start a server of this version.",
        )
    else:
        # Whether a newer one works with this version is said by opening it.
        newer = f", newer than this version's {newest}" if version > newest else ""
        yield Finding(Level.OK, "database", f"{server}{newer}")
    yield from _set_up(state)
    if astray:
        yield Finding(
            Level.WARN,
            "PostgreSQL",
            f"rows of {', '.join(astray)} fit in no partition: they are slow to find",
            "A running node moves them within an hour. If they stay, its clock or that of the database was wrong.",
        )


def _set_up(state: "ServerState") -> Iterator[Finding]:
    what = "PostgreSQL"
    for setting, is_on in (("fsync", state.fsync), ("full_page_writes", state.full_page_writes)):
        if not is_on:
            yield Finding(
                Level.FAIL,
                what,
                f"{setting} is off: a power cut can destroy the database",
                f"ALTER SYSTEM SET {setting} = on; SELECT pg_reload_conf();",
            )
    if state.encoding != "UTF8":
        yield Finding(
            Level.FAIL,
            what,
            f"the database has the encoding {state.encoding}: it cannot hold every text",
            "Make one with ENCODING 'UTF8' TEMPLATE template0, and `onema copy` into it.",
        )
    if state.synchronous_commit == "off":
        where = _WHO.get(state.set_by, "the server has")
        yield Finding(
            Level.WARN,
            what,
            f"{where} synchronous_commit off: a crash loses codes and money that were answered",
            "Set it to on where it is off: ALTER ROLE, ALTER DATABASE or ALTER SYSTEM.",
        )
    if not state.standbys:
        yield Finding(
            Level.WARN,
            what,
            "no standby follows it: what is lost with this server is lost",
            "Set one up (docs/operations/high-availability.md), unless its disk is kept twice in another way.",
        )
    elif not state.synchronous_standby_names:
        yield Finding(
            Level.WARN,
            what,
            "no standby is synchronous: a failover loses what was answered last",
            "Name two in synchronous_standby_names: ANY 1 (a, b).",
        )
    if state.connections_left < CONNECTIONS_OF_A_PROCESS:
        yield Finding(
            Level.WARN,
            what,
            f"{state.connections_left} connections are left, and a process may need {CONNECTIONS_OF_A_PROCESS}",
            "Raise max_connections, or the limit of the role or database.",
        )
