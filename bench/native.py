"""What a code through our own API costs beside one through eSMS, in turns on one server; and what the console, open on
ten screens, costs a server that is busy.
"""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.codes import CONNECTIONS, CodeRounds, code_rounds
from bench.http import PAUSED
from bench.measured import Figures
from bench.report import Goal, Report, Table
from bench.requests import HOST, DemoRequests
from bench.server import ServerFailed, ServerProcess, fresh_folder, running_server
from onema.loadtest.load import LoadGenerator

GOAL = 1.2
SCREENS_GOAL = 3.0
"""Per cent of the busy server's CPU."""
LIVE, LISTS = 6, ("messages", "calls", "callbacks", "refusals")
"""Screens that show the page Now, which goes on by itself, and pages that somebody loads anew every RELOAD_SECONDS."""
RELOAD_SECONDS = 5.0
BUSY_RATE = 300
"""Codes a second, delivered."""
BUSY_SECONDS = 10.0
WATCHED_SECONDS = 10.0
OTPGATEWAY = (
    "knadh/otpgateway (Go and Redis) is not measured beside it: version 3 wants Go 1.21 and libraries that Debian 12 "
    "does not have (go-redis 9, koanf 2, stuffbin), so it cannot be built here."
)
_WARM_UP_ROUNDS = 1

Rounds = Callable[[CodeRounds, Figures], Awaitable[None]]


class _Sides(NamedTuple):
    figures: Figures

    def ratio(self) -> float:
        """The median of each round's own."""
        ours = zip(self.figures.create.cpu_by_round, self.figures.check.cpu_by_round, strict=True)
        theirs = zip(self.figures.gencode.cpu_by_round, self.figures.checkcode.cpu_by_round, strict=True)
        return statistics.median(sum(one) / sum(other) for one, other in zip(ours, theirs, strict=True))

    def rows(self, title: str) -> Table:
        each = (self.figures.gencode, self.figures.checkcode, self.figures.create, self.figures.check)
        return Table(title, [one.row() for one in each])


async def measure(rounds: int) -> Report:
    with fresh_folder() as folder:
        paused = await _in_turns(
            folder / "paused", PAUSED, rounds, (CodeRounds.paused, CodeRounds.native_paused)
        )
        delivering = await _in_turns(
            folder / "delivering", {}, rounds, (CodeRounds.delivering, CodeRounds.native_delivering)
        )
        async with running_server(folder / "console") as server:
            screens = await _screens(server)
    return Report(
        "native",
        "Our own API beside eSMS",
        (
            paused.rows("Delivery paused; every check is wrong"),
            delivering.rows("Delivery to the handset counted in; every check is right"),
        ),
        (
            Goal("a code sent and checked through /v1 : through eSMS, delivery paused", paused.ratio(), GOAL),
            Goal("the same, delivered", delivering.ratio(), GOAL),
            Goal(
                f"the console on {LIVE + len(LISTS)} screens, of a server's CPU at {BUSY_RATE} codes a second",
                screens,
                SCREENS_GOAL,
                " %",
            ),
        ),
        (OTPGATEWAY,),
    )


async def _in_turns(data: Path, settings: dict[str, str], rounds: int, sides: Sequence[Rounds]) -> _Sides:
    figures = Figures()
    async with running_server(data, settings) as server, code_rounds(server) as codes:
        turns = list(sides)
        for number in range(_WARM_UP_ROUNDS + rounds):
            for side in turns:
                await side(codes, Figures() if number < _WARM_UP_ROUNDS else figures)
            turns.reverse()
    return _Sides(figures)


async def _screens(server: ServerProcess) -> float:
    """What the open screens use, in per cent of what the server uses while it is busy. Both for themselves: what they
    use together differs by more from one round to the next.
    """
    requests = DemoRequests(server.data).esms
    amount = round(BUSY_RATE * BUSY_SECONDS)
    async with LoadGenerator("127.0.0.1", server.port, CONNECTIONS) as load:
        before = server.cpu_seconds()
        found = await load.at_rate(
            [requests.send(number) for number in range(amount)],
            BUSY_RATE,
            seconds=BUSY_SECONDS + 2,
            classify=requests.classify,
        )
        if found.answers != {requests.accepted: amount}:
            raise ServerFailed(f"{BUSY_RATE} codes a second: {dict(found.answers)}, {found.lost} lost")
        busy = (server.cpu_seconds() - before) / BUSY_SECONDS
    alone = await _used(server)
    async with _open_screens(server.port):
        # What opening them costs is over then.
        await asyncio.sleep(1)
        watched = await _used(server)
    return 100 * max(0.0, watched - alone) / busy


async def _used(server: ServerProcess) -> float:
    """CPU seconds a second."""
    before = server.cpu_seconds()
    await asyncio.sleep(WATCHED_SECONDS)
    return (server.cpu_seconds() - before) / WATCHED_SECONDS


@contextlib.asynccontextmanager
async def _open_screens(port: int) -> AsyncIterator[None]:
    screens = [asyncio.create_task(_live_screen(port)) for _ in range(LIVE)]
    screens += [asyncio.create_task(_list_screen(port, name)) for name in LISTS]
    try:
        yield
        for screen in screens:
            if screen.done():
                screen.result()
    finally:
        for screen in screens:
            screen.cancel()
        await asyncio.gather(*screens, return_exceptions=True)


async def _live_screen(port: int) -> None:
    """Read what the page's connection brings, until it is cancelled. Raises ServerFailed when it ends."""
    async with _get(port, "/console/now/events") as reader:
        while await reader.read(65_536):
            pass
    raise ServerFailed("the page Now was cut off")


async def _list_screen(port: int, name: str) -> None:
    while True:
        async with _get(port, f"/console/{name}") as reader:
            if not (await reader.read()).startswith(b"HTTP/1.1 200"):
                raise ServerFailed(f"the page {name} is not shown")
        await asyncio.sleep(RELOAD_SECONDS)


@contextlib.asynccontextmanager
async def _get(port: int, path: str) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    try:
        yield reader
    finally:
        writer.close()
