"""One carrier's life in this process: started, again after pauses while it cannot be, watched, and stopped."""

import asyncio
import logging
from collections.abc import Callable

from onema.channels.contract import Carrier
from onema.domain.delivery.capacity import STOP_SECONDS

log = logging.getLogger(__name__)

START_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Before a carrier whose start failed is started again; the last one from then on."""


class CarrierLife:
    """Starts a carrier until that succeeds, and knows since when it is ready, or why it is not."""

    def __init__(self, carrier: Carrier, now: Callable[[], int], on_news: Callable[[], None]) -> None:
        """`on_news` is called whenever the carrier becomes ready or ceases to be."""
        self.carrier = carrier
        self.last_error = ""
        """Why it was not ready, the last time that it was not."""
        self.since = now()
        """When it last became ready or ceased to be, in Unix milliseconds."""
        self._now = now
        self._on_news = on_news
        self._was_ready = False
        """As of the last news."""
        self._starting: asyncio.Task[None] | None = None
        """From `begin` until the carrier has been started."""

    def begin(self) -> asyncio.Task[None]:
        """Start it, in a task of its own."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name=f"start-{self.carrier.name}")
        return self._starting

    async def end(self) -> None:
        """Stop it, in time for others to take its capacity."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.carrier.stop()
        except TimeoutError:
            log.error("carrier did not stop in time", extra={"action": "stop", "carrier": self.carrier.name})

    async def _start(self) -> None:
        tries = 0
        while True:
            try:
                await self.carrier.start(self._heard)
            except Exception as error:  # noqa: BLE001  # whatever keeps one carrier from starting keeps nothing else
                self._failed(_words(error))
            else:
                self._heard()
                return
            await asyncio.sleep(START_PAUSES_SECONDS[min(tries, len(START_PAUSES_SECONDS) - 1)])
            tries += 1

    def _failed(self, why: str) -> None:
        if why != self.last_error:
            # Its words are for operators; the log must not be filled by each try.
            log.error(
                "carrier not started, will try again",
                extra={"action": "start", "carrier": self.carrier.name, "detail": why},
            )
        self.last_error = why

    def _heard(self) -> None:
        """The carrier may be ready now, or not any more."""
        ready = self.carrier.ready
        if self.carrier.problem:
            self.last_error = self.carrier.problem
        if ready == self._was_ready:
            return
        self._was_ready, self.since = ready, self._now()
        about = {"action": "carrier", "carrier": self.carrier.name}
        if ready:
            log.info("carrier ready", extra=about)
        else:
            log.warning("carrier not ready", extra={**about, "detail": self.carrier.problem})
        self._on_news()


def _words(error: Exception) -> str:
    """The system's own words; those of any other error may quote what a library was given, such as a URL's token."""
    words = str(error) if isinstance(error, OSError) else ""
    return words or type(error).__name__
