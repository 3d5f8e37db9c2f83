"""Copying a whole store into an empty one, of the same engine or another. All or nothing.

The new rows appear only with `finish`, after they were counted and the books were found to balance: PostgreSQL gets
one transaction, SQLite a file under another name. So a copy that fails leaves its target as it was, and is begun anew.

Both sides are for one process that knows that nobody else writes. PostgreSQL's are locked against others; for
SQLite's the caller holds the data folder.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from pathlib import Path
from typing import Any, LiteralString, Protocol, TypeAlias

import apsw
import msgspec

from onema.domain.ids import EPOCH_MS, first_id_at, time_of_id
from onema.domain.records import TABLES, Row
from onema.storage.contract import CommitUnknown, StorageError, Unavailable
from onema.storage.postgres import errors
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import Connection, connect
from onema.storage.postgres.migrating import migrate
from onema.storage.postgres.partitions import DAY_MS, Partitions
from onema.storage.postgres.row_statements import PARTITIONED_BY
from onema.storage.sqlite_file import draft_of, open_draft, put_in_place
from onema.storage.statements import migrations, named_statements, plain_statements

BATCH_ROWS = 2_000
PARTITION_DAYS = 7
MOST_PARTITIONS = 104
"""Of a table, for the past. A transaction holds a lock on each; what is older stays in the default partition."""

Values: TypeAlias = tuple[Any, ...]
Counts: TypeAlias = dict[type[Row], int]
Progress: TypeAlias = Callable[[str, int], None]
"""Told a table and how many more of its rows were copied."""


class MoveRefused(StorageError):
    """Nothing was begun; the text is a sentence that says why."""


class OldStore(Protocol):
    """What is copied, as of one moment."""

    async def ask(self, query: LiteralString) -> list[Values]:
        """What a query in the SQL of both engines finds."""

    def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        """All rows of a table by ascending key, in batches."""


class NewStore(Protocol):
    """What is written. It was empty."""

    async def ask(self, query: LiteralString) -> list[Values]: ...

    async def make_room(self, oldest: int) -> None:
        """Prepare for rows whose time-ordered ids begin with `oldest`."""

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        """Add rows; each table's come by ascending key."""

    async def finish(self) -> None:
        """Make all that was written durable and visible. Raises CommitUnknown when only a look can tell."""


async def copy(source: OldStore, target: NewStore, progress: Progress) -> Counts:
    """Copy every table and verify the outcome: equal counts, and every wallet the sum of its ledger.

    How many rows each table has. Raises MoveRefused when the source's own books do not balance, StorageError when
    the copy failed or differs.
    """
    if wrong := await unbalanced(source):
        accounts = ", ".join(map(str, wrong))
        raise MoveRefused(
            f"The source's ledger does not add up to the balance of these accounts: {accounts}. "
            "A copy would hide that; it must be looked into first."
        )
    expected = await count_rows(source)
    ((oldest,),) = await source.ask("SELECT min(id) FROM messages")
    if oldest is not None:
        await target.make_room(oldest)
    for row_type in TABLES:
        async for rows in source.rows(row_type):
            await target.write(row_type, rows)
            progress(row_type.table, len(rows))
    copied = await count_rows(target)
    for row_type in TABLES:
        if copied[row_type] != expected[row_type]:
            raise StorageError(
                f"{row_type.table} has {expected[row_type]} rows, and {copied[row_type]} of them arrived"
            )
    if wrong := await unbalanced(target):
        raise StorageError(f"the copied ledger does not add up for accounts {', '.join(map(str, wrong))}")
    await target.finish()
    return copied


async def count_rows(store: OldStore | NewStore) -> Counts:
    return {row_type: (await store.ask(_count(row_type)))[0][0] for row_type in TABLES}


async def unbalanced(store: OldStore | NewStore) -> list[int]:
    """The accounts whose balance is not the sum of their ledger."""
    found = await store.ask(
        "SELECT account FROM (SELECT account, balance AS amount FROM wallets"
        " UNION ALL SELECT account, -amount FROM ledger) AS books"
        " GROUP BY account HAVING sum(amount) <> 0 ORDER BY account"
    )
    return [account for (account,) in found]


# SQLite.


class SqliteSource:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def ask(self, query: LiteralString) -> list[Values]:
        with _sqlite_errors():
            return list(self._connection.execute(query))

    async def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        # SQLite keeps booleans as integers.
        booleans = [n for n, field in enumerate(msgspec.structs.fields(row_type)) if field.type is bool]
        with _sqlite_errors():
            cursor = self._connection.execute(_everything(row_type))
        while True:
            with _sqlite_errors():
                rows = list(islice(cursor, BATCH_ROWS))
            if not rows:
                return
            yield [_with_booleans(row, booleans) for row in rows] if booleans else rows


class SqliteTarget:
    """Writes a draft beside the database, which takes its name in the end."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection

    async def ask(self, query: LiteralString) -> list[Values]:
        with _sqlite_errors():
            return list(self._connection.execute(query))

    async def make_room(self, oldest: int) -> None:
        """Its tables have no partitions."""

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        with _sqlite_errors():
            self._connection.executemany(plain_statements(row_type).insert, rows)

    async def finish(self) -> None:
        with _sqlite_errors():
            self._connection.execute("COMMIT")
            self._connection.close()
            # What an empty database left behind would be taken for the new one's log.
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            put_in_place(self._path)


@contextlib.asynccontextmanager
async def sqlite_source(path: Path) -> AsyncIterator[SqliteSource]:
    """The database at `path`, whose data folder the caller holds. Raises MoveRefused, Unavailable."""
    if not path.exists():
        raise MoveRefused(f"There is no database {path.absolute()}.")
    with _sqlite_errors(), contextlib.closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(5_000)
        connection.pragma("query_only", True)
        _check_schema(connection.pragma("user_version"), "sqlite")
        connection.execute("BEGIN")
        yield SqliteSource(connection)


@contextlib.asynccontextmanager
async def sqlite_target(path: Path) -> AsyncIterator[SqliteTarget]:
    """An empty or missing database at `path`, whose data folder the caller holds. Raises MoveRefused, Unavailable."""
    with _sqlite_errors():
        if path.exists():
            _refuse_full_file(path)
        with open_draft(path) as connection:
            # The draft is worth nothing until it is whole, so it needs no journal.
            connection.pragma("journal_mode", "off")
            connection.pragma("synchronous", "off")
            connection.execute("BEGIN EXCLUSIVE")
            for number, script in migrations("sqlite"):
                connection.execute(script)
                connection.pragma("user_version", number)
            yield SqliteTarget(path, connection)


def sqlite_schema(path: Path) -> int:
    """The number of a database's schema; 0 when there is none."""
    if not path.exists():
        return 0
    with _sqlite_errors(), contextlib.closing(apsw.Connection(str(path))) as connection:
        version: int = connection.pragma("user_version")
    return version


def _refuse_full_file(path: Path) -> None:
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone():  # noqa: S608  # of the schema
                raise MoveRefused(f"{path.absolute()} is not empty ({table} has rows): name another folder.")


def _with_booleans(row: Values, columns: Sequence[int]) -> Values:
    values = list(row)
    for number in columns:
        values[number] = bool(values[number])
    return tuple(values)


@contextlib.contextmanager
def _sqlite_errors() -> Iterator[None]:
    try:
        yield
    except (apsw.Error, OverflowError) as error:
        raise Unavailable(f"the SQLite database cannot be used: {error}") from error
    except OSError as error:
        raise Unavailable(f"{error.filename or 'a file'} cannot be used: {error.strerror}") from error


# PostgreSQL.


class PostgresSource:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, query: LiteralString) -> list[Values]:
        return await _ask(self._connection, query)

    async def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        cursor = f"copy_{row_type.table}"
        await self._connection.execute(f"DECLARE {cursor} NO SCROLL CURSOR FOR {_everything(row_type)}")
        while rows := await _ask(self._connection, f"FETCH {BATCH_ROWS} FROM {cursor}"):
            yield rows
        await self._connection.execute(f"CLOSE {cursor}")


class PostgresTarget:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, query: LiteralString) -> list[Values]:
        return await _ask(self._connection, query)

    async def make_room(self, oldest: int) -> None:
        """Partitions for the past, so that retention drops it as it drops all else."""
        for row_type, column in PARTITIONED_BY.items():
            for lower, upper in _past(oldest, await self._first_partition(row_type)):
                await self._connection.execute(
                    f"CREATE TABLE {row_type.table}_from_{lower} PARTITION OF {row_type.table}"
                    f" FOR VALUES FROM ({lower}) TO ({upper}) WITH (fillfactor = 75)"
                )

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        try:
            await self._connection.copy_records_to_table(
                row_type.table, records=rows, columns=row_type.__struct_fields__
            )
        except DRIVER_ERRORS as error:
            raise Unavailable(f"{row_type.table}: {error or type(error).__name__}") from error

    async def finish(self) -> None:
        try:
            await self._connection.execute("COMMIT")
        except DRIVER_ERRORS as error:
            if errors.commit_is_unknown(error):
                raise CommitUnknown(str(error) or type(error).__name__) from error
            raise

    async def _first_partition(self, row_type: type[Row]) -> int:
        """The id where the partitions begin that this table has already."""
        found = await Partitions.existing(self._connection, row_type.table)
        return found[0].lower
