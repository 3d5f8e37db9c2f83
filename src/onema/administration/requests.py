"""What may be asked of a running server, beside customer_requests.py.

Time, ids and entropy are filled in where a request is answered.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from onema.administration import customer_requests as theirs
from onema.administration.asking import Request as Request  # noqa: PLC0414  # handed on
from onema.administration.audit_requests import AuditPage as AuditPage  # noqa: PLC0414  # handed on
from onema.administration.audit_requests import ReadAudit as ReadAudit  # noqa: PLC0414  # handed on
from onema.administration.compliance_requests import ComplianceReport as ComplianceReport  # noqa: PLC0414  # handed on
from onema.administration.compliance_requests import ReadCompliance as ReadCompliance  # noqa: PLC0414  # handed on
from onema.administration.guard_requests import FindingLine as FindingLine  # noqa: PLC0414  # handed on
from onema.administration.guard_requests import Findings as Findings  # noqa: PLC0414  # handed on
from onema.administration.guard_requests import GuardInForce as GuardInForce  # noqa: PLC0414  # handed on
from onema.administration.guard_requests import ReadFindings as ReadFindings  # noqa: PLC0414  # handed on
from onema.administration.guard_requests import ReadGuards as ReadGuards  # noqa: PLC0414  # handed on
from onema.administration.person_requests import ErasePerson as ErasePerson  # noqa: PLC0414  # handed on
from onema.administration.person_requests import ExportPerson as ExportPerson  # noqa: PLC0414  # handed on
from onema.administration.statistics_requests import FoundStatistics as FoundStatistics  # noqa: PLC0414  # handed on
from onema.administration.statistics_requests import ReadQuality as ReadQuality  # noqa: PLC0414  # handed on
from onema.administration.statistics_requests import ReadRoutingLog as ReadRoutingLog  # noqa: PLC0414  # handed on
from onema.administration.statistics_requests import ReadStatistics as ReadStatistics  # noqa: PLC0414  # handed on
from onema.channels.contract import CarrierStatus
from onema.domain.codes.refused_text import RefusedText
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Change
from onema.domain.delivery.callback_try import CallbackTry
from onema.domain.ids import MessageId
from onema.domain.note_refusals import RefusedRequest
from onema.domain.records import Call, DeadJob, LedgerEntry, Message, Window
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import NEWEST_ENTRY, FoundMessages, Story


class PutDocuments(Request[tuple[Change, ...]], frozen=True, kw_only=True, tag="put_documents"):
    """Put whole documents and remove the named (kind, identity) ones: all of it or nothing.

    With `revision`, refused (CONFLICT) unless the configuration is still what was read as that revision. With
    `dry_run` it is only said what would change, or what is wrong; nobody is blamed then for naming one of the
    (kind, identity) that whoever asks could not read.
    """

    answer_type = tuple[Change, ...]

    documents: tuple[doc.AnyDocument, ...] = ()
    remove: tuple[tuple[str, str], ...] = ()
    revision: int | None = None
    dry_run: bool = False
    unreadable: tuple[tuple[str, str], ...] = ()


class TopUp(Request[bool], frozen=True, kw_only=True, tag="top_up"):
    """Book `amount` (money.Minor) once per `reference`; an empty one is made up. Answer: was it new? With `dry_run`:
    would it be, for an account that may not be there yet.
    """

    answer_type = bool

    account: str
    amount: Minor
    reference: str = ""
    dry_run: bool = False


class Configuration(msgspec.Struct, frozen=True):
    """Documents in order of kind and identity, as of one revision."""

    revision: int
    documents: tuple[doc.AnyDocument, ...]


class ReadDocuments(Request[Configuration], frozen=True, kw_only=True, tag="read_documents"):
    """The configuration, or what of it has this kind, this identity, and belongs to or is this account (empty: any).
    Secrets are masked unless `reveal`.
    """

    answer_type = Configuration

    kind: str = ""
    identity: str = ""
    account: str = ""
    reveal: bool = False


class FoundStory(msgspec.Struct, frozen=True):
    """A message's story, the account that it was found in, and the server's time. `refused_text` is what was kept of
    a text that fitted no template.
    """

    account: str
    currency: str
    story: Story
    now: int
    refused_text: RefusedText | None = None


class ReadStory(Request[FoundStory | None], frozen=True, kw_only=True, tag="read_story"):
    """All that is known about a message; without `account`, of whichever account has it."""

    answer_type = FoundStory | None

    message: MessageId
    account: str = ""


class ReadMessages(Request[Sequence[Message]], frozen=True, kw_only=True, tag="read_messages"):
    """An account's messages with ids under `before` (0: the newest), newest first."""

    answer_type = list[Message]

    account: str
    before: int = 0
    limit: int = 20


class SearchMessages(Request[FoundMessages], frozen=True, kw_only=True, tag="search_messages"):
    """An account's messages with ids from `since` to before `before` (0: the newest), newest first: those to one of the
    phones or with the reference, if one is said, in this state, if one is.
    """

    answer_type = FoundMessages

    account: str
    phones: tuple[str, ...] = ()
    reference: str = ""
    state: str = ""
    since: int = 0
    before: int = 0
    limit: int = 20


class PlacedCall(msgspec.Struct, frozen=True):
    """An attempt's call, without its signalling, and its message's phone, caller, name and application."""

    call: Call
    phone: Phone
    caller: str
    reference: str
    application: str


class ReadCalls(Request[Sequence[PlacedCall]], frozen=True, kw_only=True, tag="read_calls"):
    """Calls of an account's messages with ids under `before` (0: the newest), newest message first."""

    answer_type = list[PlacedCall]

    account: str
    before: int = 0
    limit: int = 500


class ReadLedger(Request[Sequence[LedgerEntry]], frozen=True, kw_only=True, tag="read_ledger"):
    """An account's ledger entries, newest subject first, then by kind; behind the entry of this (subject, kind)."""

    answer_type = list[LedgerEntry]

    account: str
    before: tuple[int, str] = NEWEST_ENTRY
    limit: int = 20


class Balance(msgspec.Struct, frozen=True):
    """An account's money. `lowest` is how low it may go, None for any depth; `ledger` sums its entries."""

    account: str
    currency: str
    balance: Minor
    lowest: Minor | None
    expires_at: int
    ledger: Minor


class ReadBalance(Request[Balance], frozen=True, kw_only=True, tag="read_balance"):
    """An account's wallet. `audit` also sums its whole ledger, which takes long when that is."""

    answer_type = Balance

    account: str
    audit: bool = False


class ResetCounting(Request[Sequence[Window]], frozen=True, kw_only=True, tag="reset_counting"):
    """Forget what the windows of an account counted; or instead of its own those of a phone or an address that it
    named; or a hotline's, which is no account's. Answer: what was counted.
    """

    answer_type = list[Window]

    account: str = ""
    phone: str = ""
    client_ip: str = ""
    hotline: str = ""


class HeldCapacity(msgspec.Struct, frozen=True):
    """What one process holds of a carrier's `total`, and when it said so last, by its own clock."""

    carrier: str
    total: int
    process: str
    capacity: int
    renewed_at: int


class ReadCapacity(Request[Sequence[HeldCapacity]], frozen=True, kw_only=True, tag="read_capacity"):
    """Who holds capacity of the carriers with a total, by carrier; the earliest process first."""

    answer_type = list[HeldCapacity]


class ReadCarriers(Request[Sequence[CarrierStatus]], frozen=True, kw_only=True, tag="read_carriers"):
    """What each process makes of each configured carrier, by the names of both: the server that answers, or, on a
    database that others use too, all that have told it within the last minute.
    """

    answer_type = list[CarrierStatus]


class TestCarrier(Request[MessageId], frozen=True, kw_only=True, tag="test_carrier"):
    """Send a text to a phone through exactly this carrier, within so many seconds, as a message of an account that
    costs nothing; of the only account where none is named, from its first sender where none is. Answer: its id.
    """

    __test__: ClassVar[bool] = False
    answer_type = int

    carrier: str
    phone: str
    text: str
    seconds: int
    account: str = ""
    sender: str = ""


class TestCall(Request[MessageId], frozen=True, kw_only=True, tag="test_call"):
    """Call a phone through exactly this carrier within so many seconds and read the code out, as a call of an account
    that costs nothing; of the only account where none is named. Without a voice it is the default one of Vietnamese,
    and without a `caller` the first of the account's hotlines. Answer: its id.
    """

    __test__: ClassVar[bool] = False
    answer_type = int

    carrier: str
    phone: str
    code: str
    seconds: int
    voice: str = ""
    account: str = ""
    caller: str = ""

    def __repr__(self) -> str:
        """Without number and code."""
        return f"TestCall({self.carrier!r})"


class UnmatchedReceipt(msgspec.Struct, frozen=True):
    """What a carrier reported at `received_at` of a `reference` that is the name of nothing of ours."""

    carrier: str
    reference: str
    outcome: str
    reason: str
    detail: str
    received_at: int


class ReadReceipts(Request[Sequence[UnmatchedReceipt]], frozen=True, kw_only=True, tag="read_receipts"):
    """The receipts that nothing matches, newest first; of all carriers without `carrier`."""

    answer_type = list[UnmatchedReceipt]

    carrier: str = ""
    limit: int = 100


class FoundRefusals(msgspec.Struct, frozen=True):
    """Why requests were refused lately: how many in all, and the newest different ones, oldest first."""

    total: int
    entries: tuple[RefusedRequest, ...]


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the last `seconds`, in every process; a time of None where nothing was delivered.

    `per_second` is how many codes came in lately, `series` how many in each slot of `slot_seconds`, oldest first.
    `delivered` is of those that `ended`, `verified` of the `codes`. `spent` is by currency.
    """

    at: int
    seconds: int
    slot_seconds: int
    messages: int
    codes: int
    ended: int
    delivered: int
    verified: int
    per_second: float
    half_within_ms: int | None
    most_within_ms: int | None
    """Ninety-nine of a hundred."""
    spent: dict[str, Minor]
    refusals: dict[str, int]
    series: tuple[int, ...]


class ReadNow(Request[Now], frozen=True, kw_only=True, tag="read_now"):
    """What happens at the moment, to an account; without one, to all, and to whoever has no key of ours."""

    answer_type = Now

    account: str = ""


class ReadRefusals(Request[FoundRefusals], frozen=True, kw_only=True, tag="read_refusals"):
    """What is kept of an account's refusals; without `account`, of those whose keys nobody has."""

    answer_type = FoundRefusals

    account: str = ""


class ServerStatus(msgspec.Struct, frozen=True):
    """`ahead`: windows and codes that a clock ahead wrote, by what they are. `address_countries`: when the list was
    made that this process looks addresses up in (Unix ms); 0 without one.
    """

    process: int
    version: str
    revision: int
    now: int
    ahead: dict[str, int] = {}
    address_countries: int = 0


class Status(Request[ServerStatus], frozen=True, kw_only=True, tag="status"):
    """Who answers."""

    answer_type = ServerStatus


class ReadSettings(Request[dict[str, str]], frozen=True, kw_only=True, tag="read_settings"):
    """What every setting of the server is, as text; secrets are masked."""

    answer_type = dict[str, str]


class PutRecording(Request[None], frozen=True, kw_only=True, tag="put_recording"):
    """How an application's sentence sounds beside a voice: mu-law bytes at 8 kHz, whole 20 ms frames."""

    answer_type = type(None)

    voice: str
    sentence: str
    before: bytes
    after: bytes = b""


class ShowSms(Request[bool], frozen=True, kw_only=True, tag="show_sms"):
    """Show a text that a simulated network brought to a phone on the handset's page; whether it can be shown there."""

    answer_type = bool

    phone: str
    sender: str
    text: str


class ReadDeadJobs(Request[Sequence[DeadJob]], frozen=True, kw_only=True, tag="read_dead_jobs"):
    """Jobs of all accounts that were given up, with ids under `before` (0: the newest), newest first."""

    answer_type = list[DeadJob]

    before: int = 0
    limit: int = 20


class RequeueJob(Request[None], frozen=True, kw_only=True, tag="requeue_job"):
    """Try a callback or a settlement that was given up once more."""

    answer_type = type(None)

    dead: int


class DropJob(Request[None], frozen=True, kw_only=True, tag="drop_job"):
    """Forget a job that was given up."""

    answer_type = type(None)

    dead: int


class KeptTry(msgspec.Struct, frozen=True):
    """One try to tell how a message ended, and when its end was written down."""

    message: MessageId
    at: int
    tried: CallbackTry


class CallbackPage(msgspec.Struct, frozen=True):
    """Tries, those of the newest message first, its last one first; `next` is where the next page begins, None when
    nothing is left.
    """

    tries: Sequence[KeptTry]
    next: tuple[int, int] | None


class ReadCallbacks(Request[CallbackPage], frozen=True, kw_only=True, tag="read_callbacks"):
    """How an account was told of its messages. `before` is a page's `next`; `limit` events are looked through."""

    answer_type = CallbackPage

    account: str
    before: tuple[int, int] = (2**63 - 1, 2**63 - 1)
    limit: int = 500


class ReplayCallbacks(Request[int], frozen=True, kw_only=True, tag="replay_callbacks"):
    """Tell an account once more how these messages ended; answer: of how many. One that nobody is told of is refused
    (CONFLICT), or passed over with `told_only`. Without `account` the first message says whose they are. A single one
    stands for all that were asked for with it, where it is their first. Under one `name`, of a request with the
    `digest`, they are told once (DUPLICATE for another digest); those of which nobody is told are passed over then.
    """

    answer_type = int

    messages: tuple[MessageId, ...]
    account: str = ""
    told_only: bool = False
    name: str = ""
    digest: str = ""


WireRequest = (
    PutDocuments
    | ReadDeadJobs
    | RequeueJob
    | DropJob
    | ReadCallbacks
    | ReadAudit
    | ExportPerson
    | ErasePerson
    | ReplayCallbacks
    | TopUp
    | PutRecording
    | ReadDocuments
    | ReadStory
    | ReadMessages
    | SearchMessages
    | ReadCalls
    | ReadLedger
    | ReadBalance
    | theirs.ReadPrices
    | theirs.ReadHotlines
    | theirs.TryText
    | theirs.TryCallback
    | theirs.ReadAddresses
    | theirs.ReadLowBalances
    | theirs.PutAddressOnline
    | ReadCapacity
    | ReadCarriers
    | TestCarrier
    | TestCall
    | ReadReceipts
    | ResetCounting
    | ShowSms
    | ReadRefusals
    | ReadNow
    | ReadStatistics
    | ReadQuality
    | ReadRoutingLog
    | ReadSettings
    | ReadCompliance
    | ReadFindings
    | ReadGuards
    | Status
)
