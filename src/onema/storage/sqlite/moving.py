"""SQLite as what is copied, and as what is copied into."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path

import apsw

from onema.domain.records import Row, column_types
from onema.storage.moving import BATCH_ROWS, NOT_COPIED, MoveRefused, Values, everything, refuse_other_schema
from onema.storage.sqlite.file import draft, migrate, put_in_place, schema_of, sqlite_errors
from onema.storage.statements import migrations, plain_statements

_WORTH_NOTHING = ("schema_version", *(row_type.table for row_type in NOT_COPIED))
"""Tables in which an unused database has rows too."""


class SqliteSource:
    """See moving.Source."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def ask(self, query: str) -> list[Values]:
        with sqlite_errors():
            return self._connection.execute(query).fetchall()

    async def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        # SQLite keeps booleans as integers.
        booleans = [n for n, kind in enumerate(column_types(row_type).values()) if kind is bool]
        with sqlite_errors():
            cursor = self._connection.execute(everything(row_type))
        while True:
            with sqlite_errors():
                batch = list(islice(cursor, BATCH_ROWS))
            if not batch:
                return
            yield [_with_booleans(row, booleans) for row in batch] if booleans else batch


class SqliteTarget:
    """See moving.Target. Writes a draft beside the database, which takes its name in the end."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection

    async def ask(self, query: str) -> list[Values]:
        with sqlite_errors():
            return self._connection.execute(query).fetchall()

    async def make_room(self, oldest: int) -> None:
        """These tables have no partitions."""

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        with sqlite_errors():
            self._connection.executemany(plain_statements(row_type).insert, rows)

    async def finish(self) -> None:
        with sqlite_errors():
            self._connection.execute("COMMIT")
            put_in_place(self._path, self._connection)


@contextlib.asynccontextmanager
async def sqlite_source(path: Path) -> AsyncIterator[SqliteSource]:
    """The database at `path`, whose data folder the caller holds. Raises MoveRefused, Unavailable."""
    _refuse_unless_present(path)
    with sqlite_errors():
        connection = apsw.Connection(str(path))
    with contextlib.closing(connection):
        with sqlite_errors():
            connection.set_busy_timeout(5_000)
            connection.pragma("query_only", True)
            connection.execute("BEGIN")
        yield SqliteSource(connection)


@contextlib.asynccontextmanager
async def sqlite_target(path: Path) -> AsyncIterator[SqliteTarget]:
    """A database at `path`, missing or empty, whose data folder the caller holds. Raises MoveRefused, Unavailable."""
    with sqlite_errors():
        _refuse_if_used(path)
    with draft(path) as connection:
        with sqlite_errors():
            # A draft is worth nothing until it is whole, so it needs no journal.
            connection.pragma("journal_mode", "off")
            connection.pragma("synchronous", "off")
            connection.execute("BEGIN EXCLUSIVE")
        migrate(connection)
        yield SqliteTarget(path, connection)


def _refuse_unless_present(path: Path) -> None:
    if not path.exists():
        raise MoveRefused(f"There is no database {path.absolute()}.")
    refuse_other_schema(schema_of(path), migrations("sqlite")[-1].number)


def _refuse_if_used(path: Path) -> None:
    if not path.exists():
        return
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for table in [name for (name,) in tables if name not in _WORTH_NOTHING]:
            if connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone():  # noqa: S608  # of the schema
                raise MoveRefused(
                    f"The target {path.absolute()} is not empty ({table}): name another folder."
                )


def _with_booleans(row: Values, columns: Sequence[int]) -> Values:
    values = list(row)
    for number in columns:
        values[number] = bool(values[number])
    return tuple(values)
