"""A carrier whose answers a test writes."""

import asyncio
from collections.abc import Callable

from onema.channels.contract import Outgoing, Share
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload

DELIVERED = Outcome(kind=OutcomeKind.DELIVERED)


class RecordingCarrier:
    """Remembers what it was handed and answers with `outcomes` in turn, then DELIVERED.

    `share` is what it was allowed last, of which it says that `in_use` seats are used.
    """

    def __init__(self, name: str, *outcomes: Outcome | Exception, idempotent: bool = False) -> None:
        self.name = name
        self.idempotent = idempotent
        self.sent: list[Outgoing] = []
        self.share: Share | None = None
        self.in_use = 0
        self.stopped = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.before_answer: Callable[[Outgoing], None] = lambda outgoing: None
        self._outcomes = list(outcomes)
        self._arrival = asyncio.Condition()

    def answer_seconds(self, payload: Payload) -> float:
        return 1.0

    def allow(self, share: Share) -> int:
        self.share = share
        return self.in_use

    async def send(self, outgoing: Outgoing) -> Outcome:
        async with self._arrival:
            self.sent.append(outgoing)
            self._arrival.notify_all()
        await self.gate.wait()
        self.before_answer(outgoing)
        outcome = self._outcomes.pop(0) if self._outcomes else DELIVERED
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def was_handed(self, count: int) -> None:
        """Wait until `count` attempts were handed over in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.sent) >= count)

    async def stop(self) -> None:
        self.stopped = True
        self.gate.set()
