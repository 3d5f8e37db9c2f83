"""A store in memory that passes the storage conformance suite, for tests of everything above it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import msgspec

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
    DirectoryRevision,
    DirectoryRow,
    EntryKind,
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
from onema.domain.statistics import FirstAttempt, MessagesAlike
from onema.domain.tables import EXPIRING
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import (
    NEWEST,
    NEWEST_ENTRY,
    CodesBetween,
    DataRejected,
    DirectoryChanges,
    FoundMessages,
    SentBetween,
    SentCode,
    SentPage,
    Story,
    Subscription,
    Unheard,
    WantedMessages,
    Writer,
)
from onema.testing.counting import count_alike, first_attempts

R = TypeVar("R", bound=Row)


def _kept_until(row: Row) -> int:
    return max(getattr(row, "expires_at", 0), getattr(row, "kept_until", 0))


class MemoryStorage:
    """Keeps rows in a dict. `batches` tells how many batches were committed."""

    schema = 0

    def __init__(self, first: "MemoryStorage | None" = None) -> None:
        """With a `first`, one more writer of its rows."""
        self._rows: dict[Key, Row] = first._rows if first else {}
        self._batches: set[int] = first._batches if first else set()
        self._inserted: list[Row] = []
        self._other_writers: list[Writer] = []
        if first:
            first._other_writers.append(self)

    @property
    def batches(self) -> int:
        return len(self._batches)

    @property
    def other_writers(self) -> Sequence[Writer]:
        return self._other_writers

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        self._inserted.clear()
        return await self.read(keys)

    async def insert(self, rows: Sequence[Row]) -> None:
        self._inserted.extend(rows)

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        rows = self._rows.copy()
        for key, row in written.items():
            rows.pop(key, None)
            if row is not None:
                rows[key] = row
        for row in (*self._inserted, *inserted):
            if row.key in rows:
                raise DataRejected(f"{row.table} has this row already")
            rows[row.key] = row
        self._rows.clear()
        self._rows.update(rows)
        self._batches.add(batch)

    async def abort(self) -> None: ...

    async def confirm(self, known: int = NEWEST) -> None: ...

    async def was_committed(self, batch: int) -> bool:
        return batch in self._batches

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        wanted = set(kinds) - {JobKind.CALLBACK}
        found = [job for job in self._of(Job) if job.due_at <= now and job.kind in wanted]
        mine = [job for job in found if self._may_be_sent(job, elsewhere) or job.due_at <= now - LEFT_FOR_MS]
        due = sorted(mine, key=lambda job: (job.due_at, job.id))
        return self._leased(due[:limit], until)

    def _may_be_sent(self, job: Job, elsewhere: Collection[str]) -> bool:
        return not job.carrier or any(name not in elsewhere for name in job.carrier.split(","))

    async def lease_callbacks(
        self, now: int, until: int, limit: int, share: int, full: Collection[int] = ()
    ) -> Sequence[Job]:
        due = [job for job in self._of(Job) if job.due_at <= now and job.kind == JobKind.CALLBACK]
        taken: list[Job] = []
        for job in sorted(due, key=lambda job: (job.due_at, job.id)):
            of_account = sum(each.account == job.account for each in taken)
            if job.account not in full and of_account < share:
                taken.append(job)
        return self._leased(taken[:limit], until)

    def _leased(self, due: Sequence[Job], until: int) -> Sequence[Job]:
        leased = [msgspec.structs.replace(job, due_at=until, lease=job.lease + 1) for job in due]
        self._rows.update({job.key: job for job in leased})
        return sorted(leased, key=lambda job: job.id)

    async def oldest_due(self, now: int, limit: int) -> dict[str, int]:
        due = sorted((job for job in self._of(Job) if job.due_at <= now), key=lambda job: -job.due_at)
        return {job.kind: job.due_at for job in due}

    async def sweep(self, now: int, limit: int) -> int:
        swept = 0
        for row_type in EXPIRING:
            rows = self._of(row_type)
            expired = [row.key for row in rows if _kept_until(row) <= now][:limit]
            for key in expired:
                del self._rows[key]
            swept += len(expired)
        return swept

    async def trim_unmatched_receipts(self, keep: int) -> int:
        gone = self._unmatched()[keep:]
        for row in gone:
            del self._rows[row.key]
        return len(gone)

    async def read_unmatched_receipts(self, carrier: str, limit: int) -> Sequence[CarrierReference]:
        return [row for row in self._unmatched() if carrier in ("", row.carrier)][:limit]

    async def read_invitations(self, account: str, limit: int) -> Sequence[Invitation]:
        found = [row for row in self._of(Invitation) if account in ("", row.account)]
        return sorted(found, key=lambda row: (-row.made_at, row.digest))[:limit]

    async def read_process_reports(self) -> Sequence[ProcessReport]:
        return sorted(self._of(ProcessReport), key=lambda report: report.process)

    async def read_after(self, row_type: type[R], after: Key | None, limit: int) -> Sequence[R]:
        rows = sorted(self._of(row_type), key=lambda row: row.key[1:])
        return [row for row in rows if after is None or row.key[1:] > after[1:]][:limit]

    async def read_live_figures(self, slot: int) -> Sequence[LiveFigures]:
        found = [one for one in self._of(LiveFigures) if one.slot >= slot]
        return sorted(found, key=lambda one: (one.slot, one.process))

    def _unmatched(self) -> list[CarrierReference]:
        found = [row for row in self._of(CarrierReference) if not row.message]
        return sorted(found, key=lambda row: -row.received_at)

    async def bring_forward(self, kind: JobKind, latest: int, now: int) -> int:
        late = [job for job in self._of(Job) if job.kind == kind and job.due_at > latest]
        self._rows.update({job.key: msgspec.structs.replace(job, due_at=now) for job in late})
        return len(late)

    async def trim_inbox(self, keep: int, oldest: int) -> int:
        items = sorted(self._of(InboxItem), key=lambda item: -item.id)
        gone = [item.key for number, item in enumerate(items) if number >= keep or item.id < oldest]
        for key in gone:
            del self._rows[key]
        return len(gone)

    async def listen(
        self, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> Subscription:
        return Unheard()

    async def maintain(self, now: int) -> None: ...

    async def prove_writable(self) -> None: ...

    async def clock(self) -> int | None:
        return None

    async def drop_older_than(self, moment: int, limit: int) -> int:
        cut = first_id_at(moment)
        old: list[Row] = [
            *[row for row in self._of(Message) if row.id < cut][:limit],
            *[row for row in self._of(Attempt) if row.message < cut][:limit],
            *[row for row in self._of(Call) if row.message < cut][:limit],
            *[row for row in self._of(Event) if row.subject < cut][:limit],
        ]
        entries = [row for row in self._of(LedgerEntry) if 0 < row.subject < cut][:limit]
        dead = [row for row in self._of(DeadJob) if row.id < cut][:limit]
        for row in [*old, *entries, *dead]:
            del self._rows[row.key]
        for account in {entry.account for entry in entries}:
            key = (LedgerEntry, account, 0, EntryKind.CLOSING)
            closed = self._rows.get(key)
            total: int = sum(entry.amount for entry in entries if entry.account == account)
            total += closed.amount if isinstance(closed, LedgerEntry) else 0
            self._rows[key] = LedgerEntry(account, 0, EntryKind.CLOSING, Minor(total), moment, "")
        return len(old) + len(entries) + len(dead)

    async def forget_ended(self, account: AccountId, moment: int, limit: int) -> int:
        cut = first_id_at(moment)
        every = sorted(self._of(Message), key=lambda row: row.id)
        old = [row for row in every if row.account == account and row.id < cut and row.ended_at][:limit]
        ids = {row.id for row in old}
        parts: list[Row] = [
            *(row for row in self._of(Attempt) if row.message in ids),
            *(row for row in self._of(Call) if row.message in ids),
            *(row for row in self._of(Event) if row.subject in ids),
        ]
        for row in (*old, *(row for row in parts if row.key[1] == account)):
            del self._rows[row.key]
        return len(old)

    async def expire_after(self, windows: int, codes: int) -> tuple[int, int]:
        return (
            sum(row.expires_at > windows for row in self._of(Window)),
            sum(row.expires_at > codes for row in self._of(LiveVerification)),
        )

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        return {key: self._rows[key] for key in keys if key in self._rows}

    async def read_directory(self) -> tuple[int, Sequence[DirectoryRow]]:
        revision = self._rows.get((DirectoryRevision, "directory"))
        number = revision.revision if isinstance(revision, DirectoryRevision) else 0
        return number, self._of(DirectoryRow)

    async def read_directory_changes(
        self, since: int, known: Collection[tuple[str, str]]
    ) -> DirectoryChanges:
        revision, rows = await MemoryStorage.read_directory(self)
        there = {(row.kind, row.name) for row in rows}
        changed = [row for row in rows if row.revision > since]
        return DirectoryChanges(revision, changed, [key for key in known if key not in there])

    async def read_story(self, account: AccountId, message: MessageId) -> Story | None:
        found = self._rows.get((Message, account, message))
        if not isinstance(found, Message):
            return None
        mine = [row for key, row in self._rows.items() if key[1:3] == (account, message)]
        return Story(
            message=found,
            attempts=sorted((row for row in mine if isinstance(row, Attempt)), key=lambda row: row.number),
            calls=sorted((row for row in mine if isinstance(row, Call)), key=lambda row: row.attempt),
            events=sorted((row for row in mine if isinstance(row, Event)), key=lambda row: row.id),
            ledger=sorted(
                sorted(
                    (row for row in mine if isinstance(row, LedgerEntry)),
                    key=lambda row: row.kind,
                    reverse=True,
                ),
                key=lambda row: row.at,
            ),
        )

    async def read_messages(self, account: AccountId, before: int, limit: int) -> Sequence[Message]:
        found = [row for row in self._of(Message) if row.account == account and row.id < before]
        return sorted(found, key=lambda row: -row.id)[:limit]

    async def search_messages(
        self, account: AccountId, wanted: WantedMessages, before: int, limit: int
    ) -> FoundMessages:
        rows = [row for row in self._of(Message) if row.account == account and row.id < before]
        found = sorted(filter(wanted.fits, rows), key=lambda row: -row.id)
        return FoundMessages(found[:limit], found[limit - 1].id if len(found) >= limit else 0)

    async def index_messages(self, before: int, limit: int) -> int:
        return 0

    async def forget_searched(self, account: AccountId, phone: Phone) -> None:
        """It searches the messages themselves."""

    async def read_about(
        self, account: AccountId, phone: Phone
    ) -> Sequence[LiveVerification | Window | GuardSubject]:
        codes = [row for row in self._of(LiveVerification) if (row.account, row.phone) == (account, phone)]
        windows = [row for row in self._of(Window) if (row.account, row.subject) == (account, phone)]
        guarded = [row for row in self._of(GuardSubject) if row.account == account]
        return [*codes, *windows, *(row for row in guarded if row.subject.endswith(phone))]

    async def read_messages_together(
        self, account: AccountId, first: MessageId, before: int, limit: int
    ) -> Sequence[Message]:
        return [row for row in self._messages_of(account, first, before) if row.together == first][:limit]

    async def read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        found = [
            row
            for row in self._messages_of(account, sent.first, sent.before)
            if (row.channel, row.dialect) == (sent.channel, sent.dialect) and row.category in sent.categories
        ]
        return SentPage(min(len(found), sent.most), found[sent.skip :][: sent.limit])

    async def read_codes(self, account: AccountId, codes: CodesBetween) -> Sequence[SentCode]:
        verified = {
            row.subject for row in self._of(Event) if (row.account, row.kind) == (account, "verified")
        }
        found = [
            SentCode(row, row.verification in verified)
            for row in reversed(self._messages_of(account, codes.first, codes.before))
            if row.verification and row.dialect == codes.dialect and row.category in codes.categories
        ]
        return found[: codes.limit]

    def _messages_of(self, account: AccountId, first: int, before: int) -> list[Message]:
        found = [row for row in self._of(Message) if row.account == account and first <= row.id < before]
        return sorted(found, key=lambda row: row.id)

    async def has_messages(self, accounts: Sequence[AccountId], first: int, before: int) -> bool:
        return any(self._messages_of(account, first, before) for account in accounts)

    async def count_messages(
        self, accounts: Sequence[AccountId], first: int, before: int, now: int
    ) -> Sequence[MessagesAlike]:
        messages = [row for account in accounts for row in self._messages_of(account, first, before)]
        return count_alike(messages, self._of(Attempt), self._of(Event), now)

    async def read_first_attempts(
        self, account: AccountId, first: int, before: int, limit: int
    ) -> Sequence[FirstAttempt]:
        messages = self._messages_of(account, first, before)
        return first_attempts(messages, self._of(Attempt), self._of(Event))[:limit]

    async def read_events(self, account: AccountId, before: tuple[int, int], limit: int) -> Sequence[Event]:
        found = [row for row in self._of(Event) if row.account == account and (row.subject, row.id) < before]
        return sorted(found, key=lambda row: (-row.subject, -row.id))[:limit]

    async def read_calls(self, account: AccountId, before: int, limit: int) -> Sequence[Call]:
        found = [row for row in self._of(Call) if row.account == account and row.message < before]
        found.sort(key=lambda row: (-row.message, row.attempt))
        return [msgspec.structs.replace(row, trace=b"") for row in found[:limit]]

    async def read_dead_jobs(self, before: int, limit: int) -> Sequence[DeadJob]:
        dead = sorted(self._of(DeadJob), key=lambda row: -row.id)
        return [row for row in dead if row.id < before][:limit]

    async def read_audit(
        self, account: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[AuditEntry]:
        found = [row for row in self._of(AuditEntry) if account in (None, row.account)]
        found = [row for row in found if (row.id, row.part) < before]
        return sorted(found, key=lambda row: (-row.id, -row.part))[:limit]

    async def read_ledger(
        self, account: AccountId, limit: int, before: tuple[int, str] = NEWEST_ENTRY
    ) -> Sequence[LedgerEntry]:
        found = [row for row in self._of(LedgerEntry) if row.account == account]
        behind = (row for row in found if (-row.subject, row.kind) > (-before[0], before[1]))
        return sorted(behind, key=lambda row: (-row.subject, row.kind))[:limit]

    async def ledger_sum(self, account: AccountId) -> Minor:
        return Minor(sum(row.amount for row in self._of(LedgerEntry) if row.account == account))

    async def read_inbox_phones(self, part: str, limit: int) -> Sequence[InboxItem]:
        oldest_first = sorted(
            (row for row in self._of(InboxItem) if part in row.phone), key=lambda row: row.id
        )
        newest = {row.phone: row for row in oldest_first}
        return sorted(newest.values(), key=lambda row: -row.id)[:limit]

    async def read_inbox(self, phone: Phone | None, after: int, limit: int) -> Sequence[InboxItem]:
        found = [row for row in self._of(InboxItem) if row.id > after and phone in (None, row.phone)]
        return sorted(found, key=lambda row: -row.id)[:limit]

    def _of(self, row_type: type[R]) -> list[R]:
        return [row for row in self._rows.values() if isinstance(row, row_type)]
