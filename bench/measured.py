"""What rounds of requests cost a server: rates, latencies, CPU, as medians over interleaved rounds.

The machine is shared, so a round may fall into a noisy moment; a moment hits all kinds of requests alike when
they take turns, and the median leaves the worst out.
"""

import statistics
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from bench.server import ServerFailed
from onema.loadtest.load import Classifier, Histogram, LoadResult, by_status

Settled = Callable[[], Awaitable[None]]


class Servers(Protocol):
    """What is measured: one server, or several on one database."""

    data: Path
    """The data folder of one of them, and its port."""
    port: int

    def cpu_seconds(self) -> float: ...

    def database_cpu_seconds(self) -> float:
        """What the database server has used; 0 where the store is in the server's own process."""


class Load(Protocol):
    """LoadGenerator, or several."""

    async def closed(self, requests: Iterable[bytes], *, classify: Classifier = by_status) -> LoadResult: ...

    async def at_rate(
        self, requests: Iterable[bytes], rate: float, *, seconds: float, classify: Classifier
    ) -> LoadResult: ...


class Row(msgspec.Struct, frozen=True):
    """One line of a table: requests per second, milliseconds, and CPU seconds per 1,000 requests, of onema's
    processes and of a database server.
    """

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_per_1000: float
    database_cpu_per_1000: float = 0.0


class Measured:
    """One kind of request."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._latency = Histogram()
        self._cpu_by_round: list[float] = []
        self._database_cpu_by_round: list[float] = []
        self._rate_by_round: list[float] = []

    async def round(
        self,
        server: Servers,
        load: Load,
        requests: Sequence[bytes],
        expected: str,
        classify: Classifier = by_status,
        settled: Settled | None = None,
    ) -> None:
        """Send `requests` on all connections; each must get the `expected` answer.

        `settled` returns when the server has done what the requests caused; that counts as their CPU time, but
        not in their rate. Raises ServerFailed.
        """
        before, database_before = server.cpu_seconds(), server.database_cpu_seconds()
        result = await load.closed(requests, classify=classify)
        if settled is not None:
            await settled()
        cpu = server.cpu_seconds() - before
        database_cpu = server.database_cpu_seconds() - database_before
        if result.answers != {expected: len(requests)}:
            raise ServerFailed(f"{self.name}: {dict(result.answers)}, {result.lost} lost, not all {expected}")
        self._latency.add(result.latency)
        self._cpu_by_round.append(cpu * 1000 / len(requests))
        self._database_cpu_by_round.append(database_cpu * 1000 / len(requests))
        self._rate_by_round.append(result.per_second)

    @property
    def cpu_by_round(self) -> Sequence[float]:
        """CPU seconds per 1,000 requests."""
        return self._cpu_by_round

    @property
    def total_cpu_by_round(self) -> Sequence[float]:
        """The same, with what the database server used."""
        return [
            cpu + database
            for cpu, database in zip(self._cpu_by_round, self._database_cpu_by_round, strict=True)
        ]

    def row(self) -> Row:
        """The median round; latencies are of all rounds."""
        return Row(
            self.name,
            statistics.median(self._rate_by_round),
            self._latency.percentile(50) / 1000,
            self._latency.percentile(99) / 1000,
            statistics.median(self._cpu_by_round),
            statistics.median(self._database_cpu_by_round),
        )


class Figures:
    """The kinds of requests that are compared on one server."""

    def __init__(self) -> None:
        self.live = Measured("/health/live")
        self.gencode = Measured("GENCODE")
        self.checkcode = Measured("CHECKCODE")
        self.vbee = Measured("Vbee voice-otp")
        self.ytx = Measured("ytx CodeCallOut")
        self.create = Measured("POST /v1/verifications")
        self.check = Measured("POST /v1/verifications/{id}/check")
        self.median_ms_by_round: list[float] = []
        """The median latency of a GENCODE at a fixed rate; CodeRounds adds to it."""

    def codes(self) -> tuple[Row, Row, Row]:
        """What has goals: sending and checking, and what they are compared with."""
        return self.live.row(), self.gencode.row(), self.checkcode.row()

    def times_live(self) -> float:
        """The mean CPU of sending and checking over that of a request that does nothing: the median of what each round
        tells, since the machine may be half as fast in the next.
        """
        kinds = (self.live.cpu_by_round, self.gencode.cpu_by_round, self.checkcode.cpu_by_round)
        return statistics.median(
            (gencode + checkcode) / 2 / live for live, gencode, checkcode in zip(*kinds, strict=True)
        )

    def calls(self) -> tuple[Row, Row]:
        return self.vbee.row(), self.ytx.row()
