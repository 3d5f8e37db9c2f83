"""The carriers that run in this process, kept in step with the configuration."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping

from onema.channels.contract import Carrier
from onema.domain import documents as doc
from onema.engine.committer import Committer

log = logging.getLogger(__name__)

CarrierFactory = Callable[[doc.Carrier], Carrier]


class CarrierRefused(Exception):
    """A carrier cannot run as configured; the text says what to change."""


class RunningCarriers(Mapping[str, Carrier]):
    """Starts, replaces and stops carriers as their documents change. `admit` refuses sets that must not run
    together; at the start that is fatal, later it is logged and what runs goes on.
    """

    def __init__(
        self,
        committer: Committer,
        make: CarrierFactory,
        admit: Callable[[Mapping[str, doc.Carrier]], None],
    ) -> None:
        self._committer = committer
        self._make = make
        self._admit = admit
        self._documents: dict[str, doc.Carrier] = {}
        self._running: dict[str, Carrier] = {}
        self._following: asyncio.Task[None] | None = None

    def __getitem__(self, name: str) -> Carrier:
        return self._running[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._running)

    def __len__(self) -> int:
        return len(self._running)

    async def start(self) -> None:
        """Raises CarrierRefused."""
        await self._follow_once()
        self._following = asyncio.create_task(self._follow(), name="carriers")

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        for carrier in self._running.values():
            await carrier.stop()

    async def _follow(self) -> None:
        while True:
            await self._committer.directory_changed.wait()
            try:
                await self._follow_once()
            except CarrierRefused as refused:
                log.error("carriers not changed", extra={"action": "configure", "detail": str(refused)})

    async def _follow_once(self) -> None:
        wanted = {
            name: carrier
            for name, carrier in self._committer.directory.carriers.items()
            if carrier.state == "active"
        }
        self._admit(wanted)
        for name in [name for name, carrier in self._documents.items() if wanted.get(name) != carrier]:
            await self._running.pop(name).stop()
            del self._documents[name]
        for name, carrier in wanted.items():
            if name not in self._running:
                self._running[name] = self._make(carrier)
                self._documents[name] = carrier
