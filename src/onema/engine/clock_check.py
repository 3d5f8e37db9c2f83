"""Nodes judge lifetimes by their own clocks; the database's clock is what they are compared with."""

import logging
from collections.abc import Callable

from onema.engine.loops import Loop
from onema.engine.ports import Clock
from onema.storage.contract import Storage, StorageError

log = logging.getLogger(__name__)

TOLERATED_SECONDS = 2.0
EVERY_SECONDS = 60.0


class ClockCheck:
    """Compares at the start and once a minute; `tell` hears by how many seconds this clock is ahead."""

    def __init__(self, storage: Storage, clock: Clock, tell: Callable[[float], None]) -> None:
        self._storage = storage
        self._clock = clock
        self._tell = tell
        self._loop = Loop(
            "clock-check", self.check, every_seconds=EVERY_SECONDS, pauses_first=True, expected=StorageError
        )

    async def start(self) -> None:
        if await self.check():
            self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def check(self) -> bool:
        """Compare once; False for a store without a clock of its own."""
        before = self._clock.now()
        theirs = await self._storage.clock()
        if theirs is None:
            return False
        # The answer was made about halfway.
        ahead = ((before + self._clock.now()) / 2 - theirs) / 1000
        self._tell(ahead)
        if abs(ahead) > TOLERATED_SECONDS:
            log.warning(
                "this node's clock differs from the database's: codes and leases end at the wrong time; use NTP",
                extra={"action": "clock", "seconds": round(ahead, 1)},
            )
        return True
