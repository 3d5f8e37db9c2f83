"""Time, ids and randomness come from here, so that everything else can be decided again with the same result."""

import secrets
import time
from typing import Protocol

from onema.domain.ids import MAX_SEQUENCE, compose_id


class Clock(Protocol):
    """The node's clock."""

    def now(self) -> int:
        """Unix time in milliseconds."""


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


def steady_seconds() -> float:
    """Seconds since some moment: they pass at the same pace whatever is done to the clock."""
    return time.monotonic()


class Entropy(Protocol):
    """A source of unpredictable bytes."""

    def token(self, size: int) -> bytes: ...


_POOL_BYTES = 4096


class SystemEntropy:
    """The system's random bytes, fetched in larger pieces: a system call for each code costs 3 us. No byte is
    given twice; a process that forks must make its own.
    """

    def __init__(self) -> None:
        self._pool = b""
        """Random bytes; the next piece begins behind those that were given."""
        self._taken = 0
        """How many of them were given."""

    def token(self, size: int) -> bytes:
        start = self._taken
        end = start + size
        if end > len(self._pool):
            self._pool = secrets.token_bytes(max(size, _POOL_BYTES))
            start, end = 0, size
        self._taken = end
        return self._pool[start:end]


class IdSource:
    """Makes this node's ids: unique, and never smaller than one made before, even when the clock steps back."""

    def __init__(self, clock: Clock, node: int) -> None:
        self._clock = clock
        self._node = node
        self._time = 0
        """The time in the last id, which may be ahead of the clock."""
        self._sequence = 0
        """The number of the last id among those of that time."""

    def next(self) -> int:
        now = self._clock.now()
        if now > self._time:
            self._time, self._sequence = now, 0
        elif self._sequence < MAX_SEQUENCE:
            self._sequence += 1
        else:
            self._time, self._sequence = self._time + 1, 0
        return compose_id(self._time, self._node, self._sequence)
