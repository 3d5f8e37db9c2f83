"""What every way out must do."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from onema.domain.outcome import Outcome
from onema.domain.payload import Payload


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One attempt to be made: the message's account and id, the attempt's number, and what to send."""

    account: int
    message: int
    attempt: int
    payload: Payload


ReceiptSink = Callable[[Outgoing, Outcome], Coroutine[Any, Any, None]]
"""Where a channel reports what became of an attempt later; returns once that is durable."""


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

    async def send(self, outgoing: Outgoing) -> Outcome: ...

    async def stop(self) -> None:
        """Take no new work and release what is held."""
