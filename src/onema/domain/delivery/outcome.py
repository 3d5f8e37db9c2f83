"""What a channel reports of an attempt, at once or later."""

import enum

import msgspec


class OutcomeKind(enum.StrEnum):
    SUBMITTED = "submitted"
    """The carrier took it; a receipt may follow."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """The carrier took it and it will not reach the phone."""
    TEMPORARY = "temporary"
    """It did not leave us; another carrier, or a later try, may succeed."""
    PERMANENT = "permanent"
    """It did not leave us, and no try will succeed."""
    UNKNOWN = "unknown"
    """It may have left us; it must not be sent again blindly."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`reason` is a word for the message's story; `detail` is for operators. `seconds` is the talk time of a
    call. `carrier_reference` is the carrier's name for the attempt, by which receipts find it. `shown` says that a
    simulated phone shows the message: it is kept in the inbox together with the outcome.
    """

    kind: OutcomeKind
    reason: str = ""
    detail: str = ""
    carrier_reference: str = ""
    seconds: float = 0.0
    shown: bool = False
