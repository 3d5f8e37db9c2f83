"""Writes down what the guard of this process has found, so that people can look at it."""

import contextlib
from collections.abc import Callable

from onema.domain.guard.found import CountFound
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.telemetry.finding_tally import FindingTally

EVERY_SECONDS = 2.0
ACCOUNTS_AT_ONCE = 100
"""Rows that one command changes at most: others wait for their locks."""


class FindingReports:
    """A command for each hundred accounts of which something was found; none while nothing is."""

    def __init__(self, gateway: Gateway, tally: FindingTally) -> None:
        self._gateway = gateway
        self._tally = tally
        self._loop = Loop("finding-reports", self.report, every_seconds=EVERY_SECONDS)
        self.start: Callable[[], None] = self._loop.start

    async def stop(self) -> None:
        await self._loop.stop()
        await self.report()

    async def report(self) -> None:
        counts = list(self._tally.take().items())
        for first in range(0, len(counts), ACCOUNTS_AT_ONCE):
            command = CountFound(
                now=self._gateway.now(), counts=dict(counts[first : first + ACCOUNTS_AT_ONCE])
            )
            # What a store that is away does not take is in the metrics, too.
            with contextlib.suppress(Refused):
                await self._gateway.execute(command)
