"""What a call tells whoever holds it, for either end of it."""

import enum
from typing import Any, Protocol

import msgspec

from onema.protocols.sip.header_values import Reason, read_reasons, read_seconds
from onema.protocols.sip.messages import Request, Response


class Media(Protocol):
    """What a call says of media, as AudioEnd does. What `accept` and `answer` return is what events carry."""

    @property
    def offer(self) -> bytes:
        """Ours, which does not change during the call (RFC 4028 §7.4: so a refresh changes nothing)."""

    def accept(self, answer: bytes) -> Any:
        """What was agreed by an answer to our offer. Raises NotAcceptable."""

    def answer(self, offer: bytes) -> tuple[bytes, Any]:
        """Our answer to an offer, and what is agreed by it. Raises NotAcceptable."""


class By(enum.Enum):
    """Who ended a call."""

    US = "us"
    THEM = "them"
    TIMEOUT = "timeout"
    """Nothing came in time: an answer, the ringing, an ACK, a refresh of the session."""
    TRANSPORT = "transport"
    """It could not be sent."""


class Ringing(msgspec.Struct, frozen=True, gc=False):
    """The first sign of somebody being called: 180, 181, 182 or 183. It comes once."""

    status: int


class EarlyMedia(msgspec.Struct, frozen=True, gc=False):
    """The far end may be heard before the answer."""

    media: Any


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The call is up. From here on it ends by `hang_up` or by the far end."""

    media: Any


class MediaChanged(msgspec.Struct, frozen=True, gc=False):
    """Where to, in which direction or how media go was agreed anew."""

    media: Any


class Key(msgspec.Struct, frozen=True, gc=False):
    """A key that INFO told: `0` to `9`, `*`, `#`, `A` to `D`."""

    digit: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over; nothing follows it. Octets still do: the call is held until `is_over`."""

    by: By
    why: str = ""
    """For operators where no message says it: `no answer to the INVITE`."""
    status: int = 0
    """Of the final response to the INVITE; 0: none came."""
    phrase: str = ""
    message: Request | Response | None = None
    """What ended it: the far end's response or its BYE."""
    rang: bool = False
    """Whether somebody may have noticed it: there was a Ringing, or an answer."""
    accepted: bool = False
    """Whether a 2xx came, also one that crossed our CANCEL, or a BYE in its place."""

    @property
    def reasons(self) -> list[Reason]:
        """What the Reason headers say (RFC 3326)."""
        return read_reasons(self.message.headers.rows("Reason")) if self.message else []

    @property
    def vendor_headers(self) -> list[tuple[str, str]]:
        """`X-...`, in which carriers say more than SIP can."""
        rows = self.message.headers if self.message else ()
        return [(name, value) for name, value in rows if name[:2].upper() == "X-"]

    @property
    def retry_after(self) -> int | None:
        """Seconds (RFC 3261 §20.33), as a 503 has them."""
        return read_seconds(self.message.headers.get("Retry-After")) if self.message else None


CallEvent = Ringing | EarlyMedia | Answered | MediaChanged | Key | Ended
