"""The store for many nodes: PostgreSQL. Batches are in writer.py; here are reads and short transactions."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from onema.domain.audit import AuditEntry
from onema.domain.delivery.leave_job import LEFT_FOR_MS
from onema.domain.door_rows import Invitation
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.live_figures import LiveFigures
from onema.domain.records import (
    Attempt,
    Call,
    CarrierReference,
    DeadJob,
    DirectoryRow,
    Event,
    InboxItem,
    Job,
    JobKind,
    Key,
    LedgerEntry,
    LiveVerification,
    Message,
    ProcessReport,
    Row,
    Window,
)
from onema.domain.statistics import PREFIX_WITHOUT_DIGITS, SHORTEST_PREFIX, FirstAttempt, MessagesAlike
from onema.domain.tables import EXPIRING, TABLE_ORDER
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import (
    NEWEST_ENTRY,
    CodesBetween,
    DirectoryChanges,
    FoundMessages,
    SentBetween,
    SentCode,
    SentPage,
    Story,
    WantedMessages,
    Writer,
    expected_size,
)
from onema.storage.postgres import errors
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import UPKEEP_SECONDS, Connection, Losses, Pool
from onema.storage.postgres.migrating import migrate
from onema.storage.postgres.partitions import Partitions
from onema.storage.postgres.row_statements import get_statement, key_bounds, key_columns, row_type_of
from onema.storage.postgres.searching import ACCOUNTS_AT_ONCE, PostgresFinder
from onema.storage.postgres.wake_ups import Announcer, Listener
from onema.storage.postgres.writer import BATCH_SECONDS, SETTLE_SECONDS, PostgresWriter
from onema.storage.searching import search, terms
from onema.storage.statements import alike, rows_after

# Far longer than anybody looks for a COMMIT that was not answered (SETTLE_SECONDS).
KEEP_BATCHES_MS = 24 * 3_600_000
NAMES_AT_ONCE = 2_000

R = TypeVar("R", bound=Row)


class PostgresStorage(PostgresWriter):
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
        self._announcer = Announcer(self._fetch)
        """Tells other nodes of jobs that either writer left due."""
        patience = {"batch_seconds": batch_seconds, "settle_seconds": settle_seconds}
        # One count for all connections: where one was lost, the others lead to the same host.
        losses = Losses()
        super().__init__(dsn, self._announcer.jobs_were_left, losses, **patience)
        self._other_writer = PostgresWriter(dsn, self._announcer.jobs_were_left, losses, **patience)
        self._dsn = dsn
        self.schema = 0
        self._pool = Pool(dsn, readers, losses)
        """For reads and short transactions, so that none waits behind a batch."""
        self._partitions = Partitions(dsn, partition_days)
        self._indexed_up_to = 0
        """Which of the accounts comes next, when messages are prepared for searches."""

    @property
    def other_writers(self) -> Sequence[Writer]:
        """One: while the database saves the batch of one writer, that of the other is decided."""
        return (self._other_writer,)

    async def open(self) -> None:
        """Connect, bring the schema up to date and make the first partitions."""
        self.schema = await migrate(self._dsn)
        await self._partitions.maintain()
        await self.connect()

    async def close(self) -> None:
        await self._announcer.close()
        await self._pool.close()
        await self._other_writer.close()
        await super().close()

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

    async def lease_callbacks(
        self, now: int, until: int, limit: int, share: int, full: Collection[int] = ()
    ) -> Sequence[Job]:
        records = await self._fetch(self._queries["lease_callbacks"], now, until, limit, share, list(full))
        return sorted((Job(*record) for record in records), key=lambda job: job.id)

    async def oldest_due(self, now: int, limit: int) -> dict[str, int]:
        records = await self._fetch(self._queries["oldest_due"], now, limit)
        return {record[0]: record[1] for record in records}

    async def sweep(self, now: int, limit: int) -> int:
        swept = 0
        for row_type in EXPIRING:
            swept += await self._count(self._queries[f"sweep_{row_type.table}"], now, limit)
        await self._count(self._queries["sweep_batches"], first_id_at(now - KEEP_BATCHES_MS))
        return swept

    async def trim_unmatched_receipts(self, keep: int) -> int:
        return await self._count(self._queries["trim_unmatched_receipts"], keep)

    async def bring_forward(self, kind: JobKind, latest: int, now: int) -> int:
        return await self._count(self._queries["bring_forward"], kind, latest, now)

    async def trim_inbox(self, keep: int, oldest: int) -> int:
        return await self._count(self._queries["trim_inbox"], keep, oldest)

    async def prove_writable(self) -> None:
        await self._fetch(self._queries["settle_batch"], 0)

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
        await self._count(self._queries["drop_parts"], first_id_at(moment))
        dead = await self._count(self._queries["drop_dead_jobs"], first_id_at(moment))
        return dead + await self._partitions.drop_older_than(moment)

    async def forget_ended(self, account: AccountId, moment: int, limit: int) -> int:
        cut = first_id_at(moment)
        gone = await self._count(self._queries["forget_ended"], account, cut, limit)
        await self._count(self._queries["drop_parts_of_account"], account, cut)
        return gone

    # Reads.

    async def expire_after(self, windows: int, codes: int) -> tuple[int, int]:
        ((of_windows,),) = await self._fetch(self._queries["windows_after"], windows)
        ((of_codes,),) = await self._fetch(self._queries["codes_after"], codes)
        return of_windows, of_codes

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        found: dict[Key, Row] = {}
        in_order = sorted(keys, key=lambda key: TABLE_ORDER[key[0]])
        for row_type, group in itertools.groupby(in_order, key=row_type_of):
            for record in await self._fetch(get_statement(row_type), *_driver_parameters(row_type, group)):
                row = row_type(*record)
                found[row.key] = row
        return found

    async def read_after(self, row_type: type[R], after: Key | None, limit: int) -> Sequence[R]:
        statement = rows_after(row_type, parameter="$", begins=after is None)
        return [row_type(*record) for record in await self._fetch(statement, *(after or ())[1:], limit)]

    async def read_directory(self) -> tuple[int, Sequence[DirectoryRow]]:
        async with self._snapshot() as connection:
            revision = await connection.fetchval(self._queries["directory_revision"])
            records = await connection.fetch(self._queries["directory"])
        return revision or 0, [DirectoryRow(*record) for record in records]

    async def read_directory_changes(
        self, since: int, known: Collection[tuple[str, str]]
    ) -> DirectoryChanges:
        gone: Collection[tuple[str, str]] = ()
        async with self._snapshot() as connection:
            revision = await connection.fetchval(self._queries["directory_revision"])
            records = await connection.fetch(self._queries["directory_since"], since)
            rows = [DirectoryRow(*record) for record in records]
            if await connection.fetchval(self._queries["directory_size"]) != expected_size(known, rows):
                gone = set(known).difference(await self._directory_names(connection))
        return DirectoryChanges(revision or 0, rows, gone)

    async def _directory_names(self, connection: Connection) -> set[tuple[str, str]]:
        """In pages: reading all at once would hold the loop."""
        names, last, page = set[tuple[str, str]](), ("", ""), NAMES_AT_ONCE
        while page == NAMES_AT_ONCE:
            records = await connection.fetch(self._queries["directory_names"], *last, NAMES_AT_ONCE)
            names.update((kind, name) for kind, name in records)
            page = len(records)
            last = tuple(records[-1]) if records else last
        return names

    async def read_story(self, account: AccountId, message: MessageId) -> Story | None:
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
                calls=await rows(Call, "calls_of_message"),
                events=await rows(Event, "events_of_subject"),
                ledger=await rows(LedgerEntry, "ledger_of_subject"),
            )

    async def read_messages(self, account: AccountId, before: int, limit: int) -> Sequence[Message]:
        records = await self._fetch(self._queries["messages"], account, before, limit)
        return [Message(*record) for record in records]

    async def search_messages(
        self, account: AccountId, wanted: WantedMessages, before: int, limit: int
    ) -> FoundMessages:
        async with self._reader() as connection:
            return await search(PostgresFinder(connection, self._queries), account, wanted, before, limit)

    async def index_messages(self, before: int, limit: int) -> int:
        made = 0
        async with self._reader() as connection:
            finder = PostgresFinder(connection, self._queries)
            accounts = [row[0] for row in await connection.fetch(self._queries["accounts_with_money"])]
            place = self._indexed_up_to if self._indexed_up_to < len(accounts) else 0
            for account in accounts[place : place + ACCOUNTS_AT_ONCE]:
                while made < limit and await finder.close_part(account, before):
                    made += 1
                if made == limit:
                    break
                place += 1
            self._indexed_up_to = place
        return made

    async def forget_searched(self, account: AccountId, phone: Phone) -> None:
        await self._fetch(self._queries["forget_terms"], account, terms([phone], ""))

    async def read_about(
        self, account: AccountId, phone: Phone
    ) -> Sequence[LiveVerification | Window | GuardSubject]:
        codes = await self._fetch(self._queries["codes_of_phone"], account, phone)
        windows = await self._fetch(self._queries["windows_of_phone"], account, phone)
        guarded = await self._fetch(self._queries["guard_of_phone"], account, phone)
        return [
            *(LiveVerification(*one) for one in codes),
            *(Window(*one) for one in windows),
            *(GuardSubject(*one) for one in guarded),
        ]

    async def read_messages_together(
        self, account: AccountId, first: MessageId, before: int, limit: int
    ) -> Sequence[Message]:
        records = await self._fetch(self._queries["messages_together"], account, first, before, limit)
        return [Message(*record) for record in records]

    async def read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        wanted = (account, sent.first, sent.before, sent.dialect, list(sent.categories), sent.channel)
        async with self._snapshot() as connection:
            total = await connection.fetchval(self._queries["count_sent"], *wanted, sent.most)
            records = await connection.fetch(self._queries["sent"], *wanted, sent.limit, sent.skip)
        return SentPage(total, [Message(*record) for record in records])

    async def has_messages(self, accounts: Sequence[AccountId], first: int, before: int) -> bool:
        ((found,),) = await self._fetch(self._queries["has_messages"], list(accounts), first, before)
        return bool(found)

    async def count_messages(
        self, accounts: Sequence[AccountId], first: int, before: int, now: int
    ) -> Sequence[MessagesAlike]:
        prefix = (PREFIX_WITHOUT_DIGITS, SHORTEST_PREFIX)
        query = self._queries["count_messages"]
        return [alike(row) for row in await self._fetch(query, list(accounts), first, before, now, *prefix)]

    async def read_codes(self, account: AccountId, codes: CodesBetween) -> Sequence[SentCode]:
        wanted = (codes.first, codes.before, codes.dialect, list(codes.categories), codes.limit)
        records = await self._fetch(self._queries["codes"], account, *wanted)
        return [SentCode(Message(*row), verified) for *row, verified in records]

    async def read_first_attempts(
        self, account: AccountId, first: int, before: int, limit: int
    ) -> Sequence[FirstAttempt]:
        records = await self._fetch(self._queries["first_attempts"], account, first, before, limit)
        return [FirstAttempt(*record) for record in records]

    async def read_events(self, account: AccountId, before: tuple[int, int], limit: int) -> Sequence[Event]:
        records = await self._fetch(self._queries["events"], account, *before, limit)
        return [Event(*record) for record in records]

    async def read_calls(self, account: AccountId, before: int, limit: int) -> Sequence[Call]:
        return [Call(*record) for record in await self._fetch(self._queries["calls"], account, before, limit)]

    async def read_dead_jobs(self, before: int, limit: int) -> Sequence[DeadJob]:
        return [DeadJob(*record) for record in await self._fetch(self._queries["dead_jobs"], before, limit)]

    async def read_audit(
        self, account: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[AuditEntry]:
        if account is None:
            records = await self._fetch(self._queries["audit"], *before, limit)
        else:
            records = await self._fetch(self._queries["audit_of_account"], account, *before, limit)
        return [AuditEntry(*record) for record in records]

    async def read_invitations(self, account: str, limit: int) -> Sequence[Invitation]:
        return [
            Invitation(*record) for record in await self._fetch(self._queries["invitations"], account, limit)
        ]

    async def read_unmatched_receipts(self, carrier: str, limit: int) -> Sequence[CarrierReference]:
        records = await self._fetch(self._queries["unmatched_receipts"], carrier, limit)
        return [CarrierReference(*record) for record in records]

    async def read_process_reports(self) -> Sequence[ProcessReport]:
        return [ProcessReport(*record) for record in await self._fetch(self._queries["process_reports"])]

    async def read_live_figures(self, slot: int) -> Sequence[LiveFigures]:
        return [LiveFigures(*record) for record in await self._fetch(self._queries["live_figures"], slot)]

    async def read_ledger(
        self, account: AccountId, limit: int, before: tuple[int, str] = NEWEST_ENTRY
    ) -> Sequence[LedgerEntry]:
        records = await self._fetch(self._queries["ledger"], account, limit, *before)
        return [LedgerEntry(*record) for record in records]

    async def ledger_sum(self, account: AccountId) -> Minor:
        async with self._reader() as connection:
            total: Minor = await connection.fetchval(
                self._queries["ledger_sum"], account, timeout=UPKEEP_SECONDS
            )
        return total

    async def read_inbox_phones(self, part: str, limit: int) -> Sequence[InboxItem]:
        return [InboxItem(*r) for r in await self._fetch(self._queries["inbox_phones"], part, limit)]

    async def read_inbox(self, phone: Phone | None, after: int, limit: int) -> Sequence[InboxItem]:
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
            yield connection
            await connection.execute("ROLLBACK")

    async def _fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async with self._reader() as connection:
            return await connection.fetch(query, *parameters)

    async def _count(self, query: str, *parameters: Any) -> int:
        """How many rows a statement changed."""
        async with self._reader() as connection:
            return int((await connection.execute(query, *parameters)).rpartition(" ")[2])


def _driver_parameters(row_type: type[Row], keys: Iterable[Key]) -> list[Any]:
    keys = list(keys)
    return [*(values for _, values in key_columns(row_type, keys)), *key_bounds(row_type, keys)]
