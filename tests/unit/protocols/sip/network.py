"""A caller and a called phone with a network between them, at which time is simulated."""

import heapq
import itertools
import random
from typing import NamedTuple

from onema.protocols.sip.call_events import CallEvent, Ended
from onema.protocols.sip.called import Door, IncomingCall, Script
from onema.protocols.sip.calling import OutgoingCall, Plan
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.messages import Message, Request, parse
from onema.protocols.sip.transaction import Timing
from tests.unit.protocols.sip.far_end import HERE, PLAN, THERE, Address, Words, counting

LONGEST_DELAY = 0.4


class Told(NamedTuple):
    """What each end told meanwhile."""

    caller: list[CallEvent]
    called: list[CallEvent]


class Network:
    """`loss` and `copies` are shares of all messages; `delay` makes their order random."""

    def __init__(
        self,
        script: Script,
        plan: Plan = PLAN,
        *,
        digest: DigestClient | None = None,
        door: Door | None = None,
        loss: float = 0.0,
        copies: float = 0.0,
        delay: float = 0.0,
        seed: int = 0,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
    ) -> None:
        self.now = 0.0
        self.is_cut = False
        self.media = Words()
        """Of the called phone."""
        self.call = OutgoingCall(
            plan,
            local=HERE,
            media=Words(),
            tokens=counting("a"),
            digest=digest,
            timing=timing,
            reliable=reliable,
        )
        self.far = IncomingCall(
            script,
            local=THERE,
            media=self.media,
            tokens=counting("b"),
            door=door,
            timing=timing,
            reliable=reliable,
        )
        self.caller: list[CallEvent] = []
        self.called: list[CallEvent] = []
        self.sent: list[Message] = []
        """What the caller sent, lost or not."""
        self._loss, self._copies, self._delay = loss, copies, delay
        self._random = random.Random(seed)
        self._order = itertools.count()
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        """When it arrives, whether at the called end, and what."""
        self.call.start(self.now)
        self._post()

    def hang_up(self) -> None:
        """By the caller."""
        self.caller += self.call.hang_up(self.now)
        self._post()

    def run(self, seconds: float) -> Told:
        """Let time pass; what was told meanwhile."""
        before = len(self.caller), len(self.called)
        until = self.now + seconds
        self._post()
        while (then := self._next()) <= until:
            self.now = max(self.now, then)
            while self._under_way and self._under_way[0][0] <= self.now:
                _, _, to_called, data = heapq.heappop(self._under_way)
                self._arrive(to_called, data)
            if self.call.due <= self.now:
                self.caller += self.call.tick(self.now)
            if self.far.due <= self.now:
                self.called += self.far.tick(self.now)
            self._post()
        self.now = until
        return Told(self.caller[before[0] :], self.called[before[1] :])

    def ends_by_itself(self, seconds: float = 200.0) -> bool:
        """Whether both ends are over after so long, with one Ended each, or none of an end that heard of no call."""
        self.run(seconds)
        ends = [sum(isinstance(event, Ended) for event in events) for events in (self.caller, self.called)]
        return self.call.is_over and self.far.is_over and ends in ([1, 1], [1, 0])

    @property
    def end(self) -> Ended:
        """The caller's."""
        return _end(self.caller)

    @property
    def far_end(self) -> Ended:
        return _end(self.called)

    def methods_of_caller(self) -> list[str]:
        return [message.method for message in self.sent if isinstance(message, Request)]

    def _next(self) -> float:
        arrival = self._under_way[0][0] if self._under_way else float("inf")
        return min(arrival, self.call.due, self.far.due)

    def _arrive(self, to_called: bool, data: bytes) -> None:
        if to_called:
            self.called += self.far.receive(parse(data), self.now, Address())
        else:
            self.caller += self.call.receive(parse(data), self.now, Address())

    def _post(self) -> None:
        for to_called, end in ((True, self.call), (False, self.far)):
            for sending in end.sendings():
                if to_called:
                    self.sent.append(parse(sending.data))
                if self.is_cut or self._random.random() < self._loss:
                    continue
                for _ in range(2 if self._random.random() < self._copies else 1):
                    at = self.now + self._delay * self._random.random()
                    heapq.heappush(self._under_way, (at, next(self._order), to_called, sending.data))


def kinds(events: list[CallEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def _end(events: list[CallEvent]) -> Ended:
    (event,) = [event for event in events if isinstance(event, Ended)]
    return event
