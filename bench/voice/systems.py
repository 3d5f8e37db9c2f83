"""What places the calls that are measured: our engine, and baresip."""

import asyncio
import contextlib
import itertools
import socket
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from bench.server import ServerFailed
from onema.channels.voice_sip import line as l

_READY_SECONDS = 10.0


class Caller(Protocol):
    """Places calls; `ended` counts those that are over, `failed` those that went otherwise than they should."""

    pid: int
    ended: int
    failed: list[str]

    async def place(self, pieces: Sequence[bytes]) -> None:
        """Call and play these pieces of PCMU; hang up at their end."""


class Engine:
    """The SIP engine by itself: this process is its App."""

    def __init__(self, pid: int, line: l.Line, seconds: float) -> None:
        self.pid = pid
        self._least_packets = round(seconds * 50)
        self._line = line
        self._calls = itertools.count(1)
        self._clips: dict[bytes, int] = {}
        self.ended = 0
        self.failed: list[str] = []
        self.ready = asyncio.Event()

    def hears(self, news: object) -> None:
        if isinstance(news, l.TrunkTold) and news.ready:
            self.ready.set()
        elif isinstance(news, l.CallEnded):
            self.ended += 1
            if news.how is not l.How.PLAYED or not news.answered or news.packets_sent < self._least_packets:
                self.failed.append(
                    f"{news.how.value} {news.status} {news.detail}, {news.packets_sent} packets"
                )

    async def place(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            if piece not in self._clips:
                self._clips[piece] = len(self._clips) + 1
                self._line.tell(l.LearnClip(self._clips[piece], piece))
        call = next(self._calls)
        self._line.tell(
            l.PlaceCall(
                call=call,
                trunk="bench",
                invite=l.Invite(
                    request_uri=f"sip:+8490{call:07d}@bench.example;user=phone",
                    from_='"Acme" <sip:+842873000000@bench.example>',
                    to=f"<sip:+8490{call:07d}@bench.example>",
                ),
                clips=tuple(self._clips[piece] for piece in pieces),
                max_seconds=60,
            )
        )


@contextlib.asynccontextmanager
async def running_engine(sip_port: int, seconds: float) -> AsyncIterator[Engine]:
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "onema.channels.voice_sip.engine",
        str(theirs.fileno()),
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    ours.setblocking(False)
    line = l.to_engine(*await asyncio.open_unix_connection(sock=ours))
    engine = Engine(process.pid, line, seconds)
    hearing = asyncio.create_task(line.run(engine.hears))
    line.tell(
        l.OpenTrunk(
            l.Trunk(name="bench", places=(("127.0.0.1", sip_port),), codecs=("PCMU",), options_seconds=0)
        )
    )
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await engine.ready.wait()
        yield engine
    finally:
        line.close()
        await hearing
        await process.wait()


class Baresip:
    """baresip-python in a process of its own: baresip_calls.py, which plays one file in every call."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self._process = process
        self.ended = 0
        self.failed: list[str] = []

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.ended += 1
            if line.strip() != b"ended":
                self.failed.append(line.decode().strip())

    async def place(self, pieces: Sequence[bytes]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"call\n")


@contextlib.asynccontextmanager
async def running_baresip(sip_port: int, pcm: bytes, folder: Path) -> AsyncIterator[Baresip]:
    """`pcm` is what each call plays: 8 kHz, 16 bits. Raises ServerFailed."""
    audio = folder / "message.wav"
    with wave.open(str(audio), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(pcm)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("baresip_calls.py")),
        str(audio),
        f"127.0.0.1:{sip_port}",
        f"{len(pcm) / 16_000}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"ready":
        raise ServerFailed("baresip did not start")
    baresip = Baresip(process)
    reading = asyncio.create_task(baresip.read())
    try:
        yield baresip
    finally:
        process.kill()
        await process.wait()
        reading.cancel()
