"""Writes down what this process counts, slot by slot, so that a live page tells of all processes."""

import contextlib
from collections.abc import Callable

import msgspec

from onema.domain.live_figures import SLOT_MS, Counted, KeepFigures
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.telemetry.live_tally import LiveTally

_encoder = msgspec.json.Encoder()
MOST_ACCOUNTS = 1_000
"""Of so many accounts a slot tells; those of further ones are left out."""


class LiveReports:
    """One row per slot in which something happened; none while nothing does."""

    def __init__(self, gateway: Gateway, process: str, tally: LiveTally) -> None:
        self._gateway = gateway
        self._process = process
        self._tally = tally
        self._slot = 0
        """The last one that was told of."""
        self._loop = Loop("live-reports", self.report, every_seconds=SLOT_MS / 1000)
        self.start: Callable[[], None] = self._loop.start

    async def stop(self) -> None:
        await self._loop.stop()

    async def report(self) -> None:
        now = self._gateway.now()
        slot = now // SLOT_MS
        # A clock that was set back must not put later figures in the place of earlier ones.
        if slot <= self._slot or not (figures := self._by_name()):
            return
        self._slot = slot
        command = KeepFigures(
            slot=slot,
            process=self._process,
            now=now,
            figures=_encoder.encode(figures).decode(),
        )
        # A store that is away leaves nothing to count either.
        with contextlib.suppress(Refused):
            await self._gateway.execute(command)

    def _by_name(self) -> dict[str, Counted]:
        counted, refusals = self._tally.take()
        accounts = self._gateway.directory.accounts
        figures = {accounts[number].name: one for number, one in counted.items() if number in accounts}
        for name, reasons in refusals.items():
            figures.setdefault(name, Counted()).refusals = reasons
        return dict(list(figures.items())[:MOST_ACCOUNTS])
