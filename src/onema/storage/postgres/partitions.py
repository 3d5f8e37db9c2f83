"""Partitions by time: made ahead, and dropped by retention.

A partition holds the ids of some days. What fits in none goes to the table's default partition, so a node whose
upkeep did not run loses nothing but speed: the next `maintain` moves those rows.

Making and dropping need a lock that waits for every running batch and makes the next ones wait, so they ask for it
only for moments and try again. DETACH CONCURRENTLY would not wait, but is refused beside a default partition.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from onema.domain.ids import EPOCH_MS, first_id_at, time_of_id
from onema.domain.records import EntryKind, LedgerEntry
from onema.storage.contract import Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS, described, sqlstate
from onema.storage.postgres.link import UPKEEP_SECONDS, Connection, connect
from onema.storage.postgres.row_statements import PARTITIONED_BY
from onema.storage.statements import named_statements

DAY_MS = 86_400_000
AHEAD = 3
"""So many partitions are kept ready."""

# Advisory locks, by which nodes take turns. Dropping may take minutes, and no node that starts must wait for it.
_MAKING = 0x6D616B65  # "make" in ASCII
_DROPPING = 0x64726F70  # "drop" in ASCII
_TRIES = 30
_PAUSE_SECONDS = 0.2
_WORTH_TRYING_AGAIN = frozenset(
    {
        "55P03",  # the lock was not to be had in lock_timeout
        "40P01",  # deadlock
        "23514",  # a row came into the default partition after its like were moved
    }
)
_BOUNDS = re.compile(r"FOR VALUES FROM \('(-?\d+)'\) TO \('(-?\d+)'\)")


class Partition(NamedTuple):
    """Rows whose id is at least `lower` and under `upper`."""

    name: str
    lower: int
    upper: int


class Partitions:
    """The partitions of all growing tables. Nodes may work on them at the same time: they take turns."""

    def __init__(self, dsn: str, days: int) -> None:
        self._dsn = dsn
        self._period_ms = days * DAY_MS
        """What one partition holds, counted from the epoch of ids: all nodes and all tables agree on the bounds."""
        self._queries = named_statements("postgres.sql")

    async def maintain(self, now: int | None = None) -> None:
        """Make the partitions for `now` (the database's time when None) and the next AHEAD - 1."""
        async with self._turn(_MAKING) as connection:
            moment = now if now is not None else await connection.fetchval(self._queries["now"])
            for row_type, column in PARTITIONED_BY.items():
                existing = await self._existing(connection, row_type.table)
                for lower, upper in self._missing(existing, moment):
                    await _persistently(connection, self._creation(row_type.table, column, lower, upper))

    async def drop_older_than(self, moment: int) -> int:
        """Drop partitions whose last id is older than `moment`, and such rows of the defaults. How many went."""
        cut = first_id_at(moment)
        dropped = 0
        async with self._turn(_DROPPING) as connection:
            for row_type, column in PARTITIONED_BY.items():
                table = row_type.table
                for partition in await self._existing(connection, table):
                    if partition.upper > cut:
                        continue
                    preparation = (
                        self._closing(partition.name, partition.upper) if row_type is LedgerEntry else []
                    )
                    detach = f"ALTER TABLE {table} DETACH PARTITION {partition.name}"
                    await _persistently(connection, [detach], preparation)
                    await connection.execute(f"DROP TABLE {partition.name}")
                    dropped += 1
                old = f"{table}_default WHERE {column} < {cut}"
                closing = self._closing(f"{table}_default", cut) if row_type is LedgerEntry else []
                await _persistently(connection, [f"DELETE FROM {old}"], closing)  # noqa: S608  # our own names
        return dropped

    @staticmethod
    async def _existing(connection: Connection, table: str) -> list[Partition]:
        """The partitions of a table, oldest first, without its default."""
        found = []
        for name, bounds in await connection.fetch(named_statements("postgres.sql")["partitions"], table):
            match = _BOUNDS.fullmatch(bounds)
            if match is not None:
                found.append(Partition(name, int(match[1]), int(match[2])))
        return sorted(found, key=lambda partition: partition.lower)

    def _missing(self, existing: list[Partition], now: int) -> Iterator[tuple[int, int]]:
        """Bounds to be made. A partition ends at the next multiple of the period, whatever it was before."""
        period = self._period_ms
        start = now - (now - EPOCH_MS) % period
        end = start + AHEAD * period
        lower = max(first_id_at(start), *(partition.upper for partition in existing), 0)
        while lower < first_id_at(end):
            begun = time_of_id(lower)
            upper = first_id_at(begun + period - (begun - EPOCH_MS) % period)
            yield lower, upper
            lower = upper

    @staticmethod
    def _creation(table: str, column: str, lower: int, upper: int) -> list[str]:
        name = f"{table}_from_{lower}"
        values = f"FROM ({lower}) TO ({upper})"
        moved = f"DELETE FROM {table}_default WHERE {column} >= {lower} AND {column} < {upper} RETURNING *"  # noqa: S608  # our own names
        return [
            # A quarter of each page is left free, so that a message that changes its state stays in its page (a
            # HOT update) and its index entry with it.
            f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL) WITH (fillfactor = 75)",
            f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved",  # noqa: S608  # our own names
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {values}",
        ]

    def _closing(self, source: str, end: int) -> list[str]:
        """One entry per wallet for all in `source` before the id `end`; the lock keeps late entries out."""
        insert = self._queries["close_ledger"].format(
            source=source, end=end, at=time_of_id(end), kind=EntryKind.CLOSING.value
        )
        return [f"LOCK TABLE {source} IN SHARE ROW EXCLUSIVE MODE", insert]

    @contextlib.asynccontextmanager
    async def _turn(self, lock: int) -> AsyncIterator[Connection]:
        connection = await connect(self._dsn, "onema upkeep", UPKEEP_SECONDS)
        try:
            # Summing a partition is the one thing that reads a whole table; and it may wait for another node's turn.
            await connection.execute("SET enable_seqscan = on; SET lock_timeout = 0")
            await connection.fetch("SELECT pg_advisory_lock($1)", lock)
            await connection.execute("SET lock_timeout = '500ms'")
            yield connection
        except DRIVER_ERRORS as error:
            raise Unavailable(f"the partitions could not be kept: {described(error)}") from error
        finally:
            with contextlib.suppress(*DRIVER_ERRORS):
                await connection.close(timeout=5.0)


async def _persistently(
    connection: Connection, changes: list[str], preparation: list[str] | None = None
) -> None:
    """One transaction; `changes` are tried again when their locks are not to be had, `preparation` is not."""
    await connection.execute("BEGIN")
    try:
        await connection.execute("SET LOCAL lock_timeout = '10s'")
        for statement in preparation or ():
            await connection.execute(statement)
        await connection.execute("SET LOCAL lock_timeout = '500ms'; SAVEPOINT prepared")
        for left in reversed(range(_TRIES)):
            try:
                for statement in changes:
                    await connection.execute(statement)
                break
            except DRIVER_ERRORS as error:
                if sqlstate(error) not in _WORTH_TRYING_AGAIN or not left:
                    raise
                await connection.execute("ROLLBACK TO SAVEPOINT prepared")
                await asyncio.sleep(_PAUSE_SECONDS)
        await connection.execute("COMMIT")
    except BaseException:
        if connection.is_in_transaction():
            with contextlib.suppress(*DRIVER_ERRORS):
                await connection.execute("ROLLBACK")
        raise
