"""Calls before sipp: what one engine process costs, whether every stream arrives as it was meant, and how punctually.

    ./dev bench voice [--only 1000] [--seconds 30]

sipp answers each call with a media port of its own; another process reads every packet of every port, with the kernel's
time stamps, and compares the audio of each stream with what was to be said. CPU is that of the engine's process while
the number of calls is steady, per cent of one core. Beside it, baresip-python places the same number of calls. A whole
run leaves its table and plot in bench/results/.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.server import ServerFailed
from bench.voice.digest import HOST, digest
from bench.voice.systems import Caller, running_baresip, running_engine
from onema.loadtest.chart import Bars, bar_chart
from onema.speech import g711
from onema.speech.clip import Clip
from onema.speech.g711 import Law
from onema.speech.message import speak
from onema.speech.voices import Voices
from onema.testing.postgres_server import cpu_seconds

CALL_SECONDS = 10.0
_RESULT = Path(__file__).parents[1] / "results" / "voice"
_FIRST_PORT = 10_000
_SIP_PORT = 25_060
_SETTLE_SECONDS = 25.0
_WARM_SECONDS = CALL_SECONDS + 3


class Load(msgspec.Struct, frozen=True):
    """So many calls at once, so many of them begun in a second; a goal for the CPU, in per cent of a core."""

    name: str
    calls_per_second: int
    goal: float | None = None

    @property
    def calls(self) -> int:
        return round(self.calls_per_second * CALL_SECONDS)


LOADS = (Load("200", 20), Load("1000", 100, 30.0), Load("2000", 200, 45.0))


class Measured(msgspec.Struct, frozen=True):
    name: str
    calls: int
    failed: int
    streams: int
    exact: int
    missing: int
    """Packets, by sequence numbers."""
    cpu: float
    loop_cpu: float
    """Of that, its first thread's: in ours, signalling; the rest is RTP's."""
    p50_ms: float
    p99_ms: float
    p999_ms: float

    def row(self) -> str:
        rest = self.cpu - self.loop_cpu
        return (
            f"| {self.name} | {self.calls - self.failed:,}/{self.calls:,} | {self.exact:,}/{self.streams:,}"
            f" | {self.missing} | {self.cpu:.1f} % | {self.loop_cpu:.1f} + {rest:.1f}"
            f" | {self.p50_ms:.2f} | {self.p99_ms:.2f} | {self.p999_ms:.2f} |"
        )


HEAD = (
    "|  | answered | exact streams | packets missing | CPU | first thread + others | interval p50 ms | p99 | p99.9 |"
    "\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


class Messages:
    """Ten seconds each: a code in a voice of ours, then silence."""

    def __init__(self) -> None:
        voices = Voices.load()
        self._voices = list(voices.values())
        self._random = random.Random(1)
        self.digests: dict[str, int] = {}
        """Of what was to be heard, how often."""

    def next(self) -> list[bytes]:
        voice = self._random.choice(self._voices)
        clips = list(speak(voice, f"{self._random.randrange(10**6):06d}").clips)
        rest = CALL_SECONDS - sum(clip.seconds for clip in clips)
        pieces = [clip.pcmu for clip in (*clips, Clip.silence(max(rest, 0)))]
        heard = digest(b"".join(pieces))
        self.digests[heard] = self.digests.get(heard, 0) + 1
        return pieces


@contextlib.contextmanager
def answering(ports: int, folder: Path) -> Iterator[None]:
    """sipp, with a media port for each call."""
    numbers = folder / "ports.csv"
    numbers.write_text("SEQUENTIAL\n" + "".join(f"{_FIRST_PORT + 2 * n}\n" for n in range(ports)))
    process = subprocess.Popen(
        ["sipp", "-sf", Path(__file__).with_name("answering.xml"), "-inf", numbers, "-i", "127.0.0.1",
         "-p", str(_SIP_PORT), "-mi", HOST, "-nostdin", "-buff_size", "4000000"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Sink:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def heard(self) -> list[dict[str, object]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        streams: list[dict[str, object]] = json.loads(await self._process.stdout.readline())
        return streams


@contextlib.asynccontextmanager
async def listening(ports: int, every: int) -> AsyncIterator[Sink]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.voice.sink", str(_FIRST_PORT), str(ports), str(every),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 30,
    )  # fmt: skip
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"listening":
        raise ServerFailed("the far ends did not start")
    try:
        yield Sink(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def run(
    name: str, load: Load, seconds: float, caller: Caller, sink: Sink, messages: Callable[[], Sequence[bytes]],
    exact: Callable[[str], bool], every: int,
) -> Measured:  # fmt: skip
    """Place calls for so long, and measure while as many end as begin."""
    began = time.monotonic()
    placed, from_ = 0, (0.0, 0.0, 0.0, 0.0)
    while (passed := time.monotonic() - began) < seconds:
        while placed < passed * load.calls_per_second:
            await caller.place(messages())
            placed += 1
        if not from_[0] and passed >= _WARM_SECONDS:
            from_ = time.monotonic(), cpu_seconds(caller.pid), first_thread_seconds(caller.pid), time.time()
        await asyncio.sleep(0.005)
    until = time.monotonic(), cpu_seconds(caller.pid), first_thread_seconds(caller.pid), time.time()
    async with asyncio.timeout(_SETTLE_SECONDS):
        while caller.ended < placed:  # noqa: ASYNC110  # no event crosses processes
            await asyncio.sleep(0.1)
    for why in caller.failed[:3]:
        print(f"failed: {why}", file=sys.stderr)
    streams = await sink.heard()
    steps = np.concatenate([np.diff(np.array(stream["times"])) for stream in streams]) / 1e6
    times = np.concatenate([np.array(stream["times"])[1:] for stream in streams]) / 1e9
    steady = steps[(times >= from_[3]) & (times <= until[3])]
    cpu, loop_cpu = (100 * (until[at] - from_[at]) / (until[0] - from_[0]) for at in (1, 2))
    return Measured(
        name,
        placed,
        len(caller.failed) + max(-(-placed // every) - len(streams), 0),
        len(streams),
        sum(exact(str(stream["digest"])) for stream in streams),
        sum(int(str(stream["missing"])) for stream in streams),
        cpu,
        loop_cpu,
        *(float(np.percentile(steady, percent)) for percent in (50, 99, 99.9)),
    )


async def of_ours(load: Load, seconds: float, every: int = 1) -> Measured:
    messages = Messages()
    ports = round(load.calls_per_second * (seconds + 1))
    with tempfile.TemporaryDirectory() as folder, answering(ports, Path(folder)):
        async with listening(ports, every) as sink, running_engine(_SIP_PORT, CALL_SECONDS) as engine:
            name = f"onema, {load.calls:,} calls"
            return await run(
                name, load, seconds, engine, sink, messages.next, messages.digests.__contains__, every
            )


async def of_baresip(load: Load, seconds: float, every: int = 1) -> Measured:
    """Its audio goes through a decoder and an encoder, so that whether it is exact is not asked."""
    ports = round(load.calls_per_second * (seconds + 1))
    pieces = Messages().next()
    pcm = g711.decode(b"".join(pieces), Law.PCMU)
    with tempfile.TemporaryDirectory() as folder, answering(ports, Path(folder)):
        async with (
            listening(ports, every) as sink,
            running_baresip(_SIP_PORT, pcm, Path(folder)) as caller,
        ):
            name = f"baresip-python, {load.calls:,} calls"
            return await run(name, load, seconds, caller, sink, lambda: pieces, lambda _: False, every)


def main() -> None:
    """Prints a table; a whole run keeps it."""
    parser = argparse.ArgumentParser(prog="./dev bench voice", description=__doc__)
    parser.add_argument("--only", choices=[*(load.name for load in LOADS), "baresip"])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--every", type=int, default=1, help="of how many streams one is read")
    options = parser.parse_args()
    print(HEAD, flush=True)
    found = []
    for load in LOADS:
        if options.only in (None, load.name):
            found.append(asyncio.run(of_ours(load, options.seconds, options.every)))
            print(found[-1].row(), flush=True)
    if options.only in (None, "baresip"):
        found.append(asyncio.run(of_baresip(LOADS[0], options.seconds, options.every)))
        print(found[-1].row(), flush=True)
    if options.only is None:
        keep(found)


def first_thread_seconds(pid: int) -> float:
    """User and system time of the thread that the process began with."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keep(found: Sequence[Measured]) -> None:
    """The table, with its goals, and the plot."""
    ours = {load.name: result for load, result in zip(LOADS, found, strict=False)}
    goals = [
        (f"CPU, {load.calls:,} calls", ours[load.name].cpu, load.goal, " %") for load in LOADS if load.goal
    ]
    goals += [("CPU at 200 calls, onema : baresip-python", ours["200"].cpu / found[-1].cpu, 1 / 8, "x")]
    goals += [("interval p99, 1,000 calls", ours["1000"].p99_ms, 25.0, " ms")]
    lines = ["## Calls before sipp", "", HEAD, *(result.row() for result in found), ""]
    lines += ["| | measured | goal |", "|---|---|---|"]
    for name, value, limit, unit in goals:
        verdict = "" if value <= limit else " **missed**"
        lines.append(f"| {name} | {value:.3g}{unit}{verdict} | at most {limit:.3g}{unit} |")
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.with_suffix(".md").write_text("\n".join(lines) + "\n")
    _RESULT.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(list(found))) + b"\n")
    bars = [Bars("10 seconds each", [(result.name, result.cpu) for result in found])]
    _RESULT.with_suffix(".svg").write_text(bar_chart("Calls before sipp", "% of one core", bars, digits=1))
