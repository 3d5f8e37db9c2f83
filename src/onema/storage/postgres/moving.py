"""PostgreSQL as what is copied, and as what is copied into. Either is one transaction that keeps writers out."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Iterator, Sequence

from onema.domain.ids import EPOCH_MS, first_id_at, time_of_id
from onema.domain.records import Row
from onema.domain.tables import TABLES
from onema.storage.contract import CommitUnknown, Unavailable
from onema.storage.moving import BATCH_ROWS, COPIED, MoveRefused, Values, everything, refuse_other_schema
from onema.storage.postgres.errors import DRIVER_ERRORS, commit_is_unknown, described
from onema.storage.postgres.link import CONNECT_SECONDS, Connection, connect
from onema.storage.postgres.migrating import migrate
from onema.storage.postgres.partitions import DAY_MS, Partitions
from onema.storage.postgres.row_statements import PARTITIONED_BY
from onema.storage.statements import migrations, named_statements

PARTITION_DAYS = 7
MOST_PARTITIONS = 104
"""Of one table, for the past: the transaction locks each. What is older stays in the default partition."""

_LOOKS = 10
_PAUSE_SECONDS = 0.1
_SERVERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'onema writer%'"
)
_HAS_VERSIONS = "SELECT to_regclass('schema_version') IS NOT NULL"
_LOWER_BOUND = re.compile(r"FOR VALUES FROM \('(-?\d+)'\)")


class PostgresSource:
    """See moving.Source."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, query: str) -> list[Values]:
        return await _ask(self._connection, query)

    async def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        cursor = f"copy_{row_type.table}"
        await _do(self._connection, f"DECLARE {cursor} NO SCROLL CURSOR FOR {everything(row_type)}")
        while batch := await _ask(self._connection, f"FETCH {BATCH_ROWS} FROM {cursor}"):
            yield batch
        await _do(self._connection, f"CLOSE {cursor}")


class PostgresTarget:
    """See moving.Target."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, query: str) -> list[Values]:
        return await _ask(self._connection, query)

    async def make_room(self, oldest: int) -> None:
        """Partitions for the past, so that retention drops it like all else."""
        for row_type in PARTITIONED_BY:
            table = row_type.table
            existing = await _ask(self._connection, named_statements("postgres.sql")["partitions"], table)
            begins = [int(match[1]) for _, bounds in existing if (match := _LOWER_BOUND.match(bounds))]
            for lower, upper in _past(oldest, min(begins)):
                await _do(
                    self._connection,
                    f"CREATE TABLE {table}_from_{lower} PARTITION OF {table}"
                    f" FOR VALUES FROM ({lower}) TO ({upper}) WITH (fillfactor = 75)",
                )

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        try:
            await self._connection.copy_records_to_table(
                row_type.table, records=rows, columns=row_type.__struct_fields__
            )
        except DRIVER_ERRORS as error:
            if where := _nul(row_type, rows):
                raise MoveRefused(
                    f"{where} holds the character NUL, which PostgreSQL cannot keep and no command takes any more. "
                    "Nothing was copied: take the character out of the source, and run the command again."
                ) from error
            raise Unavailable(f"{row_type.table}: {described(error)}") from error

    async def finish(self) -> None:
        try:
            await self._connection.execute("COMMIT")
        except DRIVER_ERRORS as error:
            if commit_is_unknown(error):
                raise CommitUnknown(described(error)) from error
            raise Unavailable(described(error)) from error


@contextlib.asynccontextmanager
async def postgres_source(dsn: str) -> AsyncIterator[PostgresSource]:
    """The database as of now, with writers kept out of it. Raises MoveRefused, Unavailable."""
    refuse_other_schema(await schema_of(dsn), migrations("postgres")[-1].number)
    async with _alone(dsn, "source", "SHARE") as connection:
        yield PostgresSource(connection)


@contextlib.asynccontextmanager
async def postgres_target(dsn: str) -> AsyncIterator[PostgresTarget]:
    """A database without rows; its schema is made or brought up to date. Raises MoveRefused, StorageError."""
    await migrate(dsn)
    await Partitions(dsn, PARTITION_DAYS).maintain()
    async with _alone(dsn, "target", "SHARE ROW EXCLUSIVE") as connection:
        for row_type in COPIED:
            if await _ask(connection, f"SELECT 1 FROM {row_type.table} LIMIT 1"):  # noqa: S608  # our own name
                raise MoveRefused(f"The target is not empty ({row_type.table}): name another database.")
        yield PostgresTarget(connection)


async def schema_of(dsn: str) -> int:
    """The number of the database's schema; 0 when there is none yet. Raises Unavailable."""
    connection = await connect(dsn, "onema copy")
    try:
        ((exists,),) = await _ask(connection, _HAS_VERSIONS)
        if not exists:
            return 0
        ((version,),) = await _ask(connection, named_statements("postgres.sql")["schema_version"])
        return int(version)
    finally:
        await _close(connection)


@contextlib.asynccontextmanager
async def _alone(dsn: str, role: str, lock: str) -> AsyncIterator[Connection]:
    """A connection in a transaction that sees one moment and lets nobody else write."""
    connection = await connect(dsn, "onema copy")
    try:
        await _refuse_beside_servers(connection, role)
        # Reading the other side may take longer than a batch ever should.
        await _do(connection, "SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '5s'")
        await _do(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ")
        # Locked before anything is read, so that what is seen is what is there.
        await _do(connection, f"LOCK TABLE {', '.join(row.table for row in TABLES)} IN {lock} MODE")
        yield connection
    finally:
        await _close(connection)


async def _refuse_beside_servers(connection: Connection, role: str) -> None:
    # PostgreSQL takes a moment to notice that a session has ended.
    for left in reversed(range(_LOOKS)):
        ((servers,),) = await _ask(connection, _SERVERS)
        if not servers:
            return
        await asyncio.sleep(_PAUSE_SECONDS if left else 0)
    raise MoveRefused(f"A server works on the {role}: stop every node first.")


def _nul(row_type: type[Row], rows: Sequence[Values]) -> str:
    """The first place that holds a NUL: the table, the row's key and the column; empty when there is none."""
    columns = row_type.__struct_fields__
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                key = ", ".join(map(repr, row[: row_type.key_columns]))
                return f"{row_type.table} ({key}), {column},"
    return ""


def _past(oldest: int, end: int) -> Iterator[tuple[int, int]]:
    """Bounds of partitions from the id `oldest` to where the present ones begin, oldest first."""
    period = PARTITION_DAYS * DAY_MS
    bounds = [end]
    begin = time_of_id(end) - 1
    while bounds[-1] > oldest and len(bounds) <= MOST_PARTITIONS:
        begin -= (begin - EPOCH_MS) % period
        bounds.append(first_id_at(begin))
        begin -= 1
    bounds.reverse()
    return itertools.pairwise(bounds)


async def _ask(connection: Connection, query: str, *parameters: object) -> list[Values]:
    try:
        return [tuple(record) for record in await connection.fetch(query, *parameters)]
    except DRIVER_ERRORS as error:
        raise Unavailable(f"PostgreSQL: {described(error)}") from error


async def _do(connection: Connection, statement: str) -> None:
    try:
        await connection.execute(statement)
    except DRIVER_ERRORS as error:
        raise Unavailable(f"PostgreSQL: {described(error)}") from error


async def _close(connection: Connection) -> None:
    with contextlib.suppress(*DRIVER_ERRORS):
        await connection.close(timeout=CONNECT_SECONDS)
