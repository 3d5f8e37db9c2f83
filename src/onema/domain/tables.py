"""Which tables there are."""

from onema.domain.audit import AuditEntry
from onema.domain.delivery.gone_addresses import GoneAddress
from onema.domain.door_rows import Invitation, LoginTries, UserAccess
from onema.domain.guard.rows import GuardSubject
from onema.domain.live_figures import LiveFigures
from onema.domain.money.low_balance import LowBalance
from onema.domain.records import (
    Attempt,
    Call,
    CarrierCapacity,
    CarrierReference,
    DeadJob,
    DirectoryRevision,
    DirectoryRow,
    Event,
    InboxItem,
    Job,
    KeyFingerprint,
    LedgerEntry,
    LiveVerification,
    Message,
    ProcessReport,
    RecentRefusals,
    Recording,
    Row,
    TopUp,
    Wallet,
    Window,
)
from onema.domain.request_key import RequestKey
from onema.domain.server_keys.rows import NodeKeys
from onema.domain.statistics import Statistics

TABLES: tuple[type[Row], ...] = (
    DirectoryRevision,
    DirectoryRow,
    Wallet,
    TopUp,
    Window,
    GuardSubject,
    RequestKey,
    LiveVerification,
    Message,
    Attempt,
    Call,
    Job,
    CarrierReference,
    InboxItem,
    Recording,
    LedgerEntry,
    Event,
    CarrierCapacity,
    KeyFingerprint,
    DeadJob,
    RecentRefusals,
    ProcessReport,
    LiveFigures,
    Statistics,
    AuditEntry,
    Invitation,
    UserAccess,
    LoginTries,
    GoneAddress,
    LowBalance,
    NodeKeys,
)
"""Every table, in the order in which batches lock rows."""

TABLE_ORDER = {row_type: number for number, row_type in enumerate(TABLES)}

EXPIRING: tuple[type[Row], ...] = (
    LiveVerification,
    Window,
    GuardSubject,
    CarrierReference,
    RecentRefusals,
    RequestKey,
    ProcessReport,
    LiveFigures,
    Statistics,
    Invitation,
    LoginTries,
    NodeKeys,
)
"""Those whose rows are swept once they have expired."""
