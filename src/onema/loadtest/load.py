"""An HTTP/1.1 load generator that costs little beside the server it drives: keep-alive connections on raw
asyncio protocols, requests rendered by the caller.

`closed` keeps every connection busy, so it finds the throughput. `at_rate` starts requests at fixed moments
whether or not earlier ones were answered, and measures from the moment that was intended: a server that stalls
is charged for everybody who would have come meanwhile (no coordinated omission).
"""

import abc
import asyncio
import ipaddress
import re
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Self, cast

Classifier = Callable[[int, bytes], str]
"""Names an answer by its status and body, for counting."""

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_TICK_SECONDS = 0.001
_SUB_BUCKET_BITS = 7


class LoadError(Exception):
    """The load cannot be made or measured; the text says why."""


class Histogram:
    """Whole numbers (here: microseconds) in log-linear buckets, each at most 1/128 of its values wide.

    Percentiles are never too low: they are the upper end of the bucket that holds them.
    """

    def __init__(self) -> None:
        self._counts: list[int] = []
        self.count = 0
        self.total = 0
        self.max = 0

    def record(self, value: int) -> None:
        shift = max(value.bit_length() - _SUB_BUCKET_BITS - 1, 0)
        bucket = (shift << _SUB_BUCKET_BITS) + (value >> shift)
        try:
            self._counts[bucket] += 1
        except IndexError:
            self._counts.extend([0] * (bucket + 1 - len(self._counts)))
            self._counts[bucket] = 1
        self.count += 1
        self.total += value
        if value > self.max:
            self.max = value

    def add(self, other: "Histogram") -> None:
        """Count everything that `other` counted as well."""
        self._counts.extend([0] * (len(other._counts) - len(self._counts)))
        for bucket, count in enumerate(other._counts):
            self._counts[bucket] += count
        self.count += other.count
        self.total += other.total
        self.max = max(self.max, other.max)

    def percentile(self, percent: float) -> int:
        """A value that `percent` of all are not above; 0 when there are none."""
        wanted = self.count * percent / 100
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_upper_end(bucket), self.max)
        return self.max


def _upper_end(bucket: int) -> int:
    shift = max((bucket >> _SUB_BUCKET_BITS) - 1, 0)
    return ((bucket - (shift << _SUB_BUCKET_BITS) + 1) << shift) - 1


class LoadResult:
    """What one run saw."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.lost = 0
        """Requests whose connection broke before their answer."""
        self.unanswered = 0
        """Requests that were due but had no answer when the run had to end."""
        self.seconds = 0.0
        """From the first request to the last answer."""
        self.latency = Histogram()
        """Microseconds from when a request was started, or should have been, to its answer."""

    @property
    def answered(self) -> int:
        return self.latency.count

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0


def by_status(status: int, body: bytes) -> str:
    return str(status)


class LoadGenerator:
    """Open connections to one server: `async with LoadGenerator(...) as load`. One run at a time."""

    def __init__(self, host: str, port: int, connections: int, *, allow_remote: bool = False) -> None:
        """Raises LoadError for a host that is not this machine, unless `allow_remote`."""
        address = _resolved(host, port, allow_remote)
        self._connections = [_Connection(address) for _ in range(connections)]

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except LoadError:
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def closed(
        self,
        requests: Iterable[bytes],
        *,
        seconds: float = 60.0,
        grace: float = 10.0,
        classify: Classifier = by_status,
    ) -> LoadResult:
        """Send `requests`, one at a time on each connection, until they or `seconds` are used up.

        Answers that are then on their way are awaited for `grace` seconds more. Raises LoadError.
        """
        return await self._run(_ClosedRun(iter(requests), classify), seconds, grace)

    async def at_rate(
        self,
        requests: Iterable[bytes],
        rate: float,
        *,
        seconds: float,
        grace: float = 10.0,
        classify: Classifier = by_status,
    ) -> LoadResult:
        """Start `rate` requests a second until they or `seconds` are used up. Raises LoadError.

        A request that finds every connection busy waits for one, and its waiting counts.
        """
        return await self._run(_OpenRun(iter(requests), classify, rate), seconds, grace)

    async def _run(self, run: "_Run", seconds: float, grace: float) -> LoadResult:
        await self._open()
        started = perf_counter()
        run.begin(self._connections, started)
        try:
            await asyncio.wait([run.finished], timeout=seconds)
            run.stop()
            await asyncio.wait([run.finished], timeout=grace)
        finally:
            run.result.seconds = perf_counter() - started
            run.result.unanswered = run.abandon()
            for connection in self._connections:
                connection.leave()
        if run.failure is not None:
            raise run.failure
        return run.result

    async def _open(self) -> None:
        try:
            for connection in self._connections:
                if not connection.is_open:
                    await connection.open()
        except OSError as error:
            raise LoadError(f"cannot connect: {error}") from error

    def _close(self) -> None:
        for connection in self._connections:
            connection.close()


class _Run(abc.ABC):
    """Hands out requests to idle connections and counts their answers."""

    def __init__(self, requests: Iterator[bytes], classify: Classifier) -> None:
        self.result = LoadResult()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failure: LoadError | None = None
        self._requests = requests
        self._classify = classify
        self._under_way = 0
        self._stopped = False

    def begin(self, connections: Iterable["_Connection"], started: float) -> None:
        for connection in connections:
            connection.run = self
            self.feed(connection)

    def stop(self) -> None:
        """Start nothing more; what is under way goes on."""
        self._stopped = True
        self._finish_if_done()

    def fail(self, failure: LoadError) -> None:
        self.failure = self.failure or failure
        self._under_way = 0
        self.stop()

    def abandon(self) -> int:
        """How many requests have no answer and are no longer waited for."""
        return self._under_way

    @abc.abstractmethod
    def feed(self, connection: "_Connection") -> None:
        """Give an idle connection its next request, if one is due."""

    def answered(self, since: float, status: int, body: bytes) -> None:
        self._under_way -= 1
        self.result.latency.record(int((perf_counter() - since) * 1_000_000))
        self.result.answers[self._classify(status, body)] += 1

    def lost(self) -> None:
        self._under_way -= 1
        self.result.lost += 1
        self._finish_if_done()

    def _send(self, connection: "_Connection", request: bytes, since: float) -> None:
        self._under_way += 1
        connection.send(request, since)

    def _finish_if_done(self) -> None:
        if self._stopped and self._under_way == 0 and not self.finished.done():
            self.finished.set_result(None)


class _ClosedRun(_Run):
    def feed(self, connection: "_Connection") -> None:
        request = None if self._stopped else next(self._requests, None)
        if request is None:
            self.stop()
        else:
            self._send(connection, request, perf_counter())


class _OpenRun(_Run):
    def __init__(self, requests: Iterator[bytes], classify: Classifier, rate: float) -> None:
        super().__init__(requests, classify)
        self._interval = 1.0 / rate
        self._started = 0.0
        self._arrivals = 0
        self._due: deque[tuple[bytes, float]] = deque()
        self._idle: deque[_Connection] = deque()

    def begin(self, connections: Iterable["_Connection"], started: float) -> None:
        super().begin(connections, started)
        self._started = started
        self._tick()

    def abandon(self) -> int:
        return super().abandon() + len(self._due)

    def feed(self, connection: "_Connection") -> None:
        if self._due:
            self._send(connection, *self._due.popleft())
        else:
            self._idle.append(connection)
            self._finish_if_done()

    def _tick(self) -> None:
        """Start what is due: one timer for all, because a loop's timers are no finer than this."""
        if self._stopped:
            return
        now = perf_counter()
        while (intended := self._started + self._arrivals * self._interval) <= now:
            request = next(self._requests, None)
            if request is None:
                self.stop()
                break
            self._due.append((request, intended))
            self._arrivals += 1
        while self._due and self._idle:
            connection = self._idle.popleft()
            if connection.is_idle:
                self._send(connection, *self._due.popleft())
        self._finish_if_done()
        asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _finish_if_done(self) -> None:
        if not self._due or self.failure:
            super()._finish_if_done()


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way; it reconnects when the server closes it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.run: _Run | None = None
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._since = 0.0
        self._waiting = False
        self._reopening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_idle(self) -> bool:
        return self.is_open and not self._waiting

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, *self._address)

    def close(self) -> None:
        self.run = None
        if self._reopening is not None:
            self._reopening.cancel()
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Forget the run. A connection that still owes an answer cannot be used again."""
        self.run = None
        if self._waiting:
            self.close()

    def send(self, request: bytes, since: float) -> None:
        self._waiting = True
        self._since = since
        cast(asyncio.Transport, self._transport).write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""
        self._waiting = False

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._received = data
            return
        run = self.run
        length = _LENGTH.search(data, 0, end + 2)
        if length is None or run is None:
            if run is not None:
                run.fail(LoadError("an answer without Content-Length cannot be measured"))
            return
        body_end = end + 4 + int(length[1])
        if len(data) < body_end:
            self._received = data
            return
        self._received = b""
        self._waiting = False
        run.answered(self._since, int(data[9:12]), data[end + 4 : body_end])
        if _CLOSE.search(data, 0, end + 2):
            cast(asyncio.Transport, self._transport).close()
        else:
            run.feed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        run, was_waiting, self._waiting = self.run, self._waiting, False
        if run is None:
            return
        if was_waiting:
            run.lost()
        self._reopening = asyncio.get_running_loop().create_task(self._reopen(run))

    async def _reopen(self, run: _Run) -> None:
        try:
            await self.open()
        except OSError as error:
            run.fail(LoadError(f"the server is gone: {error}"))
            return
        if self.run is run:
            run.feed(self)


def _resolved(host: str, port: int, allow_remote: bool) -> tuple[str, int]:
    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise LoadError(f"{host} is not a known host") from error
    if not allow_remote and not ipaddress.ip_address(address).is_loopback:
        raise LoadError(f"{host} is not this machine: load on another one must be allowed explicitly")
    return address, port
