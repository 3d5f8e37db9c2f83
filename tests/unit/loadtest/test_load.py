import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.loadtest.load import Histogram, LoadError, LoadGenerator

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

REQUEST = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def tiny_server(answer: Answer) -> AsyncIterator[int]:
    """The port of a server that reads requests without bodies and lets `answer` write."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            while not writer.is_closing():
                await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*connections)
        await server.wait_closed()


async def ok(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def test_every_request_is_sent_once_and_every_answer_counted() -> None:
    """A closed run ends when its requests are used up."""
    seen: list[bytes] = []

    async def remember(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request.split()[1])
        writer.write(OK)

    requests = [b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(100)]
    async with tiny_server(remember) as port, LoadGenerator("127.0.0.1", port, 8) as load:
        result = await load.closed(requests)

    assert sorted(seen) == sorted(b"/%d" % number for number in range(100))
    assert result.answered == 100
    assert result.answers == {"200": 100}
    assert (result.lost, result.unanswered) == (0, 0)
    assert result.per_second > 0


async def test_answers_are_counted_by_the_callers_classifier() -> None:
    """The classifier sees status and whole body."""
    bodies = itertools.cycle([b"right", b"wrong", b"wrong"])

    async def alternate(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 418 Teapot\r\ncontent-length: 5\r\n\r\n" + next(bodies))

    async with tiny_server(alternate) as port, LoadGenerator("127.0.0.1", port, 1) as load:
        result = await load.closed([REQUEST] * 9, classify=lambda status, body: f"{status} {body.decode()}")

    assert result.answers == {"418 right": 3, "418 wrong": 6}


async def test_an_answer_may_come_in_pieces() -> None:
    """Head and body split at any byte are one answer."""

    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with tiny_server(drip) as port, LoadGenerator("127.0.0.1", port, 2) as load:
        result = await load.closed([REQUEST] * 6, classify=lambda status, body: body.decode())

    assert result.answers == {"ok": 6}


async def test_a_connection_that_the_server_closes_is_opened_again() -> None:
    """`Connection: close` loses nothing."""

    async def answer_and_close(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        writer.close()

    async with tiny_server(answer_and_close) as port, LoadGenerator("127.0.0.1", port, 2) as load:
        result = await load.closed([REQUEST] * 10)

    assert (result.answers["200"], result.lost) == (10, 0)


async def test_a_broken_connection_is_counted_and_the_rest_goes_on() -> None:
    """A request without an answer is lost, not repeated."""
    number = itertools.count(1)

    async def break_the_third(request: bytes, writer: asyncio.StreamWriter) -> None:
        if next(number) == 3:
            writer.transport.abort()
        else:
            writer.write(OK)

    async with tiny_server(break_the_third) as port, LoadGenerator("127.0.0.1", port, 1) as load:
        result = await load.closed([REQUEST] * 10)

    assert (result.answers["200"], result.lost) == (9, 1)


async def test_a_run_ends_in_time_though_the_server_says_nothing() -> None:
    """What was due and has no answer is counted as unanswered."""

    async def nothing(request: bytes, writer: asyncio.StreamWriter) -> None:
        return

    async with tiny_server(nothing) as port, LoadGenerator("127.0.0.1", port, 3) as load:
        result = await load.closed(itertools.repeat(REQUEST), seconds=0.05, grace=0.0)

    assert (result.answered, result.unanswered) == (0, 3)


async def test_runs_follow_each_other_on_the_same_connections() -> None:
    """A run leaves nothing behind that the next one would see."""
    opened = itertools.count()
    connections: dict[object, int] = {}

    async def count_connections(request: bytes, writer: asyncio.StreamWriter) -> None:
        if writer not in connections:
            connections[writer] = next(opened)
        writer.write(OK)

    async with tiny_server(count_connections) as port, LoadGenerator("127.0.0.1", port, 4) as load:
        first = await load.closed([REQUEST] * 20)
        second = await load.closed([REQUEST] * 30)

    assert (first.answered, second.answered) == (20, 30)
    assert len(connections) == 4


async def test_at_a_rate_latency_counts_from_the_intended_start() -> None:
    """A server that stalls is charged for all who came meanwhile (no coordinated omission)."""
    hundred_are_due = asyncio.Event()

    def due() -> Iterator[bytes]:
        for number in range(100):
            yield REQUEST
            if number == 98:
                hundred_are_due.set()

    async def stall_at_first(request: bytes, writer: asyncio.StreamWriter) -> None:
        await hundred_are_due.wait()
        writer.write(OK)

    async with tiny_server(stall_at_first) as port, LoadGenerator("127.0.0.1", port, 1) as load:
        result = await load.at_rate(due(), 1_000, seconds=30)

    assert result.answers == {"200": 100}
    # The 99 after the first were due a millisecond apart, and all had to wait for the 99th.
    assert result.latency.max >= 98_000
    assert result.latency.percentile(50) >= 48_000


async def test_at_a_rate_arrivals_do_not_wait_for_answers() -> None:
    """What finds no idle connection by the end of the run is reported."""

    async def nothing(request: bytes, writer: asyncio.StreamWriter) -> None:
        return

    async with tiny_server(nothing) as port, LoadGenerator("127.0.0.1", port, 2) as load:
        result = await load.at_rate(itertools.repeat(REQUEST), 1_000, seconds=0.1, grace=0.0)

    assert result.answered == 0
    assert result.unanswered > 50


async def test_at_a_rate_a_run_without_more_requests_ends() -> None:
    """The count bounds a run as well as the time does."""
    async with tiny_server(ok) as port, LoadGenerator("127.0.0.1", port, 2) as load:
        result = await load.at_rate([REQUEST] * 20, 10_000, seconds=30)

    assert result.answers == {"200": 20}
    assert result.seconds < 30


async def test_an_answer_of_unknown_length_is_refused() -> None:
    """Where an answer ends must be known, or nothing after it could be told apart."""

    async def chunked(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    async with tiny_server(chunked) as port, LoadGenerator("127.0.0.1", port, 1) as load:
        with pytest.raises(LoadError, match="Content-Length"):
            await load.closed([REQUEST])


async def test_nobody_listens() -> None:
    """A server that is not there is an error of ours, not a result."""
    async with tiny_server(ok) as port:
        pass
    with pytest.raises(LoadError, match="cannot connect"):
        async with LoadGenerator("127.0.0.1", port, 1):
            raise AssertionError("it must not have opened")


def test_load_stays_on_this_machine() -> None:
    """Load on another machine must be asked for by name (192.0.2.1: RFC 5737)."""
    with pytest.raises(LoadError, match="not this machine"):
        LoadGenerator("192.0.2.1", 80, 1)
    LoadGenerator("192.0.2.1", 80, 1, allow_remote=True)


@given(st.lists(st.integers(0, 10**9), min_size=1), st.floats(0, 100))
def test_percentiles_are_never_too_low_and_at_most_one_in_128_too_high(
    values: list[int], percent: float
) -> None:
    """The histogram's promise, against the sorted values themselves."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    exact = sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]

    assert exact <= histogram.percentile(percent) <= exact * (1 + 1 / 128)
    assert (histogram.count, histogram.total, histogram.max) == (len(values), sum(values), max(values))


@given(st.lists(st.integers(0, 10**9)), st.lists(st.integers(0, 10**9)))
def test_histograms_add_up(one: list[int], other: list[int]) -> None:
    """Adding two is like having recorded all values in one."""
    together, added, second = Histogram(), Histogram(), Histogram()
    for value in [*one, *other]:
        together.record(value)
    for value in one:
        added.record(value)
    for value in other:
        second.record(value)
    added.add(second)

    assert [added.percentile(p) for p in range(101)] == [together.percentile(p) for p in range(101)]
    assert (added.count, added.total, added.max) == (together.count, together.total, together.max)


def test_an_empty_histogram_has_no_latency() -> None:
    """Nothing answered is 0, not an error: a report can still be printed."""
    assert Histogram().percentile(99) == 0
