"""What every way out must do."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.payload import Payload
from onema.domain.ids import AccountId, MessageId
from onema.http.messages import Request, Response


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One attempt to be made: the message's account and id, the attempt's number, what to send, and by name the facts
    that were registered about it and that its carrier may have to be told.
    """

    account: AccountId
    message: MessageId
    attempt: int
    payload: Payload
    facts: Mapping[str, str] = {}


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What a carrier reports later of something that it gave a name to: the `reference` of an earlier Outcome.

    `outcome` is DELIVERED or UNDELIVERED; SUBMITTED for a word on the way, and UNKNOWN for one whose meaning is not
    known: these two end nothing.
    """

    carrier: str
    reference: str
    outcome: Outcome


class CallEvent(msgspec.Struct, frozen=True, gc=False):
    """How far an attempt's call is, from when on (`at`, Unix ms). `keys` is all that was pressed so far."""

    carrier: str
    account: AccountId
    message: MessageId
    attempt: int
    state: CallState
    at: int
    keys: str = ""


CallEvents = Callable[[CallEvent], None]
"""Where a channel tells how far its calls are, as it happens and in order: at once, and whoever hears it must not
raise or wait. The end is told by the Outcome alone.
"""


class NotRecorded(Exception):
    """A receipt could not be made durable. The carrier is to say it again later, so it is not acknowledged."""


ReceiptSink = Callable[[Receipt], Coroutine[Any, Any, None]]
"""Where a channel reports receipts, of whatever process's attempts; returns once that is durable, and only then may the
carrier hear that it was received. Raises NotRecorded. Whether anything has that name is no matter of the channel's.
"""


Webhook = Callable[[Request], Coroutine[Any, Any, Response]]
"""Answers what comes to /carriers/NAME/..., at any process, whether the carrier runs there or not. It may come from
anybody: the webhook itself must check a signature or a token, with `hmac.compare_digest`, before it believes a word,
and answers 403 to what fails. It reports receipts and answers when they are durable; on NotRecorded, with a status that
makes the carrier come back. What it raises is answered 500. Bodies, heads and time are bounded before it is asked.
"""


class Share(msgspec.Struct, frozen=True, gc=False):
    """How much of a carrier's total this process may use: `capacity`, in what the carrier counts (binds, calls), and
    segments of SMS, or calls, `per_second`; 0.0 sets no pace. Paces add up only if none saves up what it did not use.
    """

    capacity: int
    per_second: float = 0.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier knows of its own work in this process at this moment, for operators and metrics; nothing is
    decided by it. None: the carrier has no such thing.
    """

    binds: int | None = None
    """Connections that are up and can carry messages."""
    binds_wanted: int | None = None
    """How many it tries to have."""
    in_flight: int | None = None
    """What was written to the other side and has no answer yet, in what the window counts."""
    window: int | None = None
    """How much may be in flight, over all binds that are up."""
    waiting: int | None = None
    """What was handed over and waits for the window or the pace; nothing of it has left."""
    calls_lately: int | None = None
    """Calls that ended in the last minutes: what the averages below are over."""
    pace: float | None = None
    """How much may start in a second now, in what `Share.per_second` counts; 0.0: no limit."""
    calls: int | None = None
    """Calls that are up or being set up."""
    answered: float | None = None
    """The share of the last minutes' calls that were answered, 0.0 to 1.0."""
    ring_seconds: float | None = None
    """How long those that rang did, on average."""
    loss: float | None = None
    """The share of our packets that far ends missed, 0.0 to 1.0."""
    jitter_ms: float | None = None
    """Of our packets, as far ends reported it, on average."""


@runtime_checkable
class ReportsFigures(Protocol):
    """A carrier that has figures. To have none is fine."""

    def figures(self) -> Figures:
        """At any time, also before `start` and after `stop`. It costs no more than reading a few attributes."""


class CarrierStatus(msgspec.Struct, frozen=True):
    """A configured carrier as a process sees it. `since` (Unix ms) is when it last became ready, or ceased to be; 0
    where it does not run. `last_error` says why it was not ready, the last time that it was not.
    """

    name: str
    type: str
    state: str
    ready: bool = False
    since: int = 0
    last_error: str = ""
    process: str = ""
    """Which process says so; empty where no process tells."""
    reported_at: int = 0
    """When it said so, by its own clock; 0: now."""
    figures: Figures = Figures()
    in_flight: int = 0
    """Attempts that were handed over and have no outcome yet."""
    per_second: float = 0.0
    """Segments and calls that it took, over the last seconds."""
    breaker: str = "closed"
    lowered_to: float = 0.0
    """Attempts a second that it gets after it asked us to slow down; 0.0: as many as come."""
    last_failure: str = ""
    """How an attempt failed last."""
    lags: tuple[int, ...] = ()
    """How many receipts came how long after their attempt began: buckets of `domain.delivery.receipt_lag.BOUNDS`."""


class Carrier(Protocol):
    """One configured way out.

    It is made, told its share where it has a total, started, and stopped in the end; nothing is sent before it is
    `ready`. One that is not ready is passed over: no attempt is begun for it.

    `send` never raises for what the carrier says: every ending is an Outcome, and anything that may have left
    us is UNKNOWN, never TEMPORARY. A carrier that is `idempotent` may be handed the same attempt again after a
    crash; it then does nothing twice.
    """

    name: str
    idempotent: bool

    @property
    def ready(self) -> bool:
        """Whether it could send now: False before `start` and after `stop`, and while there is no connection."""

    @property
    def problem(self) -> str:
        """Why it is not ready, for operators: no secret is in it. Empty when there is nothing to say."""

    async def start(self, on_news: Callable[[], None]) -> None:
        """Begin to be ready, and call `on_news` whenever that changes. A carrier that loses its connection makes it
        anew by itself. What it raises is shown to operators, an OSError in its words and any other by its name, and it
        is started again after a pause. Safe twice.
        """

    def answer_seconds(self, payload: Payload) -> float:
        """How long `send` may take at most; the job stays leased for as long."""

    def allow(self, share: Share) -> int:
        """Use no more than `share` from now on, and say how much of it is in use: more than that for as long as
        calls or binds take to end. Asked before `start` and every few seconds where the carrier has a total, never
        where it has none.
        """

    async def send(self, outgoing: Outgoing) -> Outcome:
        """Hand the attempt over. One that lost its connection meanwhile answers TEMPORARY if nothing left."""

    async def stop(self) -> None:
        """Take no new work and release what is held, within capacity.STOP_SECONDS: then others may take it. Safe
        twice, and before `start`.
        """
