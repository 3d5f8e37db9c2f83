"""Tells the store how the carriers of this process are, so that an operator who asks elsewhere can read it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import msgspec

from onema.channels.contract import CarrierStatus
from onema.domain.delivery.report_carriers import ReportCarriers
from onema.domain.records import ProcessReport
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop

REPORT_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
"""How long a process that stops tries to take its report away."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[CarrierStatus])


class CarrierReports:
    """Renews one row. It is needed only where others than this process can ask for it."""

    def __init__(self, gateway: Gateway, process: str, status: Callable[[], Sequence[CarrierStatus]]) -> None:
        self._gateway = gateway
        self._process = process
        self._status = status
        self._loop = Loop("carrier-reports", self.report, every_seconds=REPORT_SECONDS)

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        """Take the report away: this process runs nothing any more. A silent store is not waited for: the report
        is not believed for long.
        """
        await self._loop.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._put("")

    async def report(self) -> None:
        await self._put(_encoder.encode(self._status()).decode())

    async def _put(self, carriers: str) -> None:
        # Without a store there is nobody to tell; the next one tells all.
        with contextlib.suppress(Refused):
            await self._gateway.execute(
                ReportCarriers(process=self._process, now=self._gateway.now(), carriers=carriers)
            )


def statuses_in(report: ProcessReport) -> list[CarrierStatus]:
    """What a process said. Raises msgspec.ValidationError for what another version may have written."""
    return [
        msgspec.structs.replace(one, reported_at=report.reported_at)
        for one in _decoder.decode(report.carriers)
    ]
