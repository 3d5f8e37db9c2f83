"""What this process sees of the carriers that it hands attempts to: which are worth a try, how much they get, how they
answer. All of it is in memory, of this process alone (docs/decisions/0032-routes-and-breaker.md).
"""

import dataclasses
import logging
from collections.abc import Callable

import msgspec

from onema.domain.delivery.breaker import Breaker, BreakerState, Pace, Verdict, verdict
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.routing import BREAKER_OPEN, SLOWED

log = logging.getLogger(__name__)

RATE_SECONDS = 10
"""Over so many whole seconds the rate of a carrier is told."""
_SECONDS = RATE_SECONDS + 1


class Try(msgspec.Struct, frozen=True, gc=False):
    """One attempt that began with a carrier: `generation` is its breaker's."""

    carrier: str
    generation: int


class Meter:
    """How many things happened in each of the last seconds."""

    def __init__(self) -> None:
        self._counts = [0] * _SECONDS
        """A ring of seconds; the present one is not full yet."""
        self._second = 0

    def count(self, now: int, amount: int) -> None:
        if now // 1000 != self._second:
            self._turn_to(now // 1000)
        self._counts[self._second % _SECONDS] += amount

    def lately(self, now: int) -> float:
        """In the last whole second, or in this one where that is more."""
        self._turn_to(now // 1000)
        size = len(self._counts)
        return float(max(self._counts[self._second % size], self._counts[(self._second - 1) % size]))

    def per_second(self, now: int) -> float:
        self._turn_to(now // 1000)
        whole = sum(self._counts) - self._counts[self._second % len(self._counts)]
        return whole / RATE_SECONDS

    def _turn_to(self, second: int) -> None:
        for passed in range(max(self._second + 1, second - len(self._counts) + 1), second + 1):
            self._counts[passed % len(self._counts)] = 0
        # A clock that was set back counts into the second that it had reached.
        self._second = max(self._second, second)


@dataclasses.dataclass
class Seen:
    """One carrier."""

    breaker: Breaker = dataclasses.field(default_factory=Breaker)
    pace: Pace = dataclasses.field(default_factory=Pace)
    in_flight: int = 0
    """Attempts that were handed over and have no outcome yet."""
    begun: Meter = dataclasses.field(default_factory=Meter)
    """Attempts."""
    taken: Meter = dataclasses.field(default_factory=Meter)
    """Segments of SMS, and calls, that it took."""
    last_failure: str = ""
    """How it failed, the last time that an attempt said so."""


class CarrierWatch:
    """The breaker and the pace of every carrier, and figures of it. Nothing here waits."""

    def __init__(
        self, now: Callable[[], int], count: Callable[[str, str], None] = lambda carrier, outcome: None
    ) -> None:
        """`count` hears of each outcome, by the carrier's name."""
        self._now = now
        self._count = count
        self._seen: dict[str, Seen] = {}
        """By the carrier's name."""
        self.on_usable: Callable[[], None] = lambda: None
        """Called when a carrier may take attempts that it did not take before: jobs may wait for it."""

    def refuses(self, carrier: str, *, has_waited: bool = True) -> str:
        """Why nothing is handed to it now; "" when it may have an attempt. One that `has_waited` comes first."""
        seen = self._seen.get(carrier)
        if seen is None:
            return ""
        if not seen.breaker.open_until and not seen.pace.rate:
            return ""
        now = self._now()
        if not seen.breaker.lets_through(now):
            return BREAKER_OPEN
        if not seen.pace.lets_through(now) or (not has_waited and seen.pace.turns_until > now):
            return SLOWED
        return ""

    def counts(self, carrier: str) -> bool:
        """Whether it refuses some of what comes, so that each attempt must begin before the next one is looked at."""
        seen = self._seen.get(carrier)
        return seen is not None and bool(seen.breaker.open_until or seen.pace.rate)

    def begin(self, carrier: str) -> Try:
        """An attempt begins, which it does not refuse."""
        seen, now = self._of(carrier), self._now()
        if seen.breaker.open_until or seen.pace.rate:
            seen.breaker, seen.pace = seen.breaker.begun(), seen.pace.begun(now)
        seen.in_flight += 1
        seen.begun.count(now, 1)
        return Try(carrier, seen.breaker.generation)

    def end(self, began: Try, outcome: Outcome | None) -> None:
        """It ended so; None: it was not handed over, or nobody knows."""
        seen, now = self._of(began.carrier), self._now()
        seen.in_flight -= 1
        breaker = seen.breaker
        was_closed, said = breaker.open_until == 0, Verdict.SAYS_NOTHING
        if outcome is not None:
            said = verdict(outcome)
            self._count(began.carrier, outcome.kind.value)
            if outcome.kind in _NOT_TAKEN:
                seen.last_failure = outcome.word or outcome.detail or str(outcome.kind)
            else:
                seen.taken.count(now, max(1, outcome.parts, len(outcome.references)))
            if outcome.ending is not None and RULES[outcome.ending].lowers_pace:
                seen.pace = seen.pace.lowered(now, seen.begun.lately(now))
        if was_closed and not breaker.failures and said is not Verdict.FAILS:
            return
        seen.breaker = breaker.ended(began.generation, said, now)
        if was_closed and seen.breaker.open_until:
            log.warning(
                "carrier left out for a while",
                extra={"action": "breaker", "carrier": began.carrier, "detail": seen.last_failure},
            )
        elif not was_closed and seen.breaker.lets_through(now):
            if not seen.breaker.open_until:
                log.info("carrier works again", extra={"action": "breaker", "carrier": began.carrier})
            self.on_usable()

    def put_off(self, carrier: str) -> int:
        """When an attempt that it refused for its pace is to try again."""
        seen = self._of(carrier)
        turn, seen.pace = seen.pace.put_off(self._now())
        return turn

    def forget(self, carrier: str) -> None:
        """It was configured anew: what it was says nothing of what it is."""
        if (seen := self._seen.get(carrier)) is not None:
            seen.breaker = Breaker(generation=seen.breaker.generation + 1)
            seen.pace, seen.last_failure = Pace(), ""

    def breaker(self, carrier: str) -> BreakerState:
        seen = self._seen.get(carrier)
        return seen.breaker.state(self._now()) if seen else BreakerState.CLOSED

    def in_flight(self, carrier: str) -> int:
        seen = self._seen.get(carrier)
        return seen.in_flight if seen else 0

    def per_second(self, carrier: str) -> float:
        """What it took, in segments and calls, over the last seconds."""
        seen = self._seen.get(carrier)
        return seen.taken.per_second(self._now()) if seen else 0.0

    def lowered_to(self, carrier: str) -> float:
        """How many attempts a second it gets after it asked us to slow down; 0.0: as many as come."""
        seen = self._seen.get(carrier)
        return seen.pace.rate_at(self._now()) if seen else 0.0

    def last_failure(self, carrier: str) -> str:
        seen = self._seen.get(carrier)
        return seen.last_failure if seen else ""

    def _of(self, carrier: str) -> Seen:
        if (seen := self._seen.get(carrier)) is None:
            seen = self._seen[carrier] = Seen()
        return seen


_NOT_TAKEN = (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT, OutcomeKind.UNKNOWN)
