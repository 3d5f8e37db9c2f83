"""What a store must do. Two engines and an in-memory fake pass one conformance suite (testing/conformance).

A batch is begin -> any number of inserts -> commit (or abort), one at a time per writer; a store is its own first
writer. The committer alone writes. `lease_jobs` and `sweep` are short transactions of their own and never run between
begin and commit. Reads see committed rows only and may run at any time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from onema.domain.audit import AuditEntry
from onema.domain.door_rows import Invitation
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId, MessageId
from onema.domain.live_figures import LiveFigures
from onema.domain.records import (
    Attempt,
    Call,
    CarrierReference,
    Channel,
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
from onema.domain.statistics import FirstAttempt, MessagesAlike
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone

R = TypeVar("R", bound=Row)

NEWEST_ENTRY = (2**63 - 1, "")
"""A (subject, kind) before which no ledger entry stands."""


class StorageError(Exception):
    """Base of all that a store raises."""


class Conflict(StorageError):
    """The batch lost against another writer (serialization failure, deadlock); replay it."""


class DataRejected(StorageError):
    """The store refuses the batch's data; halve it until the culprit stands alone."""


class CommitUnknown(StorageError):
    """The link broke during COMMIT; only `was_committed` can tell."""


class Outdated(StorageError):
    """The configuration that the batch was decided with may not be used any more; nothing of it was saved."""


class Unavailable(StorageError):
    """The store cannot be written now (full disk, no connection); nothing of the batch was saved."""


class Story(msgspec.Struct, frozen=True):
    """All that is stored about one message, each list in order of time."""

    message: Message
    attempts: Sequence[Attempt]
    calls: Sequence[Call]
    events: Sequence[Event]
    ledger: Sequence[LedgerEntry]


class SentPage(msgspec.Struct, frozen=True):
    """A page of a list, and how many there are on all its pages."""

    total: int
    messages: Sequence[Message]


class SentBetween(msgspec.Struct, frozen=True):
    """Messages of one channel that came in through one API, with ids from `first` to before `before` and one of these
    categories, in order: `limit` of them behind the first `skip`. At most `most` are counted.
    """

    first: int
    before: int
    dialect: str
    categories: tuple[str, ...]
    skip: int
    limit: int
    most: int
    channel: str = Channel.SMS


class CodesBetween(msgspec.Struct, frozen=True):
    """Messages with codes that came in through one API, with ids from `first` to before `before` and one of these
    categories: the newest `limit`.
    """

    first: int
    before: int
    dialect: str
    categories: tuple[str, ...]
    limit: int


class SentCode(msgspec.Struct, frozen=True, gc=False):
    """A message of a verification, and whether that was verified."""

    message: Message
    verified: bool


class WantedMessages(msgspec.Struct, frozen=True):
    """Messages with ids from `since` on, to one of these phones or with this reference (of all where neither is said),
    in this state (any where none is).
    """

    phones: tuple[str, ...] = ()
    reference: str = ""
    state: str = ""
    since: int = 0

    @property
    def is_named(self) -> bool:
        return bool(self.phones or self.reference)

    def fits(self, message: Message) -> bool:
        named = message.phone in self.phones or (self.reference and message.reference == self.reference)
        return bool(
            message.id >= self.since and (named or not self.is_named) and self.state in ("", message.state)
        )


class FoundMessages(msgspec.Struct, frozen=True):
    """Newest first, and under which id the search goes on: it may have stopped before it had found enough. 0 where it
    is at its end.
    """

    messages: Sequence[Message]
    before: int


class DirectoryChanges(msgspec.Struct, frozen=True):
    """What became of the configuration since somebody read it, as of one moment: its `revision` now, the rows that were
    made or changed, and the (kind, name) of those that are gone.
    """

    revision: int
    rows: Sequence[DirectoryRow]
    gone: Collection[tuple[str, str]]


def expected_size(known: Collection[tuple[str, str]], changed: Sequence[DirectoryRow]) -> int:
    """How many rows the directory has if none of the known ones is gone: every row that did not change was known, so
    a store with as many rows has exactly these.
    """
    return len(known) + sum((row.kind, row.name) not in known for row in changed)


class Subscription(Protocol):
    """News of other processes, until it is closed."""

    async def close(self) -> None: ...


class Unheard:
    """The subscription to a store that no other process writes."""

    async def close(self) -> None:
        return None


NEWEST = (1 << 63) - 1
"""A revision that no fence is ahead of."""


class Writer(Protocol):
    """Saves batches, one at a time. Raises the errors above and no driver's own."""

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Start a batch: load and lock these rows; `keys` come in lock order. Missing rows are left out."""

    async def insert(self, rows: Sequence[Row]) -> None:
        """New rows of the batch ahead of its commit, so that a server can save them while the rest is decided. What
        is wrong with them is raised here or by `commit`.
        """

    async def commit(
        self,
        batch: int,
        written: Mapping[Key, Row | None],
        inserted: Sequence[Row],
        known: int = NEWEST,
    ) -> None:
        """Save rows (None deletes) and insert the remaining new ones, then commit durably. On any error nothing is
        saved, except CommitUnknown. `batch` is a fresh id that is saved with it. `known` is the revision of the
        configuration that it was decided with: Outdated when another process has put up a fence since (a row of
        DirectoryRevision called move_account.FENCE). Once that is committed, no batch commits that does not know it.
        """

    async def abort(self) -> None:
        """End a batch without saving."""

    async def confirm(self, known: int = NEWEST) -> None:
        """End a batch that changes nothing, once all that it has read is durable: another process may show what it
        saves a moment before that. Raises Outdated as `commit` does.
        """

    async def was_committed(self, batch: int) -> bool:
        """Whether a batch was saved. Raises CommitUnknown when that cannot be found out in time."""


class Storage(Writer, Protocol):
    """A durable store. Raises the errors above and no driver's own."""

    async def open(self) -> None:
        """Connect and bring the schema up to date."""

    async def close(self) -> None: ...

    @property
    def schema(self) -> int:
        """The number of the schema that `open` found or made."""

    @property
    def other_writers(self) -> Sequence[Writer]:
        """Further writers, each of which may have a batch in flight beside those of the others."""

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        """Claim due jobs of these kinds, longest due first: due_at becomes `until`, lease counts up. No job goes to
        two callers. Callbacks are claimed by `lease_callbacks` alone. Jobs that were left for one of the carriers
        `elsewhere` are passed over until they are due for LEFT_FOR_MS.
        """

    async def lease_callbacks(
        self, now: int, until: int, limit: int, share: int, full: Collection[int] = ()
    ) -> Sequence[Job]:
        """Claim due callbacks, longest due first, at most `share` of each account and none of the accounts `full`. How
        many others wait of an account costs nothing.
        """

    async def oldest_due(self, now: int, limit: int) -> dict[str, int]:
        """Since when (Unix ms) the longest due job of each kind waits. Besides callbacks only the `limit` longest due
        ones are looked at, so that a backlog costs nothing: a kind that stands behind them is left out.
        """

    async def read_dead_jobs(self, before: int, limit: int) -> Sequence[DeadJob]:
        """Jobs that were given up, with ids under `before`, newest first."""

    async def read_audit(
        self, account: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[AuditEntry]:
        """Entries of the audit log whose (id, part) comes before this, newest first; of one account's name, or all."""

    async def read_unmatched_receipts(self, carrier: str, limit: int) -> Sequence[CarrierReference]:
        """Receipts that nobody's name matches, of one carrier or of all (""), newest first."""

    async def read_invitations(self, account: str, limit: int) -> Sequence[Invitation]:
        """Links that make users, of one account or of all (""), newest first; some may have expired."""

    async def read_process_reports(self) -> Sequence[ProcessReport]:
        """What each process last said of its carriers, by the process's name."""

    async def read_live_figures(self, slot: int) -> Sequence[LiveFigures]:
        """What each process counted from a slot on, oldest first."""

    async def sweep(self, now: int, limit: int) -> int:
        """Delete up to `limit` expired rows of each small table of live things; how many went."""

    async def trim_unmatched_receipts(self, keep: int) -> int:
        """Keep about the newest `keep` receipts that nobody's name matches; how many went."""

    async def bring_forward(self, kind: JobKind, latest: int, now: int) -> int:
        """Make the jobs of a kind due `now` that are due only after `latest`; how many. It looks through all jobs."""

    async def trim_inbox(self, keep: int, oldest: int) -> int:
        """Keep the newest `keep` inbox items with ids from `oldest` on; how many went."""

    async def listen(
        self, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> Subscription:
        """Call back when another process changes the directory or leaves jobs due. News can be lost: whoever
        listens also polls now and then.
        """

    async def maintain(self, now: int) -> None:
        """Prepare for the time that comes next (partitions); to be called at least once a day."""

    async def drop_older_than(self, moment: int, limit: int) -> int:
        """Forget messages, their stories and ledger entries made before `moment` (Unix ms); a closing entry per
        wallet keeps the ledger's sum. Up to about `limit` rows a call, or whole partitions; how many went. It may
        take long and may be called at any time: it keeps out of the way of batches by itself.
        """

    async def forget_ended(self, account: AccountId, moment: int, limit: int) -> int:
        """Forget up to `limit` messages of an account that have ended and were made before `moment` (Unix ms), with
        all that belongs to them; its ledger stays. How many went.
        """

    async def prove_writable(self) -> None:
        """Save something durably that changes nothing. Raises Unavailable unless there is room for more than a batch;
        may be called beside batches, and waits for one that keeps others out.
        """

    async def clock(self) -> int | None:
        """The store's own time in Unix ms; None for a store on this machine."""

    # Reads.

    async def expire_after(self, windows: int, codes: int) -> tuple[int, int]:
        """How many windows and live codes expire after these moments, which none should."""

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Committed rows, without locks."""

    async def read_after(self, row_type: type[R], after: Key | None, limit: int) -> Sequence[R]:
        """Up to `limit` rows of a table by ascending key: from the beginning, or those behind a key."""

    async def read_directory(self) -> tuple[int, Sequence[DirectoryRow]]:
        """The directory's revision and all its rows, as of one moment."""

    async def read_directory_changes(
        self, since: int, known: Collection[tuple[str, str]]
    ) -> DirectoryChanges:
        """What changed after revision `since`, whose rows were `known`."""

    async def read_story(self, account: AccountId, message: MessageId) -> Story | None: ...

    async def read_messages(self, account: AccountId, before: int, limit: int) -> Sequence[Message]:
        """Messages of an account with ids under `before`, newest first."""

    async def search_messages(
        self, account: AccountId, wanted: WantedMessages, before: int, limit: int
    ) -> FoundMessages:
        """Up to `limit` messages of an account under `before`, in nobody's way, and soon: it looks at few that are none
        of them.
        """

    async def index_messages(self, before: int, limit: int) -> int:
        """Prepare searches for messages with ids under `before`, which nobody adds to any more: up to `limit` parts,
        some accounts each time, in turn. How many; it may be called at any time.
        """

    async def forget_searched(self, account: AccountId, phone: Phone) -> None:
        """Let no search of an account find a message by this phone from now on, unless it is sent a new one."""

    async def read_about(
        self, account: AccountId, phone: Phone
    ) -> Sequence[LiveVerification | Window | GuardSubject]:
        """What is waited for from a phone and counted against it."""

    async def read_messages_together(
        self, account: AccountId, first: MessageId, before: int, limit: int
    ) -> Sequence[Message]:
        """The messages that were asked for together with `first`, itself among them, in order. It looks at all of the
        account from there to before `before`.
        """

    async def read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        """It looks at all messages of the account in between, in nobody's way."""

    async def has_messages(self, accounts: Sequence[AccountId], first: int, before: int) -> bool:
        """Whether one of these accounts has any message with an id from `first` to before `before`."""

    async def count_messages(
        self, accounts: Sequence[AccountId], first: int, before: int, now: int
    ) -> Sequence[MessagesAlike]:
        """What became of these accounts' messages with ids from `first` to before `before`, in nobody's way; those that
        were refused, of the sandbox, or of operators who try carriers are left out. Codes that can be checked at `now`
        are not settled. It looks at all messages in between.
        """

    async def read_codes(self, account: AccountId, codes: CodesBetween) -> Sequence[SentCode]:
        """Newest first. It looks at all messages of the account in between, in nobody's way."""

    async def read_first_attempts(
        self, account: AccountId, first: int, before: int, limit: int
    ) -> Sequence[FirstAttempt]:
        """The first attempts of first messages with codes, with ids from `first` to before `before`, in order, in
        nobody's way; those aside of which the guard found something, and of numbers that were forgotten.
        """

    async def read_events(self, account: AccountId, before: tuple[int, int], limit: int) -> Sequence[Event]:
        """Events of an account whose (subject, id) comes before this, newest subject first, its last event first."""

    async def read_calls(self, account: AccountId, before: int, limit: int) -> Sequence[Call]:
        """Calls of an account's messages with ids under `before`, newest message first, its first attempt first;
        without their traces.
        """

    async def read_ledger(
        self, account: AccountId, limit: int, before: tuple[int, str] = NEWEST_ENTRY
    ) -> Sequence[LedgerEntry]:
        """Ledger entries of an account, newest subject first, then by kind; those that come behind the entry of this
        (subject, kind).
        """

    async def ledger_sum(self, account: AccountId) -> Minor: ...

    async def read_inbox(self, phone: Phone | None, after: int, limit: int) -> Sequence[InboxItem]:
        """Inbox items with ids over `after`, newest first; of one phone, or of all when None."""

    async def read_inbox_phones(self, part: str, limit: int) -> Sequence[InboxItem]:
        """The newest inbox item of each phone whose number has `part` in it, newest first."""
