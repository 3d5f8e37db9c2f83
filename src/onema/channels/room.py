"""How many requests or calls a carrier has under way, and how many it may begin in a second."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from onema.channels.contract import Share
from onema.channels.pace import Pace


class NoRoom(Exception):
    """There was no place in time."""


class Room:
    """Places for what is under way at once, in order of arrival, and a pace at which it may begin."""

    def __init__(self, places: int, steady: Callable[[], float]) -> None:
        self._places = places
        self._steady = steady
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Those who wait for a place; each is woken by whoever gives one back."""
        self.pace = Pace()
        """In segments of SMS, or calls."""
        self._one_at_a_time = asyncio.Lock()
        """Held by who waits for the pace, so that turns come in order."""
        self._want_turns = 0
        """How many wait for the pace, or for those before them."""
        self._empty = asyncio.Event()
        self._empty.set()

    def allow(self, share: Share, most: int) -> int:
        self._places = min(share.capacity, most)
        self.pace.per_second = share.per_second
        self._wake()
        return self._taken

    @property
    def places(self) -> int:
        return self._places

    @property
    def taken(self) -> int:
        return self._taken - self._want_turns

    @property
    def waiting(self) -> int:
        return len(self._waiting) + self._want_turns

    @contextlib.asynccontextmanager
    async def place(self, seconds: float, size: Callable[[], int] = lambda: 1) -> AsyncIterator[None]:
        """Wait for a place, and then for a turn of this size, which is asked for only where there is a pace. Raises
        NoRoom.
        """
        deadline = self._steady() + seconds
        await self._take(seconds)
        try:
            if self.pace.per_second:
                await self._turn(deadline, size())
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

    async def _turn(self, deadline: float, size: int) -> None:
        self._want_turns += 1
        try:
            async with self._one_at_a_time:
                wait = self.pace.wait(self._steady())
                if self._steady() + wait > deadline:
                    raise NoRoom
                if wait:
                    await asyncio.sleep(wait)
                self.pace.take(self._steady(), size)
        finally:
            self._want_turns -= 1
            if not self._want_turns:
                self.pace.rest()
