"""Whether a carrier is worth a try: the circuit breaker and the pace of one carrier, as one process sees them.

Both are values; what happens to a carrier makes the next one. What an ending says of its carrier is endings.RULES'.
"""

import enum

import msgspec

from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Outcome, OutcomeKind

FAILURES_TO_OPEN = 5
"""In a row. One or two may be the message's fault, and each costs somebody an attempt."""
FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 60_000
"""Each probe that fails doubles the pause, up to this."""

LOWERED_TO = 0.7
"""So much of the pace is left when the carrier says that it is too high."""
LOWERED_ONCE_MS = 1_000
"""What was under way when it said so will hear the same, and says nothing new."""
RISES_BY = 1.05
"""In each second without such a word."""
SLOWEST = 1.0
"""Attempts a second."""
FREE_AT = 2.0
"""A pace that is so many times what it was lowered from is none any more."""
SAVED_MS = 1_000
"""Attempts that were not started for so long may be made up for: jobs come when a poll finds them, not one by one."""


class BreakerState(enum.StrEnum):
    CLOSED = "closed"
    """It takes everything."""
    OPEN = "open"
    """It failed time and again; it gets nothing until a pause is over."""
    HALF_OPEN = "half-open"
    """The pause is over. It gets one message at a time, and how that ends decides."""


class Verdict(enum.Enum):
    """What an outcome says of the carrier that it came from."""

    WORKS = 1
    FAILS = 2
    SAYS_NOTHING = 3


def verdict(outcome: Outcome) -> Verdict:
    """A carrier that took the message, or refused it for what it is, works. One that gave no answer, that is down, or
    that cannot take it now without saying why, does not. That we send too much or are taken for abuse says nothing: the
    pace and people look after these.
    """
    if outcome.ending is not None:
        rule = RULES[outcome.ending]
        if rule.trips_breaker:
            return Verdict.FAILS
        if rule.lowers_pace or rule.is_suspicion or rule.kind is OutcomeKind.PERMANENT:
            return Verdict.SAYS_NOTHING
    if outcome.kind in (OutcomeKind.TEMPORARY, OutcomeKind.UNKNOWN):
        return Verdict.FAILS
    return Verdict.WORKS


class Breaker(msgspec.Struct, frozen=True, gc=False):
    """`generation` counts the changes of state: what began in another one says nothing of this one."""

    failures: int = 0
    """In a row, while it is closed."""
    open_until: int = 0
    """When it is half-open; 0 while it is closed."""
    pause: int = 0
    """How long the present pause is."""
    probing: bool = False
    """Whether a probe is under way."""
    generation: int = 0

    def state(self, now: int) -> BreakerState:
        if not self.open_until:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.open_until else BreakerState.HALF_OPEN

    def lets_through(self, now: int) -> bool:
        return not self.open_until or (now >= self.open_until and not self.probing)

    def begun(self) -> "Breaker":
        """An attempt begins, which it let through."""
        return msgspec.structs.replace(self, probing=True) if self.open_until else self

    def ended(self, generation: int, said: Verdict, now: int) -> "Breaker":
        """An attempt ended that began in `generation`."""
        if generation != self.generation:
            return self
        if not self.open_until:
            if said is Verdict.WORKS:
                return msgspec.structs.replace(self, failures=0) if self.failures else self
            if said is Verdict.SAYS_NOTHING:
                return self
            failures = self.failures + 1
            if failures < FAILURES_TO_OPEN:
                return msgspec.structs.replace(self, failures=failures)
            return self._opened(FIRST_PAUSE_MS, now)
        if said is Verdict.WORKS:
            return Breaker(generation=self.generation + 1)
        if said is Verdict.FAILS:
            return self._opened(min(2 * self.pause, LONGEST_PAUSE_MS), now)
        return msgspec.structs.replace(self, probing=False)

    def _opened(self, pause: int, now: int) -> "Breaker":
        return Breaker(0, now + pause, pause, False, self.generation + 1)


class Pace(msgspec.Struct, frozen=True, gc=False):
    """How many attempts a second a carrier gets after it said that we send too much; `rate` 0.0: as many as come.

    It rises by itself. Attempts that must wait get their turns one after the other (`put_off`).
    """

    rate: float = 0.0
    """As of `changed_at`."""
    lowered_from: float = 0.0
    changed_at: int = 0
    next_at: float = 0.0
    """When the next attempt may begin."""
    turns_until: float = 0.0
    """When those have had their turn that were put off."""

    def rate_at(self, now: int) -> float:
        """0.0 once it has risen far above what was too much."""
        if not self.rate:
            return 0.0
        risen: float = self.rate * RISES_BY ** min(max(0, now - self.changed_at) / 1000, 1_000)
        return risen if risen < FREE_AT * self.lowered_from else 0.0

    def lets_through(self, now: int) -> bool:
        return not self.rate or self.next_at <= now or not self.rate_at(now)

    def begun(self, now: int) -> "Pace":
        if not self.rate:
            return self
        rate = self.rate_at(now)
        if not rate:
            return Pace()
        return msgspec.structs.replace(self, next_at=max(self.next_at, now - SAVED_MS) + 1000 / rate)

    def lowered(self, now: int, lately: float) -> "Pace":
        """The carrier says that it is too much; `lately` is how many attempts began in the last second."""
        rate = self.rate_at(now)
        if rate and now - self.changed_at < LOWERED_ONCE_MS:
            return self
        before = rate or max(lately, SLOWEST)
        return msgspec.structs.replace(
            self,
            rate=max(SLOWEST, LOWERED_TO * before),
            lowered_from=before,
            changed_at=now,
            next_at=float(now),
        )

    def put_off(self, now: int) -> tuple[int, "Pace"]:
        """When an attempt may try again that was not let through, and the pace that knows of it."""
        rate = self.rate_at(now) or SLOWEST
        turn = max(self.turns_until, self.next_at, float(now)) + 1000 / rate
        return int(turn) + 1, msgspec.structs.replace(self, turns_until=turn)
