"""Every reason for which onema says no, and the one exception that carries it.

The set is closed: each dialect maps every member to its vendor's own error, and a test fails when one is
missing from a dialect's table.
"""

import enum
from typing import NamedTuple


class Refusal(enum.Enum):
    # Who is asking.
    CREDENTIAL_UNKNOWN = "credential_unknown"
    ACCOUNT_SUSPENDED = "account_suspended"
    IP_NOT_ALLOWED = "ip_not_allowed"
    # The application that sends.
    APPLICATION_UNKNOWN = "application_unknown"
    APPLICATION_INACTIVE = "application_inactive"
    WRONG_ENVIRONMENT = "wrong_environment"
    FEATURE_OFF = "feature_off"
    SENTENCE_MISSING = "sentence_missing"
    # To whom.
    PHONE_INVALID = "phone_invalid"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    DESTINATION_NOT_ALLOWED = "destination_not_allowed"
    PHONE_BLOCKED = "phone_blocked"
    # With what.
    BRANDNAME_UNKNOWN = "brandname_unknown"
    TEMPLATE_MISMATCH = "template_mismatch"
    TEXT_NOT_SENDABLE = "text_not_sendable"
    NOT_REGISTERED = "not_registered"
    CODE_INVALID = "code_invalid"
    VOICE_UNKNOWN = "voice_unknown"
    POOL_UNKNOWN = "pool_unknown"
    POOL_INACTIVE = "pool_inactive"
    HOTLINE_UNAVAILABLE = "hotline_unavailable"
    # How often, and for how much.
    RATE_LIMITED = "rate_limited"
    ABUSE_SUSPECTED = "abuse_suspected"
    CHALLENGE_REQUIRED = "challenge_required"
    PRICE_MISSING = "price_missing"
    WALLET_EXPIRED = "wallet_expired"
    BALANCE_TOO_LOW = "balance_too_low"
    # Ourselves.
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    STORE_UNAVAILABLE = "store_unavailable"
    # Others.
    CARRIER_UNAVAILABLE = "carrier_unavailable"


class Quota(NamedTuple):
    """A limit that is used up: at most `limit` in `seconds`."""

    name: str
    limit: int
    seconds: int


class Refused(Exception):
    """A command or a value that onema refuses. `detail` may be shown to an operator, never to the wire. In `wait_ms` it
    may be asked for again; 0: nobody knows.
    """

    def __init__(
        self, refusal: Refusal, detail: str = "", wait_ms: int = 0, quota: Quota | None = None
    ) -> None:
        super().__init__(f"{refusal.value}: {detail}" if detail else refusal.value)
        self.refusal = refusal
        self.detail = detail
        self.wait_ms = wait_ms
        self.quota = quota


class Found(NamedTuple):
    """What a rule of the guard found of a message. `what` names a subject or a count, and never a whole number."""

    rule: str
    reason: str
    mode: str
    what: str

    @property
    def in_words(self) -> str:
        """Such as "country_budget (poor_conversion_history): VN: 20, record"."""
        return f"{self.rule} ({self.reason}): {self.what}, {self.mode}"


class Guarded(Refused):
    """The guard refuses a message for what it found."""

    def __init__(self, refusal: Refusal, found: tuple[Found, ...]) -> None:
        super().__init__(refusal, "; ".join(one.in_words for one in found))
        self.found = found


class AccountAway(Refused):
    """The account moves to another cell, or `is_there` already: whoever asks may ask again, and then reaches it."""

    def __init__(self, cell: str, *, is_there: bool) -> None:
        where = f"it lives in the cell {cell}" if is_there else f"it is moving to the cell {cell}"
        super().__init__(Refusal.STORE_UNAVAILABLE, where)
        self.cell = cell
        self.is_there = is_there
