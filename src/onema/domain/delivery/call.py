"""One call as everybody is told of it: how far it is, and in the end what is known of it."""

import enum

import msgspec

LATE_WORD_MS = 30_000
"""How long a call of which nobody knows how it ended waits for a late word of whoever placed it, which has had the
whole call and a lease by then. No receipt tells of calls.
"""


class CallState(enum.StrEnum):
    CALLING = "calling"
    """The carrier was asked."""
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier knows of a call that ended; how it ended is its Outcome's `ending`. Of a carrier that does not
    tell it, numbers are 0 and texts empty.
    """

    ring_seconds: float = 0.0
    """From the first sign that it rings to the answer or the end."""
    talk_seconds: float = 0.0
    """From answer to hang-up: what is charged."""
    keys: str = ""
    """What was pressed, in order."""
    status: int = 0
    """The final SIP status of the INVITE."""
    codec: str = ""
    """`PCMU` or `PCMA`."""
    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    """Of ours, as the far end reported it (RFC 3550 §6.4.1)."""
    jitter_ms: float = 0.0
    """Of ours, as the far end reported it last."""
    trace: bytes = b""
    """The signalling as it was on the wire, for operators; it never holds a code, and no audio."""
