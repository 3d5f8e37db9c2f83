"""Counting in whole numbers: leaky buckets, and windows that begin with the clock.

A bucket of `capacity` leaks its whole content in a period, a little at any time. Its level is kept in units of which
one drop has as many as the period has milliseconds, so that what leaks in a millisecond is a whole number too:
nothing is ever rounded, and so no order of drops and pauses lets one more through.
"""

from onema.domain.values.written_ahead import is_void


def level_at(level: int, since: int, capacity: int, period_ms: int, now: int) -> int:
    """What is left at `now` of a bucket whose level was `level` at `since`. One that was filled under a larger
    capacity is full; one that a clock ahead has filled is empty.
    """
    full = capacity * period_ms
    if level > full:
        level = full
    if since > now:
        return 0 if is_void(since, period_ms, now) else level
    level -= (now - since) * capacity
    return level if level > 0 else 0


def has_room(level: int, capacity: int, period_ms: int) -> bool:
    """Whether one more drop fits."""
    return level + period_ms <= capacity * period_ms


def window_of(now: int, seconds: int, offset_minutes: int) -> int:
    """The number of the window of `seconds` that `now` falls into, where the clock is `offset_minutes` ahead of UTC."""
    return (now + offset_minutes * 60_000) // (seconds * 1000)
