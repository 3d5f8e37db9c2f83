"""The requests of one HTTP carrier: so many at once, at its pace, and none while it asks us to wait."""

import asyncio
from collections.abc import Callable

from onema.channels.contract import Figures, Share
from onema.channels.http_sender.contract import HttpCarrierSettings
from onema.channels.room import Room
from onema.domain.delivery.capacity import STOP_SECONDS
from onema.http.client.contract import HttpAnswer, HttpClient, HttpRequest, NotSent
from onema.http.client.retry_after import retry_after_seconds

WAIT_SECONDS = 5.0
"""For room among the requests at once, and for a turn: then another carrier may be quicker."""
LONGEST_PAUSE_SECONDS = 300.0
"""What a carrier may ask for with `Retry-After`; it may ask again."""
FINISH_SECONDS = STOP_SECONDS - 1
"""So long a stop waits for answers that are under way."""


class Exchanges:
    """`now` is the clock in Unix ms, for dates; `steady` counts seconds."""

    def __init__(
        self,
        settings: HttpCarrierSettings,
        client: Callable[[HttpCarrierSettings], HttpClient],
        now: Callable[[], int],
        steady: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._make_client = client
        self._client: HttpClient | None = None
        """From the start to the stop."""
        self._now = now
        self._steady = steady
        self._room = Room(settings.connections, steady)
        self._on_news: Callable[[], None] = lambda: None
        self._paused_until = 0.0
        """Until when (steady seconds) the carrier wants no requests."""

    @property
    def ready(self) -> bool:
        return self._client is not None and self._steady() >= self._paused_until

    @property
    def problem(self) -> str:
        if self._client is None or self.ready:
            return ""
        return "the carrier asked us to wait (Retry-After)"

    async def start(self, on_news: Callable[[], None]) -> None:
        """Raises OSError for a CA file that cannot be used."""
        self._on_news = on_news
        if self._client is None:
            self._client = self._make_client(self._settings)
        on_news()

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self._room.emptied(FINISH_SECONDS)
            await client.close()
            self._on_news()

    def allow(self, share: Share) -> int:
        """Capacity is requests at once, the pace segments a second."""
        return self._room.allow(share, self._settings.connections)

    def figures(self) -> Figures:
        room = self._room
        return Figures(
            in_flight=room.taken, window=room.places, waiting=room.waiting, pace=room.pace.per_second
        )

    async def exchange(self, request: HttpRequest, size: Callable[[], int] = lambda: 1) -> HttpAnswer:
        """In its turn. Raises NoRoom, NotSent and MayHaveLeft."""
        async with self._room.place(WAIT_SECONDS, size):
            if self._client is None:
                raise NotSent("it was stopped")
            return await self._client.exchange(request)

    def heed(self, answer: HttpAnswer) -> None:
        """Send nothing for as long as the answer asks for."""
        seconds = retry_after_seconds(answer.header(b"retry-after"), self._now())
        if not seconds:
            return
        seconds = min(seconds, LONGEST_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, self._steady() + seconds)
        self._on_news()
        asyncio.get_running_loop().call_later(seconds + 0.001, self._on_news)


class HttpCarrier:
    """What every carrier over HTTP tells of itself is what its requests do."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges

    @property
    def ready(self) -> bool:
        return self._exchanges.ready

    @property
    def problem(self) -> str:
        return self._exchanges.problem

    async def start(self, on_news: Callable[[], None]) -> None:
        """Raises OSError for a CA file that cannot be used."""
        await self._exchanges.start(on_news)

    async def stop(self) -> None:
        await self._exchanges.stop()

    def allow(self, share: Share) -> int:
        """Capacity is requests at once, the pace segments a second."""
        return self._exchanges.allow(share)

    def figures(self) -> Figures:
        return self._exchanges.figures()
