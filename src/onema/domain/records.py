"""The rows that commands read and write: one frozen struct per table, columns in table order.

The first `key_columns` fields are the primary key, and `key` is how a row is named everywhere: the row's
class, then the values of its primary key. Times are Unix milliseconds, amounts are Minor. A storage
engine derives its plain statements (get, upsert, insert, delete) from these structs alone.
"""

import enum
import functools
from typing import Any, ClassVar, TypeAlias

import msgspec

from onema.domain.ids import AccountId, MessageId
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import Phone

Key: TypeAlias = tuple[Any, ...]


class Row(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str]
    key_columns: ClassVar[int]

    @property
    def key(self) -> Key:
        return (type(self), *msgspec.structs.astuple(self)[: self.key_columns])


@functools.cache
def column_types(row: type[Row]) -> dict[str, type]:
    """Each column's type as a store knows it: a Phone is a text there."""
    return {
        field.name: getattr(field.type, "__supertype__", field.type) for field in msgspec.structs.fields(row)
    }


class Channel(enum.StrEnum):
    SMS = "sms"
    CALL = "call"


class MessageState(enum.StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SENT = "sent"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class AttemptState(enum.StrEnum):
    STARTED = "started"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


class EntryKind(enum.StrEnum):
    TOP_UP = "top_up"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    ADJUST = "adjust"
    RESEND = "resend"
    """An attempt beside the message's first was paid for; its number follows the word."""
    RESEND_BACK = "resend back"
    """It did not leave us, and the money for it is back."""
    CLOSING = "closing"
    """Stands for all entries of an account that were dropped because of their age."""


class JobKind(enum.StrEnum):
    """What is to be done, and so what a process must be able to do."""

    SMS = "sms"
    """Send an SMS."""
    SCHEDULED = "scheduled"
    """Send an SMS that was asked for a later time. Of another kind than the rest because its time may be far ahead:
    nothing else is due later than a retry, which is how jobs are known that a clock ahead put off.
    """
    CALL = "call"
    """Place a call."""
    RESEND = "resend"
    """See whether anything was heard of an SMS that was sent, and send it again if not."""
    SETTLE = "settle"
    CALLBACK = "callback"
    NEXT_CHANNEL = "next_channel"
    """Send a code by the next channel of its plan, unless it was heard of."""


HANDING_OVER = frozenset((JobKind.SMS, JobKind.SCHEDULED, JobKind.CALL))
"""The jobs that hand a message to a carrier."""
FAIRLY_SHARED = frozenset((JobKind.CALLBACK,))
"""The jobs whose time is in their account's hands: no account's may keep another's waiting."""


class DirectoryRow(Row, frozen=True, gc=False):
    """One configuration document (account, brandname, tariff, ...); secrets inside are sealed."""

    table = "directory"
    key_columns = 2

    kind: str
    name: str
    revision: int
    document: bytes


class DirectoryRevision(Row, frozen=True, gc=False):
    """The one row that every configuration change locks: who decided on an older snapshot is refused."""

    table = "directory_revision"
    key_columns = 1

    name: str
    revision: int


class Wallet(Row, frozen=True, gc=False):
    table = "wallets"
    key_columns = 1

    account: AccountId
    balance: Minor

    @property
    def key(self) -> Key:
        return (Wallet, self.account)


class LedgerEntry(Row, frozen=True, gc=False):
    """One movement of money; a subject (message, top-up) has at most one entry of each kind."""

    table = "ledger"
    key_columns = 3

    account: AccountId
    subject: int
    kind: str
    amount: Minor
    at: int
    note: str


class TopUp(Row, frozen=True, gc=False):
    """Remembers the reference of a top-up, so that the same one is never booked twice."""

    table = "top_ups"
    key_columns = 2

    account: AccountId
    reference: str
    entry: int
    amount: Minor


class Window(Row, frozen=True, gc=False):
    """How often something happened to one subject: `counters` is "seconds:started_at:count", comma-joined."""

    table = "windows"
    key_columns = 3

    account: AccountId
    scope: str
    subject: str
    counters: str
    expires_at: int

    @property
    def key(self) -> Key:
        return (Window, self.account, self.scope, self.subject)


class LiveVerification(Row, frozen=True, gc=False):
    """The current code of account + phone + purpose, and the wrong checks of all its codes (counters as a Window's).

    The row goes when its code was used or expires at `expires_at`, but not before `kept_until`: until then the wrong
    checks count. `plan` is channel_plan.HowToSend, sealed, of a code that may go out more than once, and `progress`
    says in JSON how far that is.
    """

    table = "live_verifications"
    key_columns = 3

    account: AccountId
    phone: Phone
    purpose: str
    verification: int
    code_hash: bytes
    attempts_left: int
    expires_at: int
    wrong_checks: str = ""
    kept_until: int = 0
    plan: bytes = b""
    progress: str = ""
    origin: str = ""
    """Where the code was asked from: guard.note_verified.Origin in JSON, empty where nothing is to be told of it."""

    @property
    def key(self) -> Key:
        return (LiveVerification, self.account, self.phone, self.purpose)


class Message(Row, frozen=True, gc=False):
    """One SMS or one call. `ending` is outcome.Ending, empty where nobody told. `reference` is its sender's name.

    `unit_price` is the price of one segment (sms) or of each started `period` of seconds (call); `price` is
    what was held at first, `held` what still is, `charged` what it cost in the end. `talked_ms` is how long a
    call was talked. `template` allowed its text (brandname_view.name_of).
    """

    table = "messages"
    key_columns = 2

    account: AccountId
    id: MessageId
    dialect: str
    channel: str
    phone: Phone
    sender: str
    application: str
    reference: str
    client_ip: str
    verification: int
    code_expires_at: int
    segments: int
    period: int
    unit_price: Minor
    price: Minor
    held: Minor
    charged: Minor
    talked_ms: int
    state: str
    reason: str
    ended_at: int
    ending: str = ""
    callback_url: str = ""
    """Where its end is told; empty: where the application or the account says."""
    together: int = 0
    """The id of the first message that was asked for together with it, its own for that one; 0 for one alone."""
    category: str = ""
    """What kind of message its dialect calls it."""
    campaign: str = ""
    """What its sender counts it under."""
    resends: int = 0
    """How often it was sent again and paid for again, at `price` each; `charged` has that in it."""
    template: str = ""

    @property
    def key(self) -> Key:
        return (Message, self.account, self.id)


class Attempt(Row, frozen=True, gc=False):
    """One try to hand a message to one carrier; `why` this one was chosen. `awaited` is how many of its parts the
    carrier has not reported yet, `ending` is outcome.Ending, empty where nobody told. `network` is what the carrier
    told of it by name, in JSON (outcome.network_told).
    """

    table = "attempts"
    key_columns = 3

    account: AccountId
    message: MessageId
    number: int
    carrier: str
    caller: str
    state: str
    carrier_reference: str
    detail: str
    started_at: int
    ended_at: int
    awaited: int = 0
    ending: str = ""
    why: str = ""
    network: str = ""
    paid: Minor = NOTHING
    """What the account paid for this attempt, beside its message's own price: it was sent again."""

    @property
    def key(self) -> Key:
        return (Attempt, self.account, self.message, self.number)


class Call(Row, frozen=True, gc=False):
    """One attempt's call. Its row is made by the first that is heard of it, so that of a call that nobody has told
    anything of yet there is none. `state` is call.CallState, `ending` is outcome.Ending; a time of 0 has not come, or
    was not told. `talk_ms` is what is charged by; after the death of its process, only so much as is certain.
    """

    table = "calls"
    key_columns = 3

    account: AccountId
    message: MessageId
    attempt: int
    carrier: str
    state: str
    started_at: int
    """When its carrier was asked."""
    ringing_at: int = 0
    answered_at: int = 0
    ended_at: int = 0
    heard_at: int = 0
    """When the newest of what is known of it happened."""
    ring_ms: int = 0
    """From the first sign that it rings to the answer or the end."""
    talk_ms: int = 0
    ending: str = ""
    keys: str = ""
    """What was pressed, in order."""
    status: int = 0
    """The final SIP status of the INVITE; 0 where there was none."""
    codec: str = ""
    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    """Of ours, as the far end reported it."""
    jitter_us: int = 0
    """Of ours, as the far end reported it last, in microseconds."""
    trace: bytes = b""
    """The signalling, for operators; no code is in it."""

    @property
    def key(self) -> Key:
        return (Call, self.account, self.message, self.attempt)


class Event(Row, frozen=True, gc=False):
    """What happened to a message or its verification, for its story. `data` never holds a code or a text."""

    table = "events"
    key_columns = 3

    account: AccountId
    subject: int
    id: int
    kind: str
    data: str


class Job(Row, frozen=True, gc=False):
    """Work that is due. Leasing moves `due_at` to the end of the lease and counts `lease` up, so a job whose
    process died becomes due by itself and the old process's outcome is recognised as stale. A delivery job has
    its message's id. `payload` is sealed, and empty once nothing must be sent any more. `carrier` is written by a
    process that left the job: the names of the carriers that it waits for, with commas between them; the first that can
    send takes it, wherever it runs.
    """

    table = "jobs"
    key_columns = 1

    id: int
    kind: str
    account: AccountId
    message: MessageId
    due_at: int
    lease: int
    attempt: int
    in_flight: bool
    payload: bytes
    carrier: str = ""
    watch: str = ""
    """silence.Watch in JSON, of a message that may be sent more than once."""

    @property
    def key(self) -> Key:
        return (Job, self.id)


class DeadJob(Row, frozen=True, gc=False):
    """A job that was given up, and why. `id` is of the moment; `job` was its own, `leases` and `attempts` tell how
    often it was tried, `fault` where the program raised (its place, never its words), if it did.
    """

    table = "dead_jobs"
    key_columns = 1

    id: int
    job: int
    kind: str
    account: AccountId
    message: MessageId
    leases: int
    attempts: int
    reason: str
    fault: str = ""

    @property
    def key(self) -> Key:
        return (DeadJob, self.id)


class CarrierReference(Row, frozen=True, gc=False):
    """The receipt map: a carrier's name for one of our attempts, or for a part of one. `receipt` is the carrier's last
    word on it, an Outcome in JSON, and came at `received_at`. A receipt of what has no such name yet makes the row too:
    its `message` is 0 until then.
    """

    table = "carrier_references"
    key_columns = 2

    carrier: str
    reference: str
    account: AccountId
    message: MessageId
    attempt: int
    expires_at: int
    received_at: int = 0
    receipt: str = ""

    @property
    def key(self) -> Key:
        return (CarrierReference, self.carrier, self.reference)


class KeyFingerprint(Row, frozen=True, gc=False):
    """Which server key the data was made with; `name` says of which use. It tells nothing of the key itself."""

    table = "key_fingerprints"
    key_columns = 1

    name: str
    fingerprint: int


class CarrierCapacity(Row, frozen=True, gc=False):
    """Who holds how much capacity of a carrier with a total: `holders` is capacity.Holder of each process, in JSON."""

    table = "carrier_capacity"
    key_columns = 1

    carrier: str
    holders: str


class ProcessReport(Row, frozen=True, gc=False):
    """What a process says of the carriers that it runs, for operators: `carriers` is contract.CarrierStatus of each, in
    JSON. It is renewed every few seconds, and gone soon after the process is.
    """

    table = "process_reports"
    key_columns = 1

    process: str
    reported_at: int
    expires_at: int
    carriers: str


class RecentRefusals(Row, frozen=True, gc=False):
    """Why an account's requests were refused lately: `total` in all, of which `entries` (JSON) tells the newest.
    Account 0 stands for whoever has no key of ours.
    """

    table = "recent_refusals"
    key_columns = 1

    account: AccountId
    total: int
    entries: str
    expires_at: int


class InboxItem(Row, frozen=True, gc=False):
    """What the simulated phone received; `content` is sealed as the payload of its job is."""

    table = "inbox"
    key_columns = 1

    id: MessageId
    phone: Phone
    channel: str
    sender: str
    content: bytes

    @property
    def key(self) -> Key:
        return (InboxItem, self.id)


class Recording(Row, frozen=True, gc=False):
    """A sentence as it is spoken beside a voice's digits: G.711 mu-law at 8 kHz, made when it was configured.

    `before` is played before the code, `after` after it; either may be empty.
    """

    table = "recordings"
    key_columns = 2

    voice: str
    sentence: str
    before: bytes
    after: bytes
