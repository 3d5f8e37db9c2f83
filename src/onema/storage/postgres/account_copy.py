"""Copying the rows of one account from one database to another while it is used.

The first round copies all, each further one what was changed since the one before it began, which a row's `xmin` tells:
the transaction that wrote it. So the last round, for which nobody may write, has little to copy; it reads all rows of
the account once more. Rows that are gone at the source are found by their keys, where the counts differ.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

import msgspec

from onema.domain.delivery.gone_addresses import GoneAddress
from onema.domain.door_rows import UserAccess
from onema.domain.guard.rows import GuardSubject
from onema.domain.money.low_balance import LowBalance
from onema.domain.records import (
    HANDING_OVER,
    Attempt,
    Call,
    CarrierReference,
    DeadJob,
    Event,
    Job,
    LedgerEntry,
    LiveVerification,
    Message,
    Row,
    TopUp,
    Wallet,
    Window,
)
from onema.domain.request_key import RequestKey
from onema.domain.statistics import Statistics
from onema.storage.contract import StorageError, Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS, described
from onema.storage.postgres.link import CONNECT_SECONDS, Connection, connect
from onema.storage.statements import named_statements

R = TypeVar("R", bound=Row)

COPIED: tuple[type[Row], ...] = (
    LedgerEntry,
    TopUp,
    Window,
    GuardSubject,
    RequestKey,
    LiveVerification,
    Message,
    Attempt,
    Call,
    Event,
    CarrierReference,
    DeadJob,
    GoneAddress,
    Statistics,
    LowBalance,
)
"""Copied in every round. The wallet comes with the last: what has one is prepared for searches, and may not grow."""
LEFT_BEHIND: tuple[type[Row], ...] = (Job, Wallet, *(row for row in COPIED if row is not CarrierReference))
"""What is deleted where the account was, once it is elsewhere: receipts still find out whose they are."""
_LAST: tuple[type[Row], ...] = (Wallet, *COPIED)
ROWS_AT_ONCE = 20_000
_CHUNKS = 16
_SESSION = (
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    " SET enable_seqscan = on; SET enable_hashjoin = on"
)
"""A round reads whole tables, which no batch does."""


class AccountCopy:
    """From one database into another, both open for others. `account` is the account's number."""

    def __init__(self, source: Connection, target: Connection, account: int) -> None:
        self._source = source
        self._target = target
        self._account = int(account)
        self._since: dict[type[Row], str] = {}
        """By table, the oldest transaction that may not have been seen by its last round."""

    async def clear(self) -> None:
        """Delete what the target has of the account, from a move that was not ended, or a stay before."""
        with _errors():
            await self._target.execute(
                "DELETE FROM search_terms WHERE part IN (SELECT last FROM search_parts WHERE account = $1)",
                self._account,
            )
            await self._target.execute("DELETE FROM search_parts WHERE account = $1", self._account)
            every: tuple[type[Row], ...] = (Job, *_LAST)
            for row_type in every:
                await self._target.execute(f"DELETE FROM {row_type.table} WHERE account = $1", self._account)  # noqa: S608  # our own name

    async def round(self) -> int:
        """Copy what changed since the last one; how many rows. Raises Unavailable."""
        return sum([await self._copy(row_type) for row_type in COPIED])

    async def last_round(self) -> int:
        """Once nobody writes: copy what changed, and make sure that it is the same on both sides. Raises StorageError
        where it is not.
        """
        rows = await self.round() + await self._copy(Wallet)
        for row_type in _LAST:
            await self._remove_gone(row_type)
        with _errors():
            (books,) = await self._target.fetch(
                "SELECT (SELECT coalesce(sum(balance), 0) FROM wallets WHERE account = $1),"
                " (SELECT coalesce(sum(amount), 0) FROM ledger WHERE account = $1)",
                self._account,
            )
        if books[0] != books[1]:
            raise StorageError(f"the copied ledger does not add up to the balance: {books[1]}, {books[0]}")
        return rows

    async def jobs(self) -> tuple[Job, ...]:
        """All that is to be done for the account. What is leased and has not begun cannot begin where it was: it is due
        at once.
        """
        jobs = await self._rows(Job, "account = $1", self._account)
        return tuple(
            msgspec.structs.replace(job, due_at=0)
            if job.lease and not job.in_flight and job.kind in HANDING_OVER
            else job
            for job in jobs
        )

    async def access(self, users: Sequence[str]) -> tuple[UserAccess, ...]:
        """What users show to come in to the console."""
        return tuple(await self._rows(UserAccess, "name = ANY ($1::text[])", list(users)))

    async def sweep(self) -> int:
        """Delete what the source still has of the account that has left it; how many rows."""
        gone = 0
        with _errors():
            for row_type in LEFT_BEHIND:
                key = ", ".join(row_type.__struct_fields__[: row_type.key_columns])
                while True:
                    status = await self._source.execute(
                        f"DELETE FROM {row_type.table} WHERE ({key}) IN"  # noqa: S608  # our own names
                        f" (SELECT {key} FROM {row_type.table} WHERE account = $1 LIMIT {ROWS_AT_ONCE})",
                        self._account,
                    )
                    count = int(status.rsplit(maxsplit=1)[-1])
                    gone += count
                    if count < ROWS_AT_ONCE:
                        break
        return gone

    async def _copy(self, row_type: type[Row]) -> int:
        table, columns = row_type.table, row_type.__struct_fields__
        key, rest = columns[: row_type.key_columns], columns[row_type.key_columns :]
        since = self._since.get(row_type)
        changed = f" AND age(xmin) <= age('{since}'::xid)" if since is not None else ""
        with _errors():
            async with (
                _transaction(self._source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                _transaction(self._target, "BEGIN"),
            ):
                horizon = await self._source.fetchval(
                    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295"
                )
                draft = f"moved_{table}"
                await self._target.execute(
                    f"CREATE TEMP TABLE {draft} ON COMMIT DROP AS SELECT {', '.join(columns)} FROM {table} LIMIT 0"  # noqa: S608  # our own names
                )
                rows = f"SELECT {', '.join(columns)} FROM {table} WHERE account = {self._account}{changed}"  # noqa: S608  # our own names
                count = await _pipe(self._source, rows, self._target, draft, columns)
                if count:
                    updates = ", ".join(f"{column} = excluded.{column}" for column in rest)
                    await self._target.execute(
                        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {draft}"  # noqa: S608  # our own names
                        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
                    )
        self._since[row_type] = str(horizon)
        return count

    async def _remove_gone(self, row_type: type[Row]) -> None:
        """Rows that expire may be gone on either side, and nobody looks at them any more."""
        key = row_type.__struct_fields__[: row_type.key_columns]
        where = f"FROM {row_type.table} WHERE account = $1"
        if "expires_at" in row_type.__struct_fields__ and row_type is not LiveVerification:
            where += " AND expires_at > extract(epoch FROM now()) * 1000 + 60000"
        with _errors():
            here = await self._source.fetchval(f"SELECT count(*) {where}", self._account)
            there = await self._target.fetchval(f"SELECT count(*) {where}", self._account)
            if here == there:
                return
            keys = f"SELECT {', '.join(key)} {where}"
            kept = {tuple(one) for one in await self._source.fetch(keys, self._account)}
            copied = {tuple(one) for one in await self._target.fetch(keys, self._account)}
            if kept - copied:
                raise StorageError(f"{len(kept - copied)} rows of {row_type.table} did not arrive")
            by_key = " AND ".join(f"{column} = ${number}" for number, column in enumerate(key, 1))
            await self._target.executemany(
                f"DELETE FROM {row_type.table} WHERE {by_key}",  # noqa: S608  # our own names
                list(copied - kept),
            )

    async def _rows(self, row_type: type[R], where: str, *parameters: object) -> list[R]:
        columns = ", ".join(row_type.__struct_fields__)
        query = f"SELECT {columns} FROM {row_type.table} WHERE {where}"  # noqa: S608  # our own names
        with _errors():
            return [row_type(*values) for values in await self._source.fetch(query, *parameters)]


@contextlib.asynccontextmanager
async def account_copy(source: str, target: str, account: int) -> AsyncIterator[AccountCopy]:
    """Between the databases of two DSNs. Nobody else moves an account of either meanwhile. Raises Unavailable."""
    async with contextlib.AsyncExitStack() as stack:
        connections: list[Connection] = []
        for dsn in (source, target):
            connection = await connect(dsn, "onema cell")
            stack.push_async_callback(_close, connection)
            with _errors():
                await connection.execute(_SESSION)
                if not await connection.fetchval(named_statements("postgres.sql")["claim_moving"]):
                    raise Unavailable("another move is under way in one of the two cells")
            connections.append(connection)
        yield AccountCopy(connections[0], connections[1], account)


@contextlib.asynccontextmanager
async def _transaction(connection: Connection, begin: str) -> AsyncIterator[None]:
    await connection.execute(begin)
    try:
        yield
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _pipe(
    source: Connection, query: str, target: Connection, table: str, columns: Sequence[str]
) -> int:
    """Everything that a query finds, into a table; how many rows."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(_CHUNKS)

    async def read() -> None:
        await source.copy_from_query(query, output=chunks.put, format="binary")
        await chunks.put(b"")

    async def arriving() -> AsyncIterator[bytes]:
        while chunk := await chunks.get():
            yield chunk

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        writing = group.create_task(
            target.copy_to_table(table, source=arriving(), columns=columns, format="binary")
        )
    status: str = writing.result()
    return int(status.rsplit(maxsplit=1)[-1])


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except* DRIVER_ERRORS as errors:
        raise Unavailable(f"PostgreSQL: {described(errors.exceptions[0])}") from errors


async def _close(connection: Connection) -> None:
    with contextlib.suppress(*DRIVER_ERRORS):
        await connection.close(timeout=CONNECT_SECONDS)
