"""The event stream of the handset page.

Every stream sends what the feed has and it has not sent yet. A browser that comes back says which id it saw last and
gets everything since a while before that, since a slow message has an older id than those that overtook it: it knows
what it has.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection

import msgspec
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from onema.channels.handset.calls import LiveCall
from onema.console.handset.calls import CallControl
from onema.console.handset.feed import Feed
from onema.console.handset.inbox import Received
from onema.console.handset.items import InboxReader, Presenter
from onema.domain.ids import first_id_at, time_of_id

HEARTBEAT_SECONDS = 15.0
MOST_STREAMS = 100
"""At once, in one process. Each costs work for every message that any phone receives."""
OVERLAP_MS = 600_000
# All at once, a hundred streams would hold up every request between them.
_BETWEEN_STREAMS_SECONDS = 0.001
_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"
_CAUGHT_UP = b"event: caught-up\ndata: {}\n\n"

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
        self._calls = calls
        self._presenter = presenter
        self._now = now
        self._stopping = stopping
        self._feed = Feed(inbox, calls, self._describe, heartbeat_seconds)
        self.open = 0
        """Streams that are being sent; EventStream counts them."""

    async def follow(self, last_seen: int, admitted: Callable[[], bool]) -> AsyncGenerator[bytes]:
        """Events from before `last_seen` on (0: the newest), until the server stops, the inbox cannot be read or
        `admitted` says no.
        """
        since = first_id_at(max(0, time_of_id(last_seen) - OVERLAP_MS)) if last_seen else 0
        sent: Collection[int] = ()
        shown: dict[int, LiveCall] = {}
        turn_taking = self.open * _BETWEEN_STREAMS_SECONDS
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            yield _RETRY
            async with self._feed.followed():
                first = True
                while admitted() and not stopped.done() and (items := self._feed.items) is not None:
                    turn = asyncio.ensure_future(self._feed.next_turn().wait())
                    fresh = [item for number, item in items.items() if number not in sent and number > since]
                    # What left the feed never comes back.
                    sent = items.keys()
                    fresh += self._fresh_calls(shown)
                    if first:
                        fresh.append(_CAUGHT_UP)
                        first = False
                    yield b"".join(fresh) or _HEARTBEAT
                    await asyncio.wait({stopped, turn}, return_when=asyncio.FIRST_COMPLETED)
                    turn.cancel()
                    if not stopped.done():
                        await asyncio.sleep(turn_taking)
        finally:
            stopped.cancel()

    def _describe(self, received: Received) -> bytes:
        return _event("message", self._presenter.item(received), received.id)

    def _fresh_calls(self, shown: dict[int, LiveCall]) -> list[bytes]:
        states = self._calls.states if self._calls else {}
        changed = [call for number, call in states.items() if shown.get(number) != call]
        if changed or len(shown) != len(states):
            shown.clear()
            shown.update(states)
        return [_event("call", self._presenter.ring(call, self._now())) for call in changed]


class EventStream(StreamingResponse):
    """The answer to a browser that asks for events: a stream, or a refusal when there are enough."""

    def __init__(self, streams: EventStreams, last_seen: int, admitted: Callable[[], bool]) -> None:
        self._events = streams.follow(last_seen, admitted)
        super().__init__(
            self._events,
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._streams.open >= MOST_STREAMS:
            refusal = JSONResponse({"error": "too many event streams"}, 503, {"retry-after": "5"})
            return await refusal(scope, receive, send)
        self._streams.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.open -= 1
            await self._events.aclose()


def _event(name: str, data: msgspec.Struct, number: int | None = None) -> bytes:
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(data))
