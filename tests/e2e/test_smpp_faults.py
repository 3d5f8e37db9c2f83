"""SMSCs and links that die under load: nothing is lost, sent twice or charged wrongly."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio

from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.running_server import RunningServer, free_port
from onema.testing.smsc.script import script_of
from tests.e2e.smpp_faults import PATIENCE_SECONDS, Load, WatchedSmsc, check_the_books, configuration, phones

MESSAGES = 300
SETTINGS = {"ONEMA_DELIVERY_LEASE": "1", "ONEMA_LOGS_LEVEL": "warning"}
_numbers = itertools.count(0, 10_000)

Fault = Callable[[RunningServer, WatchedSmsc, Load, int], Awaitable[None]]


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("smpp") / "data"
    with RunningServer(data, "serve", environment=SETTINGS) as server:
        server.onema("apply", "-", stdin=configuration(*ports))
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smscs(
    server: RunningServer, ports: tuple[int, int]
) -> AsyncIterator[tuple[WatchedSmsc, WatchedSmsc]]:
    """They outlive the tests, since a carrier whose SMSC is away comes back less and less often."""
    async with WatchedSmsc(ports[0]) as first, WatchedSmsc(ports[1]) as second:
        yield first, second
        first.forget_receipts()
        second.forget_receipts()


async def the_smsc_is_killed_and_comes_back(
    server: RunningServer, first: WatchedSmsc, load: Load, count: int
) -> None:
    """Twice: its links are gone, and for a moment nobody listens."""
    for part in (1, 2):
        await load.reaches(count * part // 3)
        await first.stop()
        await load.reaches(count * part // 3 + count // 10)
        await first.start()


async def links_are_cut_before_the_answer(
    server: RunningServer, first: WatchedSmsc, load: Load, count: int
) -> None:
    """Of every fiftieth message."""
    first.script = script_of({"rules": [{"every": 50, "then": {"answer": "disconnect"}}]})


async def it_falls_silent(server: RunningServer, first: WatchedSmsc, load: Load, count: int) -> None:
    """It reads nothing more and breaks nothing, until its links are taken for dead."""
    await load.reaches(count // 3)
    first.silent = True
    await first.until(lambda: not first.binds)
    first.silent = False


async def it_throttles_a_third_of_all(
    server: RunningServer, first: WatchedSmsc, load: Load, count: int
) -> None:
    """By chance, again and again."""
    rules = [{"chance": 0.3, "then": {"answer": "ESME_RTHROTTLED"}}]
    first.script = script_of({"rules": rules})


async def it_answers_with_wrong_octets(
    server: RunningServer, first: WatchedSmsc, load: Load, count: int
) -> None:
    """Every fiftieth message; the stream is of no more use then."""
    rules = [{"every": 50, "then": {"answer": "octets", "octets": "00000003" * 4}}]
    first.script = script_of({"rules": rules})


async def receipts_are_early_twice_and_refused(
    server: RunningServer, first: WatchedSmsc, load: Load, count: int
) -> None:
    """Before the answer, with a word on the way, and again."""
    changes = {"receipt_before_answer": True, "receipt_copies": 2, "receipt_on_the_way": ["ENROUTE"]}
    first.script = script_of({**changes, "receipt_spread": 0.2})


async def our_process_is_killed(server: RunningServer, first: WatchedSmsc, load: Load, count: int) -> None:
    """kill -9 in the middle."""
    await load.reaches(count // 2)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


# Each with the share of messages that must be delivered, so that the fault does not make the test empty.
FAULTS: dict[Fault, float] = {
    the_smsc_is_killed_and_comes_back: 0.75,
    links_are_cut_before_the_answer: 0.4,
    it_falls_silent: 0.6,
    it_throttles_a_third_of_all: 1.0,
    it_answers_with_wrong_octets: 0.4,
    receipts_are_early_twice_and_refused: 1.0,
    our_process_is_killed: 0.75,
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("messages", [MESSAGES, pytest.param(10_000, marks=pytest.mark.full)])
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_message_ends_truly(
    server: RunningServer, smscs: tuple[WatchedSmsc, WatchedSmsc], fault: Fault, messages: int
) -> None:
    """Whatever dies: once at most, by one carrier, with its receipt, and paid for once."""
    first, second = smscs
    first.script = script_of({})
    async with asyncio.timeout(PATIENCE_SECONDS):
        await first.until(lambda: first.binds == 2)
        await second.until(lambda: second.binds == 2)
    load = Load([server.port])
    causing = asyncio.ensure_future(fault(server, first, load, messages))
    await load.send(phones(next(_numbers), messages))
    await causing
    storage = SqliteStorage(server.data / "onema.db")
    await storage.open()
    try:
        ended = await check_the_books(storage, load, first, second)
    finally:
        await storage.close()
    assert len(load.accepted) >= messages * 0.8
    assert ended["delivered"] >= len(load.accepted) * FAULTS[fault]
    assert first.taken
