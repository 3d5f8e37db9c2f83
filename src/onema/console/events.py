"""The event stream of the handset page.

Message ids say when a message was accepted, and a slow one arrives after younger ones. A stream therefore
keeps no cursor: on every arrival it reads the newest items again and sends those that it has not sent yet. A
browser that comes back says which id it saw last and gets everything since a while before that: it knows what
it has.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec

from onema.channels.handset.calls import LiveCall
from onema.console.calls import CallControl
from onema.console.items import InboxReader, Presenter
from onema.domain.ids import first_id_at, time_of_id

WINDOW = 300
HEARTBEAT_SECONDS = 15.0
OVERLAP_MS = 600_000
_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"
# Under load everything that arrives in this time is read at once.
_COALESCE_SECONDS = 0.1

_encoder = msgspec.json.Encoder()


class EventStreams:
    """Makes one stream per browser. All end when `stopping` is set."""

    def __init__(
        self,
        inbox: InboxReader,
        calls: CallControl | None,
        presenter: Presenter,
        now: Callable[[], int],
        stopping: asyncio.Event,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._inbox = inbox
        self._calls = calls
        self._presenter = presenter
        self._now = now
        self._stopping = stopping
        self._heartbeat_seconds = heartbeat_seconds

    async def follow(self, last_seen: int, admitted: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Events from before `last_seen` on (0: the newest), until the server stops or `admitted` says no."""
        since = first_id_at(max(0, time_of_id(last_seen) - OVERLAP_MS)) if last_seen else 0
        sent: set[int] = set()
        shown: dict[int, LiveCall] = {}
        stopped = asyncio.ensure_future(self._stopping.wait())
        news: list[asyncio.Future[Any]] = []
        try:
            yield _RETRY
            caught_up = False
            while admitted() and not self._stopping.is_set():
                # Watching starts before reading, so that what arrives meanwhile is not slept over.
                news = [asyncio.ensure_future(watch) for watch in self._watches()]
                await asyncio.sleep(0)
                for event in await self._fresh_items(since, sent):
                    yield event
                for event in self._fresh_calls(shown):
                    yield event
                if not caught_up:
                    caught_up = True
                    yield b"event: caught-up\ndata: {}\n\n"
                await asyncio.wait({stopped, *news}, return_when=asyncio.FIRST_COMPLETED)
                yield _HEARTBEAT
                await _cancelled(news)
                if not stopped.done():
                    await asyncio.sleep(_COALESCE_SECONDS)
        finally:
            await _cancelled([stopped, *news])

    def _watches(self) -> list[Coroutine[Any, Any, None]]:
        watches = [self._inbox.something_new(self._heartbeat_seconds)]
        if self._calls is not None:
            watches.append(self._calls.changed(self._heartbeat_seconds))
        return watches

    async def _fresh_items(self, since: int, sent: set[int]) -> list[bytes]:
        newest = await self._inbox.read(after=since, limit=WINDOW)
        fresh = [received for received in reversed(newest) if received.id not in sent]
        # What left the window can never be read again.
        sent.intersection_update(received.id for received in newest)
        sent.update(received.id for received in fresh)
        return [_event("message", self._presenter.item(received), received.id) for received in fresh]

    def _fresh_calls(self, shown: dict[int, LiveCall]) -> list[bytes]:
        if self._calls is None:
            return []
        states = dict(self._calls.states)
        changed = [call for number, call in states.items() if shown.get(number) != call]
        shown.clear()
        shown.update(states)
        return [_event("call", self._presenter.ring(call, self._now())) for call in changed]


def _event(name: str, data: msgspec.Struct, number: int | None = None) -> bytes:
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(data))


async def _cancelled(tasks: list[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
