"""A carrier whose answers a test writes."""

import asyncio
from collections.abc import Callable

from onema.channels.contract import Figures, Outgoing, Share
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload

DELIVERED = Outcome(kind=OutcomeKind.DELIVERED)


class RecordingCarrier:
    """Remembers what it was handed and answers with `outcomes` in turn, then DELIVERED.

    `share` is what it was allowed last, of which it says that `in_use` is used. It is ready from `start` on,
    which first raises what `failures` has; after `lose` only from `find` on.
    """

    def __init__(self, name: str, *outcomes: Outcome | Exception, idempotent: bool = False) -> None:
        self.name = name
        self.idempotent = idempotent
        self.sent: list[Outgoing] = []
        self.share: Share | None = None
        self.in_use = 0
        self.stopped = False
        self.failures: list[Exception] = []
        self.starts = 0
        self.problem = ""
        self._ready = False
        self._on_news: Callable[[], None] = lambda: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.before_answer: Callable[[Outgoing], None] = lambda outgoing: None
        self.answered: list[Outcome] = []
        self._ended = 0
        """Of `sent`, so many have ended."""
        self._outcomes = list(outcomes)
        self._arrival = asyncio.Condition()

    @property
    def ready(self) -> bool:
        return self._ready

    async def start(self, on_news: Callable[[], None]) -> None:
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)
        self._on_news = on_news
        self.find()

    def lose(self, problem: str) -> None:
        """Its connection, say."""
        self._ready, self.problem = False, problem
        self._on_news()

    def find(self) -> None:
        self._ready, self.problem = True, ""
        self._on_news()

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
        self._ended += 1
        self.before_answer(outgoing)
        outcome = self._outcomes.pop(0) if self._outcomes else DELIVERED
        if isinstance(outcome, Exception):
            raise outcome
        self.answered.append(outcome)
        return outcome

    def figures(self) -> Figures:
        return Figures(binds=int(self._ready), binds_wanted=1, in_flight=len(self.sent) - self._ended)

    def answers_with(self, *outcomes: Outcome | Exception) -> None:
        """From now on, in turn; then DELIVERED."""
        self._outcomes = list(outcomes)

    async def was_handed(self, count: int) -> None:
        """Wait until `count` attempts were handed over in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.sent) >= count)

    async def stop(self) -> None:
        self.stopped = True
        self._ready = False
        self.gate.set()
