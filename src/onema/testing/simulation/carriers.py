"""Carriers that take, lose, refuse and forget messages, and that say late, twice or before time what became of them."""

import asyncio
from collections.abc import Callable
from random import Random

from onema.channels.contract import Outgoing, Receipt, Share
from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload

Told = Callable[["SimulatedCarrier", Outgoing], None]
_ANSWER_SECONDS = 2.0


class Network:
    """What is behind all carriers: who has got which message, and the receipts that are still to be told.

    `handed` and `nobody_got` hear what a carrier is given, and what it says for certain that nobody
    got: it did not leave us, or the call was not answered.
    """

    def __init__(self, chance: Random, handed: Told, nobody_got: Told) -> None:
        self.chance = chance
        self.handed = handed
        self.nobody_got = nobody_got
        self.receipts: list[Receipt] = []
        """That may be told now; told ones stay for a while, because carriers repeat themselves."""
        self.trouble = 1.0
        """How often things go wrong, as a share of what is usual; 0.0 for a quiet end."""

    def owe(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if len(self.receipts) > 50:
            self.receipts.pop(self.chance.randrange(40))


class SimulatedCarrier:
    """One node's link to a carrier of that name."""

    def __init__(self, name: str, network: Network, *, idempotent: bool) -> None:
        self.name = name
        self.idempotent = idempotent
        self.problem = ""
        self.ready = True
        self._network = network

    async def start(self, on_news: Callable[[], None]) -> None: ...

    async def stop(self) -> None: ...

    def answer_seconds(self, payload: Payload) -> float:
        return _ANSWER_SECONDS

    def allow(self, share: Share) -> int:
        return 0

    async def send(self, outgoing: Outgoing) -> Outcome:
        """In this order: it leaves us or not, its receipt may overtake the answer, and the answer comes or is lost."""
        network, chance = self._network, self._network.chance
        network.handed(self, outgoing)
        goes_wrong = chance.random() < 0.3 * network.trouble
        await asyncio.sleep(chance.random() * 0.3)
        if goes_wrong and chance.random() < 0.5:
            network.nobody_got(self, outgoing)
            if chance.random() < 0.8:
                return Outcome(kind=OutcomeKind.TEMPORARY, reason="busy just now")
            return Outcome(kind=OutcomeKind.PERMANENT, reason="nobody has this number")
        reference = f"{self.name}-{outgoing.message}-{outgoing.attempt}"
        if not isinstance(outgoing.payload, CallPayload):
            network.owe(Receipt(self.name, reference, self._later()))
        if goes_wrong:
            # A paused process wakes up when its lease is long over.
            await asyncio.sleep(chance.choice((0.0, 1.0, 60.0)))
            kind = chance.random()
            if kind < 0.3:
                raise ConnectionError
            if kind < 0.6:
                return Outcome(kind=OutcomeKind.UNKNOWN, reason="no answer")
        if isinstance(outgoing.payload, CallPayload):
            outcome = self._called()
            if outcome.ending is not Ending.ANSWERED:
                network.nobody_got(self, outgoing)
            return outcome
        if chance.random() < 0.2:
            return Outcome(kind=OutcomeKind.DELIVERED, references=(reference,))
        return Outcome(kind=OutcomeKind.SUBMITTED, references=(reference,))

    def _later(self) -> Outcome:
        drawn = self._network.chance.random()
        if drawn < 0.7:
            return Outcome(kind=OutcomeKind.DELIVERED)
        if drawn < 0.85:
            return ended(Ending.SWITCHED_OFF)
        return Outcome(kind=OutcomeKind.SUBMITTED, reason="on its way")

    def _called(self) -> Outcome:
        drawn = self._network.chance.random()
        if drawn < 0.6:
            return ended(
                Ending.ANSWERED, call=CallFacts(talk_seconds=self._network.chance.uniform(1.0, 130.0))
            )
        return ended(self._network.chance.choice((Ending.BUSY, Ending.NO_ANSWER, Ending.CARRIER_DOWN)))
