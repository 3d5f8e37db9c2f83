"""An event loop whose time passes only while nothing is left to do, and clocks that people set."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class Stuck(Exception):
    """Everybody waits, and nothing will ever happen."""


class _NoSockets(selectors.BaseSelector):
    """Nothing outside the process is waited for: to wait is to let the time pass."""

    def __init__(self) -> None:
        self.passed = 0.0
        """Seconds since the start."""
        self.turns = 0
        """How often the loop looked what is to be done next."""
        self._registered: dict[Any, selectors.SelectorKey] = {}
        """What the loop wakes itself with from other threads, of which there are none."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self.turns += 1
        self.passed += max(timeout, 0.0)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._registered[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._registered.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._registered


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs what waits in the order in which it is due, without waiting."""

    def __init__(self) -> None:
        self._time = _NoSockets()
        super().__init__(self._time)

    def time(self) -> float:
        return self._time.passed

    @property
    def turns(self) -> int:
        """How many steps it has made."""
        return self._time.turns


class SimulatedClock:
    """A node's clock: the loop's time, and by how much somebody has set it wrong."""

    def __init__(self, loop: asyncio.AbstractEventLoop, started_at: int) -> None:
        self._loop = loop
        self._started_at = started_at
        """Unix ms at the loop's time 0."""
        self.wrong_ms = 0

    def now(self) -> int:
        return self._started_at + int(self._loop.time() * 1000) + self.wrong_ms
