"""How many requests a carrier has under way, and how many it may begin in a second."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from onema.channels.contract import Share


class NoRoom(Exception):
    """There was no place in time."""


class Room:
    """Places for requests at once, in order of arrival, and a pace at which they may begin."""

    def __init__(self, places: int, steady: Callable[[], float]) -> None:
        self._places = places
        self._steady = steady
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Those who wait for a place; each is woken by whoever gives one back."""
        self._interval = 0.0
        """Seconds between two beginnings; 0.0 sets no pace."""
        self._next = 0.0
        """When (steady seconds) the next one may begin."""
        self._empty = asyncio.Event()
        self._empty.set()

    def allow(self, share: Share, most: int) -> int:
        self._places = min(share.capacity, most)
        self._interval = 1 / share.per_second if share.per_second > 0 else 0.0
        self._wake()
        return self._taken

    @contextlib.asynccontextmanager
    async def place(self, seconds: float) -> AsyncIterator[None]:
        """Wait for a place, and then for a turn. Raises NoRoom."""
        deadline = self._steady() + seconds
        await self._take(seconds)
        try:
            await self._turn(deadline)
            yield
        finally:
            self._give_back()

    async def emptied(self, seconds: float) -> None:
        """Wait for all places to be given back, but no longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()

    async def _take(self, seconds: float) -> None:
        if self._taken >= self._places or self._waiting:
            woken = asyncio.get_running_loop().create_future()
            self._waiting.append(woken)
            try:
                async with asyncio.timeout(seconds):
                    await woken
            except BaseException as error:
                if woken.done() and not woken.cancelled():
                    self._give_back()  # it was woken in the same moment
                elif woken in self._waiting:
                    self._waiting.remove(woken)
                if isinstance(error, TimeoutError):
                    raise NoRoom from None
                raise
        else:
            self._begin()

    def _begin(self) -> None:
        self._taken += 1
        self._empty.clear()

    def _give_back(self) -> None:
        self._taken -= 1
        if not self._taken:
            self._empty.set()
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._taken < self._places:
            woken = self._waiting.popleft()
            if not woken.done():
                self._begin()
                woken.set_result(None)

    async def _turn(self, deadline: float) -> None:
        if not self._interval:
            return
        now = self._steady()
        turn = max(now, self._next)
        if turn > deadline:
            raise NoRoom
        # A pace that was not used is not saved up: shares of several processes add up only then.
        self._next = turn + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)
