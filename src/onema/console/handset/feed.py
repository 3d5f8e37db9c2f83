"""What all event streams of the handset page read from, so that the inbox is read once and not once per browser.

Message ids say when a message was accepted, and a slow one arrives after younger ones. The feed therefore keeps no
cursor: on every arrival it reads the newest items again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from onema.console.handset.calls import CallControl
from onema.console.handset.inbox import Received
from onema.console.handset.items import InboxReader
from onema.storage.contract import StorageError

WINDOW = 300
# Under load everything that arrives in this time is read at once.
_COALESCE_SECONDS = 0.1


class Feed:
    """Follows inbox and calls while somebody follows it.

    `items` are the newest, oldest first, described; replaced as a whole and never changed. None before they were
    read, and when they can be read no longer: the store is away, or the server stops.
    """

    def __init__(
        self,
        inbox: InboxReader,
        calls: CallControl | None,
        describe: Callable[[Received], bytes],
        heartbeat_seconds: float,
    ) -> None:
        self._inbox = inbox
        self._calls = calls
        self._describe = describe
        self._heartbeat_seconds = heartbeat_seconds
        self._followers = 0
        """How many are inside `followed`; the last one to leave ends the reading."""
        self._reading: asyncio.Task[None] | None = None
        """Reads on while somebody follows; None when nobody does, and when the store went away."""
        self._turn = asyncio.Event()
        """Set and replaced at every turn, so that each follower hears each turn once."""
        self.items: Mapping[int, bytes] | None = None

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """While this lasts `items` is kept up to date; on entry it is."""
        self._followers += 1
        try:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_on(), name="handset feed")
                self._reading.add_done_callback(self._over)
            if self.items is None:
                await self.next_turn().wait()
            yield
        finally:
            self._followers -= 1
            if not self._followers and self._reading is not None:
                self._reading.cancel()
                self._over(self._reading)

    def next_turn(self) -> asyncio.Event:
        """Set when there may be news, and every `heartbeat_seconds`; take it before looking at anything."""
        return self._turn

    async def _read_on(self) -> None:
        while True:
            # Watching starts before reading, so that what arrives meanwhile is not slept over.
            watching = [asyncio.ensure_future(watch) for watch in self._watches()]
            try:
                await asyncio.sleep(0)
                newest = await self._inbox.read(limit=WINDOW)
                known = self.items or {}
                self.items = {
                    received.id: known.get(received.id) or self._describe(received)
                    for received in reversed(newest)
                }
                self._wake()
                await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            except StorageError:
                return  # Browsers come again by themselves, and read everything anew.
            finally:
                for watch in watching:
                    watch.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
            await asyncio.sleep(_COALESCE_SECONDS)

    def _watches(self) -> list[Coroutine[Any, Any, None]]:
        watches = [self._inbox.something_new(self._heartbeat_seconds)]
        if self._calls is not None:
            watches.append(self._calls.changed(self._heartbeat_seconds))
        return watches

    def _wake(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def _over(self, reading: asyncio.Task[None]) -> None:
        if reading is self._reading:
            self._reading, self.items = None, None
            self._wake()
