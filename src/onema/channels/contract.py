"""What every way out must do."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.payload import Payload


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One attempt to be made: the message's account and id, the attempt's number, and what to send."""

    account: int
    message: int
    attempt: int
    payload: Payload


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What a carrier reports later of something that it gave a name to: the `reference` of an earlier Outcome.

    `outcome` is DELIVERED or UNDELIVERED; SUBMITTED for a word on the way, and UNKNOWN for one whose meaning is not
    known: these two end nothing.
    """

    carrier: str
    reference: str
    outcome: Outcome


class NotRecorded(Exception):
    """A receipt could not be made durable. The carrier is to say it again later, so it is not acknowledged."""


ReceiptSink = Callable[[Receipt], Coroutine[Any, Any, None]]
"""Where a channel reports receipts, of whatever process's attempts; returns once that is durable, and only then may the
carrier hear that it was received. Raises NotRecorded. Whether anything has that name is no matter of the channel's.
"""


class Share(msgspec.Struct, frozen=True, gc=False):
    """How much of a carrier's total this process may use: `seats`, in what the carrier counts (binds, calls), and
    attempts `per_second`; 0.0 sets no pace. Paces add up only if none saves up what it did not use.
    """

    seats: int
    per_second: float = 0.0


class Carrier(Protocol):
    """One configured way out.

    `send` never raises for what the carrier says: every ending is an Outcome, and anything that may have left
    us is UNKNOWN, never TEMPORARY. A carrier that is `idempotent` may be handed the same attempt again after a
    crash; it then does nothing twice.
    """

    name: str
    idempotent: bool

    def answer_seconds(self, payload: Payload) -> float:
        """How long `send` may take at most; the job stays leased for as long."""

    def allow(self, share: Share) -> int:
        """Use no more than `share` from now on, and say how many seats are in use: more than that for as long as
        calls or binds take to end. Asked before the first `send` and every few seconds where the carrier has a
        total, never where it has none.
        """

    async def send(self, outgoing: Outgoing) -> Outcome: ...

    async def stop(self) -> None:
        """Take no new work and release what is held, within seats.STOP_SECONDS: then others may take its seats."""
