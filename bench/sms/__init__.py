"""HTTP in, SMPP out, receipts back: onema beside Kannel, before one SMSC, with onema's handset for comparison."""

import asyncio
import statistics
from collections.abc import Mapping
from contextlib import AsyncExitStack
from time import monotonic_ns, perf_counter

import apsw

from bench.codes import CONNECTIONS
from bench.measured import Row
from bench.report import Goal, Report, Table, resident
from bench.server import ServerFailed, ServerProcess, fresh_folder
from bench.sms.smsc import Smsc, running_smsc
from bench.sms.systems import System, running_kannel, running_onema
from onema.loadtest.load import Histogram, LoadGenerator

PER_ROUND = 4_000
AT_RATE_SECONDS = 5
_SETTLE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.01


async def measure(rounds: int) -> Report:
    """`rounds` of each system in turns, after one to warm up; then onema alone at half of its rate."""
    with fresh_folder() as folder:
        async with AsyncExitStack() as stack:
            smsc = await stack.enter_async_context(running_smsc())
            kannel = await stack.enter_async_context(running_kannel(folder, smsc.port))
            onema, server = await stack.enter_async_context(running_onema(folder / "smpp", smsc.port))
            handset, _ = await stack.enter_async_context(running_onema(folder / "handset", None))
            systems = {
                "Kannel": Rounds(kannel, smsc),
                "onema, SMPP": Rounds(onema, smsc),
                "onema, handset": Rounds(handset, None),
            }
            for number in range(1 + rounds):
                for each in systems.values():
                    await each.round(counts=number > 0)
            rows = {name: each.row(name) for name, each in systems.items()}
            half = rows["onema, SMPP"].per_second / 2
            to_wire = await _to_wire(onema, server, smsc, half)
            memory = server.resident_mb()
    return _report(rows, {name: each.cpu_by_round for name, each in systems.items()}, half, to_wire, memory)


class Rounds:
    """Rounds of messages through one system, each until the last receipt is acknowledged and dealt with."""

    def __init__(self, system: System, smsc: Smsc | None) -> None:
        """`smsc` is None where nothing leaves the system."""
        self._system = system
        self._smsc = smsc
        self._latency = Histogram()
        self.cpu_by_round: list[float] = []
        self._rate_by_round: list[float] = []

    async def round(self, *, counts: bool) -> None:
        """Raises ServerFailed unless every message was accepted, sent and reported."""
        requests = self._system.requests(PER_ROUND)
        before = await self._acknowledged()
        cpu, start = self._system.cpu_seconds(), perf_counter()
        async with LoadGenerator("127.0.0.1", self._system.port, CONNECTIONS) as load:
            result = await load.closed(requests, classify=self._system.classify)
        if result.answers != {self._system.accepted: PER_ROUND}:
            raise ServerFailed(f"{dict(result.answers)}, {result.lost} lost")
        await self.settled(before + PER_ROUND)
        seconds, cpu = perf_counter() - start, self._system.cpu_seconds() - cpu
        if counts:
            self._latency.add(result.latency)
            self._rate_by_round.append(PER_ROUND / seconds)
            self.cpu_by_round.append(cpu * 1000 / PER_ROUND)

    def row(self, name: str) -> Row:
        p50, p99 = (self._latency.percentile(percent) / 1000 for percent in (50, 99))
        rate, cpu = statistics.median(self._rate_by_round), statistics.median(self.cpu_by_round)
        return Row(name, rate, p50, p99, cpu)

    async def _acknowledged(self) -> int:
        return int((await self._smsc.figures())["acknowledged"]) if self._smsc else 0

    async def settled(self, acknowledged: int) -> None:
        """Wait until the SMSC has so many acknowledgements and nothing is left to do. Raises ServerFailed."""
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                while self._smsc and await self._acknowledged() < acknowledged:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
                while not self._system.all_done():  # noqa: ASYNC110  # no event crosses processes
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
        except TimeoutError as error:
            missing = acknowledged - await self._acknowledged() if self._smsc else 0
            raise ServerFailed(f"{missing} receipts are missing after {_SETTLE_SECONDS:.0f} s") from error


async def _to_wire(onema: System, server: ServerProcess, smsc: Smsc, rate: float) -> Histogram:
    """Microseconds from when an answer was read to when the SMSC had its submit_sm, at a steady rate."""
    amount = round(rate * AT_RATE_SECONDS)
    answered: dict[str, int] = {}

    def classify(status: int, body: bytes) -> str:
        answered[body.partition(b'"SMSID":"')[2].partition(b'"')[0].decode()] = monotonic_ns() // 1000
        return onema.classify(status, body)

    await smsc.figures("times")
    async with LoadGenerator("127.0.0.1", onema.port, CONNECTIONS) as load:
        result = await load.at_rate(
            onema.requests(amount), rate, seconds=AT_RATE_SECONDS + 1, classify=classify
        )
    if result.answers != {onema.accepted: amount}:
        raise ServerFailed(f"{rate:.0f} a second: {dict(result.answers)}, {result.lost} lost")
    await Rounds(onema, smsc).settled(0)
    sent = {phone.lstrip("+"): at for phone, at in (await smsc.figures("times"))["times"]}
    phones = _phones(server, answered)
    latency = Histogram()
    for name, at in answered.items():
        latency.record(max(sent[phones[name]] - at, 0))
    return latency


def _phones(server: ServerProcess, names: Mapping[str, int]) -> dict[str, str]:
    """The phone of each message, by the name that its answer gave it."""
    store = apsw.Connection(str(server.data / "onema.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = store.execute(
            "SELECT id, phone FROM messages WHERE id >= ?", (min(int(name, 16) for name in names),)
        )
        return {f"{number:032x}": phone.lstrip("+") for number, phone in rows}
    finally:
        store.close()


def _report(
    rows: Mapping[str, Row],
    cpu: Mapping[str, list[float]],
    half: float,
    to_wire: Histogram,
    memory: float,
) -> Report:
    kannel, onema = rows["Kannel"], rows["onema, SMPP"]

    def ratio(name: str, other: str) -> float:
        return statistics.median(one / two for one, two in zip(cpu[name], cpu[other], strict=True))

    return Report(
        "sms",
        "HTTP in, SMPP out, receipts back",
        (Table("Until the last receipt is acknowledged", tuple(rows.values())),),
        (
            Goal("messages/s, Kannel : onema", kannel.per_second / onema.per_second, 1 / 1.5),
            Goal("CPU, onema over SMPP : Kannel", ratio("onema, SMPP", "Kannel"), 1.0),
            Goal("CPU, onema over SMPP : to the handset", ratio("onema, SMPP", "onema, handset"), 1.25),
            Goal(
                "p99 from the answer to submit_sm, at half of that rate",
                to_wire.percentile(99) / 1000,
                20,
                " ms",
            ),
            resident("onema, SMPP", memory),
        ),
        (
            f"onema sends {onema.per_second / kannel.per_second:.2f} times as many messages a second as Kannel. At "
            f"{half:,.0f} a second its submit_sm is on the wire {to_wire.percentile(50) / 1000:.1f} ms (p50), "
            f"{to_wire.percentile(99) / 1000:.1f} ms (p99) after the answer.",
        ),
    )
