"""A token bucket of one token: how often something may start, in segments of SMS or whatever a carrier counts.

Nothing is saved up while nobody wants to start, since the shares of several processes add up only then
(contract.Share). While somebody waits, a timer that goes off late costs no pace.
"""

LATE_SECONDS = 0.05
"""How late whoever waits may come and still start as if in time: more than a busy loop's lateness."""


class Pace:
    """At most `per_second` may start in a second, evenly; 0.0 sets no pace. Times are seconds of any steady clock."""

    def __init__(self, per_second: float = 0.0) -> None:
        self._interval = 0.0
        self._next = 0.0
        """When the next may start."""
        self._awaited = False
        """Whether somebody has waited for that and not rested since."""
        self.per_second = per_second

    @property
    def per_second(self) -> float:
        return 1 / self._interval if self._interval else 0.0

    @per_second.setter
    def per_second(self, value: float) -> None:
        interval = 1 / value if value > 0 else 0.0
        if self._interval and interval:
            # What started last is paid for at the new pace.
            self._next += interval - self._interval
        self._interval = interval

    def wait(self, now: float) -> float:
        """Seconds until the next may start; 0.0: now."""
        if not self._interval or now >= self._next:
            return 0.0
        self._awaited = True
        return self._next - now

    def take(self, now: float, segments: int = 1) -> None:
        """So many start together at `now`; what follows waits for as long as they take."""
        if self._interval:
            earliest = now - LATE_SECONDS if self._awaited else now
            self._next = max(self._next, earliest) + segments * self._interval

    def rest(self) -> None:
        """Nobody waits any more."""
        self._awaited = False
