"""A store that went away: for how long it is waited for, and who hears that it is away or back.

Most outages are short, so the first callers of one wait for it. Whoever comes later in a long one is refused at once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from onema.storage.contract import Storage, StorageError, Unavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
SHORTEST_PATIENCE_SECONDS = 0.5

T = TypeVar("T")


class StorePatience:
    """Shared by all who use a store to write: what one finds out about it, the others need not wait for."""

    def __init__(self, storage: Storage, seconds: float, turn_away: Callable[[], None]) -> None:
        """`seconds`: for how long a store that went away is waited for. `turn_away` refuses who waits for a batch."""
        self._storage = storage
        self._seconds = seconds
        self._turn_away = turn_away
        self._tell: Callable[[bool], None] = lambda here: None
        """Hears whether the store is here; set by `watch`."""
        self._lost_at: float | None = None
        """Since when the store is away; set by who finds that out, cleared by who finds it back."""
        self._is_over = False
        """Whether an outage took too long: then nobody waits until a batch was saved."""
        self._is_stopping = False
        """Set by `stop`: whoever still waits is refused."""

    def watch(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell

    def stop(self) -> None:
        """Wait for no store any more."""
        self._is_stopping = True

    async def outlast(self, save: Callable[[], Awaitable[None]]) -> None:
        """Save a batch; a store that has just gone away may be back in a moment, and nothing of the batch was saved."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await save()
            except Unavailable as error:
                self._is_over |= self.is_away(error) >= self._seconds
                if self._is_stopping or self._is_over:
                    raise
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            else:
                # Only a batch shows that batches can be saved: a full disk goes on to answer what does not write.
                self._is_over = False
                await self.answered()
                return

    def is_away(self, error: StorageError) -> float:
        """For how many seconds it has been; the next one to come in a long outage is not kept waiting anew."""
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
            log.error("the store is unavailable", extra={"action": "commit", "detail": str(error)})
            self._tell(False)
        return now - self._lost_at

    async def answered(self) -> None:
        """A store that was away is back once it proves that batches can be saved: a full disk goes on to answer what
        does not write, and now and then takes what is small.
        """
        if self._lost_at is None:
            return
        try:
            await self.keep_nobody_behind(self._storage.prove_writable())
        except StorageError:
            return
        # Another writer's batch may have told meanwhile.
        if self._lost_at is not None:
            away = time.monotonic() - self._lost_at
            self._lost_at = None
            log.info("the store is back", extra={"action": "commit", "seconds": round(away, 3)})
            self._tell(True)

    async def keep_nobody_behind(self, asking: Awaitable[T]) -> T:
        """What the store answers, however long that takes. Who only waits behind it is not kept that long."""
        answer = asyncio.ensure_future(asking)
        patience = max(self._seconds, SHORTEST_PATIENCE_SECONDS)
        try:
            while not (await asyncio.wait([answer], timeout=patience))[0]:
                self._turn_away()
        except asyncio.CancelledError:
            answer.cancel()
            raise
        return answer.result()
