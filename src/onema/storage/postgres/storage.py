"""The store for many nodes: PostgreSQL, one transaction per batch, COPY and array parameters.

A batch is two exchanges with the server: BEGIN with all reads, and all changes with COMMIT. New rows of a large
batch are sent while the rest of it is decided.

Locks. `begin` locks the rows that exist, in key order. A key that is missing cannot be locked; a batch that puts
it inserts it, and when another node inserted it first, the batch is a Conflict and is decided anew. So whoever
decides on a row's absence must put that row, as every command does with counters, live codes, wallets, top-ups
and the directory's revision. docs/decisions/0020-postgresql.md has the alternatives and their price.

Unknown commits. Every batch inserts its id. `was_committed` inserts it too: that waits for a transaction that
still holds it, so the answer is final even while the server has not noticed that our link broke.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from onema.domain.ids import first_id_at, time_of_id
from onema.domain.leave_job import LEFT_FOR_MS
from onema.domain.records import (
    TABLES,
    Attempt,
    DirectoryRevision,
    DirectoryRow,
    Event,
    InboxItem,
    Job,
    JobKind,
    Key,
    LedgerEntry,
    Message,
    Row,
)
from onema.storage.contract import CommitUnknown, Conflict, StorageError, Story, Unavailable
from onema.storage.postgres import binary_values, errors
from onema.storage.postgres.backoff import delays
from onema.storage.postgres.binary_values import row_format
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import Connection, Link, Watchdog, open_pool
from onema.storage.postgres.migrating import migrate
from onema.storage.postgres.partitions import Partitions
from onema.storage.postgres.pipeline import Pipeline
from onema.storage.postgres.row_statements import (
    Column,
    Save,
    get_statement,
    has_place,
    key_bounds,
    key_columns,
    lock_statement,
    row_type_of,
    save_columns,
    save_statement,
)
from onema.storage.postgres.wake_ups import DIRECTORY_CHANNEL, Announcer, Listener
from onema.storage.postgres.wire import copy_in
from onema.storage.statements import named_statements

BATCH_SECONDS = 10.0
"""How long a batch's statements may take before its link counts as lost."""

SETTLE_SECONDS = 60.0
"""How long `was_committed` goes on asking."""

KEEP_BATCHES_MS = 24 * 3_600_000
_TABLE_ORDER = {row_type: number for number, row_type in enumerate(TABLES)}

R = TypeVar("R", bound=Row)


class PostgresStorage:
    """A store that any number of nodes write. `dsn` may name several hosts; the one that may write is used.

    `partition_days` is how much time one partition of the growing tables holds; it may change at any time and
    holds for partitions made from then on.
    """

    def __init__(
        self,
        dsn: str,
        *,
        readers: int = 4,
        partition_days: int = 7,
        batch_seconds: float = BATCH_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._dsn = dsn
        self._readers = readers
        self._settle_seconds = settle_seconds
        self._queries = named_statements("postgres.sql")
        # The name tells this process's lost sessions from those of other nodes.
        self._writer = Link(dsn, f"onema writer {secrets.token_hex(8)}", self._queries["end_lost_sessions"])
        self._watchdog = Watchdog(self._writer, batch_seconds)
        self._partitions = Partitions(dsn, partition_days)
        self._asked: Sequence[Key] = ()
        self._found: dict[Key, Row] = {}
        self._places: dict[Key, bytes] = {}
        self._inserted: list[Row] = []

    async def open(self) -> None:
        """Connect, bring the schema up to date and make the first partitions."""
        await migrate(self._dsn)
        await self._partitions.maintain()
        self._pool = await open_pool(self._dsn, self._readers)
        await self._writer.ready()
        self._announcer = Announcer(self._fetch)

    async def close(self) -> None:
        await self._announcer.close()
        await self._pool.close()
        await self._writer.close()

    # The batch.

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        link = await self._writer.ready()
        self._watchdog.start()
        try:
            link.add("BEGIN")
            groups = [(row_type, list(group)) for row_type, group in itertools.groupby(keys, key=row_type_of)]
            for row_type, group in groups:
                link.add(lock_statement(row_type), _key_parameters(row_type, group))
            answers = await link.sync()
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        except BaseException:
            self._writer.drop()
            raise
        found, places = dict[Key, Row](), dict[Key, bytes]()
        for (row_type, _), rows in zip(groups, answers.rows[1:], strict=False):
            _take_locked(row_type, rows, found, places)
        self._asked, self._found, self._places = keys, found, places
        self._inserted.clear()
        return dict(found)

    async def insert(self, rows: Sequence[Row]) -> None:
        """Sent, and not waited for: `commit` hears what became of them."""
        link = self._writer.pipeline
        if link is None:
            return
        parts = defaultdict[type[Row], list[Row]](list)
        for row in rows:
            parts[type(row)].append(row)
        try:
            for row_type, new in parts.items():
                link.add(save_statement(Save.INSERT, row_type), after=copy_in(row_format(row_type).copy(new)))
            link.send()
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        self._inserted.extend(rows)

    async def commit(self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> None:
        link = self._writer.pipeline
        if link is None:
            self._watchdog.stop()
            raise Unavailable("the connection was lost before the batch was saved")
        try:
            self._add_changes(link, batch, written, inserted)
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        except BaseException:
            self._writer.drop()
            raise
        await self._make_durable(link, written)
        saved = itertools.chain(self._inserted, inserted, written.values())
        self._announcer.jobs_were_left(saved, time_of_id(batch))

    async def abort(self) -> None:
        await self._undo(None)

    async def was_committed(self, batch: int) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settle_seconds
        async for _ in delays():
            try:
                return await self._settle(batch)
            except StorageError as error:
                if loop.time() > deadline:
                    raise CommitUnknown(f"whether batch {batch} was saved is not known: {error}") from error
        raise AssertionError("delays never end")

    def _add_changes(
        self, link: Pipeline, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row]
    ) -> None:
        parts = self._changes(written, inserted)
        for save, row_type in sorted(parts, key=lambda part: (_TABLE_ORDER[part[1]], part[0].value)):
            rows = parts[save, row_type]
            statement = save_statement(save, row_type)
            if save is Save.INSERT:
                link.add(statement, after=copy_in(row_format(row_type).copy(rows)))
            else:
                link.add(statement, self._save_parameters(save, row_type, rows))
        if any(key[0] is DirectoryRevision for key in written):
            link.add(self._queries["announce_directory"], [binary_values.text(DIRECTORY_CHANNEL)])
        link.add(self._queries["batch_saved"], [binary_values.integer(batch)])
        link.add("COMMIT")

    def _changes(
        self, written: Mapping[Key, Row | None], inserted: Sequence[Row]
    ) -> dict[tuple[Save, type[Row]], list[Any]]:
        """The rows (keys, for DELETE) of every statement."""
        found, asked = self._found, set(self._asked)
        parts = defaultdict[tuple[Save, type[Row]], list[Any]](list)
        born: dict[type[Row], list[tuple[Key, Row]]] = defaultdict(list)
        for key, row in written.items():
            row_type = key[0]
            if row is None:
                if key in found:
                    parts[Save.DELETE, row_type].append(key)
            elif key in found and has_place(row_type):
                parts[Save.UPDATE, row_type].append(row)
            elif key in asked and key not in found:
                born[row_type].append((key, row))
            else:
                parts[Save.UPSERT, row_type].append(row)
        for row_type, pairs in born.items():
            # All nodes insert in key order, so that two of them cannot wait for each other.
            pairs.sort(key=itemgetter(0))
            parts[Save.INSERT, row_type] += [row for _, row in pairs]
        for row in inserted:
            parts[Save.INSERT, type(row)].append(row)
        return parts

    def _save_parameters(self, save: Save, row_type: type[Row], rows: Sequence[Any]) -> list[bytes]:
        if save is Save.DELETE:
            if has_place(row_type):
                return [binary_values.places([self._places[key] for key in rows])]
            return _arrays(key_columns(row_type, rows))
        columns = save_columns(row_type, rows)
        if save is Save.UPDATE:
            places = [self._places[row.key] for row in rows]
            return [binary_values.places(places), *_arrays(columns[row_type.key_columns :])]
        return _arrays(columns)

    async def _make_durable(self, link: Pipeline, written: Mapping[Key, Row | None]) -> None:
        """Wait for the answers to all changes and to COMMIT, which were sent together."""
        try:
            answers = await link.sync()
        except DRIVER_ERRORS as error:
            if errors.commit_is_unknown(error):
                self._writer.drop()
                raise CommitUnknown(str(error) or type(error).__name__) from error
            await self._undo(error)
            if errors.is_duplicate(error) and await self._was_overtaken(written):
                raise Conflict(str(error)) from error
            raise errors.translated(error) from error
        except BaseException:
            self._writer.drop()
            raise
        finally:
            self._watchdog.stop()
        if answers.tag != b"COMMIT":
            raise Conflict(f"COMMIT was answered with {answers.tag.decode()}")

    async def _undo(self, error: BaseException | None) -> None:
        """End the transaction without saving; a link that cannot even do that is cut."""
        link = self._writer.pipeline
        try:
            if link is not None and error is not None and errors.link_is_useless(error):
                self._writer.drop()
            elif link is not None and link.in_transaction:
                await link.undo()
        except DRIVER_ERRORS:
            self._writer.drop()
        finally:
            self._watchdog.stop()

    async def _was_overtaken(self, written: Mapping[Key, Row | None]) -> bool:
        """Whether a row that was missing when this batch began is there now: another node was faster."""
        born = [key for key in self._asked if key not in self._found and written.get(key) is not None]
        with contextlib.suppress(StorageError):
            return bool(born) and bool(await self.read(born))
        return False

    async def _settle(self, batch: int) -> bool:
        """One try at `was_committed`. What it finds committed is made durable once more: a row can be visible
        before the standby that our COMMIT waited for has it.
        """
        link = await self._writer.ready()
        self._watchdog.start()
        try:
            link.add("BEGIN")
            link.add(self._queries["settle_batch"], [binary_values.integer(batch)])
            answers = await link.sync()
            is_new = answers.rows[1] == [binary_values.TRUE]
            link.add("ROLLBACK" if is_new else "COMMIT")
            await link.sync()
        except DRIVER_ERRORS as error:
            self._writer.drop()
            raise Unavailable(str(error) or type(error).__name__) from error
        finally:
            self._watchdog.stop()
        return not is_new

    # Short transactions of their own.

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        parameters = (now, until, limit, list(kinds), list(elsewhere), now - LEFT_FOR_MS)
        records = await self._fetch(self._queries["lease_jobs"], *parameters)
        return sorted((Job(*record) for record in records), key=lambda job: job.id)

    async def sweep(self, now: int, limit: int) -> int:
        swept = 0
        for name in ("sweep_live_verifications", "sweep_windows", "sweep_carrier_references"):
            swept += await self._count(self._queries[name], now, limit)
        await self._count(self._queries["sweep_batches"], first_id_at(now - KEEP_BATCHES_MS))
        return swept

    async def trim_inbox(self, keep: int, oldest: int) -> int:
        return await self._count(self._queries["trim_inbox"], keep, oldest)

    async def clock(self) -> int | None:
        (record,) = await self._fetch(self._queries["now"])
        time: int = record[0]
        return time

    # What only this engine has.

    async def listen(
        self, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> Listener:
        """Call back when any node changes the directory or leaves jobs due, until the listener is closed.

        Wake-ups can be lost with a connection: both are also called after each reconnection, and whoever
        listens still polls now and then.
        """
        listener = Listener(self._dsn, on_directory_changed, on_jobs_due)
        await listener.start()
        return listener

    async def maintain(self, now: int) -> None:
        """Make the partitions that will be needed next. Any node may call it, at least once a day."""
        await self._partitions.maintain(now)

    async def drop_older_than(self, moment: int, limit: int = 0) -> int:
        """Drop partitions that end before `moment` (Unix milliseconds); a closing ledger entry per wallet keeps
        its sum. How many went.
        """
        return await self._partitions.drop_older_than(moment)

    # Reads.

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        found: dict[Key, Row] = {}
        in_order = sorted(keys, key=lambda key: _TABLE_ORDER[key[0]])
        for row_type, group in itertools.groupby(in_order, key=row_type_of):
            for record in await self._fetch(get_statement(row_type), *_driver_parameters(row_type, group)):
                row = row_type(*record)
                found[row.key] = row
        return found

    async def read_directory(self) -> tuple[int, Sequence[DirectoryRow]]:
        async with self._snapshot() as connection:
            revision = await connection.fetchval(self._queries["directory_revision"])
            records = await connection.fetch(self._queries["directory"])
        return revision or 0, [DirectoryRow(*record) for record in records]

    async def read_story(self, account: int, message: int) -> Story | None:
        async with self._snapshot() as connection:

            async def rows(row_type: type[R], query: str) -> list[R]:
                records = await connection.fetch(self._queries[query], account, message)
                return [row_type(*record) for record in records]

            parameters = _driver_parameters(Message, [(Message, account, message)])
            found = await connection.fetch(get_statement(Message), *parameters)
            if not found:
                return None
            return Story(
                message=Message(*found[0]),
                attempts=await rows(Attempt, "attempts_of_message"),
                events=await rows(Event, "events_of_subject"),
                ledger=await rows(LedgerEntry, "ledger_of_subject"),
            )

    async def read_messages(self, account: int, before: int, limit: int) -> Sequence[Message]:
        records = await self._fetch(self._queries["messages"], account, before, limit)
        return [Message(*record) for record in records]

    async def read_ledger(self, account: int, limit: int) -> Sequence[LedgerEntry]:
        records = await self._fetch(self._queries["ledger"], account, limit)
        return [LedgerEntry(*record) for record in records]

    async def ledger_sum(self, account: int) -> int:
        (record,) = await self._fetch(self._queries["ledger_sum"], account)
        total: int = record[0]
        return total

    async def read_inbox(self, phone: str | None, after: int, limit: int) -> Sequence[InboxItem]:
        if phone is None:
            records = await self._fetch(self._queries["inbox"], after, limit)
        else:
            records = await self._fetch(self._queries["inbox_of_phone"], after, limit, phone)
        return [InboxItem(*record) for record in records]

    @contextlib.asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except DRIVER_ERRORS as error:
            raise errors.translated(error) from error

    @contextlib.asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Connection]:
        """A connection all of whose reads see one moment."""
        async with self._reader() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield connection
            finally:
                await connection.execute("ROLLBACK")

    async def _fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async with self._reader() as connection:
            return await connection.fetch(query, *parameters)

    async def _count(self, query: str, *parameters: Any) -> int:
        """How many rows a statement changed."""
        async with self._reader() as connection:
            return int((await connection.execute(query, *parameters)).rpartition(" ")[2])


def _arrays(columns: Iterable[Column]) -> list[bytes]:
    return [binary_values.array(kind, values) for kind, values in columns]


def _key_parameters(row_type: type[Row], keys: Iterable[Key]) -> list[bytes]:
    columns = key_columns(row_type, keys)
    return [*_arrays(columns), *map(binary_values.integer, key_bounds(row_type, columns))]


def _driver_parameters(row_type: type[Row], keys: Iterable[Key]) -> list[Any]:
    columns = key_columns(row_type, keys)
    return [*(values for _, values in columns), *key_bounds(row_type, columns)]


def _take_locked(
    row_type: type[Row], records: Sequence[bytes], found: dict[Key, Row], places: dict[Key, bytes]
) -> None:
    read, with_place = row_format(row_type).row, has_place(row_type)
    first = binary_values.FIRST_COLUMN + (binary_values.PLACE_COLUMN if with_place else 0)
    for record in records:
        row = read(record, first)
        key = row.key
        found[key] = row
        if with_place:
            places[key] = record[first - binary_values.PLACE_BYTES : first]
