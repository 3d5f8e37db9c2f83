"""Parts of pages that are sent anew while somebody looks: rendered once for all who see the same."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable

from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from onema.domain.refusals import Refused
from onema.engine.loops import Loop

EVERY_SECONDS = 2.0
MOST_STREAMS = 100
"""At once, in one process."""
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"

Make = Callable[[], Awaitable[str]]
"""The part, as HTML. Raises Refused while it cannot be told."""


class _Part:
    """One part, made anew in rounds from the first follower to the last."""

    def __init__(self, make: Make, every_seconds: float) -> None:
        self._make = make
        self._loop = Loop("live-part", self._round, every_seconds=every_seconds, expected=Refused)
        self.followers = 0
        self.event = b""
        """As it is sent; empty before the first round."""
        self.turn = asyncio.Event()
        """Set when the next round is done, and another put in its place."""
        self.start: Callable[[], None] = self._loop.start
        self.stop: Callable[[], Awaitable[None]] = self._loop.stop

    async def _round(self) -> None:
        html = await self._make()
        self.event = b"".join(b"data: %b\n" % line.encode() for line in html.splitlines()) + b"\n"
        turn, self.turn = self.turn, asyncio.Event()
        turn.set()


class LiveParts:
    """All end when `stopping` is set."""

    def __init__(self, stopping: asyncio.Event, every_seconds: float = EVERY_SECONDS) -> None:
        self._stopping = stopping
        self._every_seconds = every_seconds
        self._parts: dict[Hashable, _Part] = {}
        """By what tells viewers apart, those that somebody follows."""
        self.open = 0
        """Streams that are being sent; LiveStream counts them."""

    async def follow(
        self, alike: Hashable, make: Make, admitted: Callable[[], bool]
    ) -> AsyncGenerator[bytes]:
        """Events for one viewer, until the server stops or `admitted` says no. For all who are `alike` the part is the
        same, and made once.
        """
        part = self._parts.get(alike)
        if part is None:
            part = self._parts[alike] = _Part(make, self._every_seconds)
            part.start()
        part.followers += 1
        stopped = asyncio.ensure_future(self._stopping.wait())
        sent = b""
        try:
            yield _RETRY
            while admitted() and not stopped.done():
                event, turn_of_part = part.event, part.turn
                if event:
                    yield event if event != sent else _HEARTBEAT
                    sent = event
                turn = asyncio.ensure_future(turn_of_part.wait())
                try:
                    await asyncio.wait({stopped, turn}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    turn.cancel()
        finally:
            stopped.cancel()
            part.followers -= 1
            if not part.followers and self._parts.get(alike) is part:
                del self._parts[alike]
                await part.stop()


class LiveStream(StreamingResponse):
    """The answer to a browser that follows a part: a stream, or a refusal when there are enough."""

    def __init__(self, parts: LiveParts, alike: Hashable, make: Make, admitted: Callable[[], bool]) -> None:
        self._events = parts.follow(alike, make, admitted)
        super().__init__(self._events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._parts.open >= MOST_STREAMS:
            refusal = PlainTextResponse("too many live pages", 503, {"retry-after": "5"})
            return await refusal(scope, receive, send)
        self._parts.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._parts.open -= 1
            await self._events.aclose()
