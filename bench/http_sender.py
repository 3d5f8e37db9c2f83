"""`./dev bench http-sender`: carriers that are HTTP APIs, before a gateway of the bench's own on loopback.

What is measured is all between a message and its outcome: places and pace, the request, the client, the answer's
meaning. The store, the job and the attempt's rows are in `./dev bench sms`.
"""

import asyncio
import contextlib
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter, perf_counter_ns, process_time
from typing import Any

from bench.measured import Row
from bench.report import Goal, Report, Table
from bench.server import ServerFailed
from onema.channels.contract import Outgoing
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.engine.ports import SystemClock
from onema.http.client.client import PooledClient
from onema.http.client.contract import HttpRequest
from onema.loadtest.load import Histogram
from onema.wiring.carriers import CARRIER_TYPES, Surroundings, problems_of

AT_ONCE = 64
PER_ROUND = 6_400
MOST_CPU_MS = 0.35
LEAST_PER_SECOND = 1_500

BODY = b'{"Phone":"0901888484","Content":"482913 la ma xac minh dang ky Baotrixemay cua ban"}'
JSON_BODY = '{"id": "{name}", "phoneNumbers": ["{phone}"], "textMessage": {"text": "{text}"}}'
QUERY = {
    "from": "{sender}",
    "to": "{phone}",
    "text": "{text}",
    "coding": "{coding}",
    "dlr-url": "{receipt_url}?id={name}",
}

Send = Callable[[int], Awaitable[bool]]
"""Sends the message of this number; whether it was taken."""


async def measure(rounds: int) -> Report:
    async with _upstream() as port, contextlib.AsyncExitStack() as stack:
        senders = {
            "the HTTP client alone": await stack.enter_async_context(_client(port)),
            "esms": await stack.enter_async_context(
                _carrier("esms", {"base_url": f"http://127.0.0.1:{port}", "api_key": "A", "secret_key": "S"})
            ),
            "http, JSON": await stack.enter_async_context(
                _carrier(
                    "http", {"url": f"http://127.0.0.1:{port}/message", "json": JSON_BODY, "id": "json:id"}
                )
            ),
            "http, a query and two patterns": await stack.enter_async_context(
                _carrier("http", _described_query(port))
            ),
        }
        measured = {name: _Rounds(send) for name, send in senders.items()}
        for number in range(rounds + 1):
            for one in measured.values():
                await one.round(counts=number > 0)
    rows = [one.row(name) for name, one in measured.items()]
    goals = [
        goal
        for row in rows[1:]
        for goal in (
            Goal(f"CPU of a message, {row.name}", row.cpu_per_1000, MOST_CPU_MS, " ms"),
            Goal(
                f"{LEAST_PER_SECOND:,} a second : messages a second, {row.name}",
                LEAST_PER_SECOND / row.per_second,
                1,
            ),
        )
    ]
    return Report(
        "http-sender",
        "Messages to a gateway over HTTP (`./dev bench http-sender`)",
        [Table(f"{AT_ONCE} requests at once, {PER_ROUND:,} messages a round, {rounds} rounds", rows)],
        goals,
    )


class _Rounds:
    """Rounds of messages of one sender."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._latency = Histogram()
        self._rates: list[float] = []
        self._cpu: list[float] = []
        self._sent = 0

    async def round(self, *, counts: bool) -> None:
        """Raises ServerFailed unless every message was taken."""
        latency = Histogram()
        start, cpu = perf_counter(), process_time()
        await asyncio.gather(*(self._some(PER_ROUND // AT_ONCE, latency) for _ in range(AT_ONCE)))
        seconds, cpu = perf_counter() - start, process_time() - cpu
        if counts:
            self._rates.append(PER_ROUND / seconds)
            self._cpu.append(cpu * 1000 / PER_ROUND)
            self._latency.add(latency)

    async def _some(self, amount: int, latency: Histogram) -> None:
        for _ in range(amount):
            self._sent += 1
            began = perf_counter_ns()
            if not await self._send(self._sent):
                raise ServerFailed("the gateway did not take a message")
            latency.record((perf_counter_ns() - began) // 1000)

    def row(self, name: str) -> Row:
        p50, p99 = (self._latency.percentile(percent) / 1000 for percent in (50, 99))
        return Row(name, statistics.median(self._rates), p50, p99, statistics.median(self._cpu))


@contextlib.asynccontextmanager
async def _client(port: int) -> AsyncIterator[Send]:
    client = PooledClient(seconds=10, idle_connections=AT_ONCE, private_targets=True)
    request = HttpRequest(
        "POST", f"http://127.0.0.1:{port}/send", ((b"Content-Type", b"application/json"),), BODY
    )

    async def send(number: int) -> bool:
        return (await client.exchange(request)).status == 200

    yield send
    await client.close()


@contextlib.asynccontextmanager
async def _carrier(kind: str, settings: dict[str, Any]) -> AsyncIterator[Send]:
    document = doc.Carrier(name="gateway", type=kind, settings={"private_targets": True, **settings})
    assert not list(problems_of(document)), list(problems_of(document))
    now = SystemClock().now
    around = Surroundings(receipts=None, inbox=None, calls=None, speaker=None, now=now)  # type: ignore[arg-type]  # a sender takes the clock only
    carrier = CARRIER_TYPES[kind].make(document, around)
    await carrier.start(lambda: None)
    valid_until = now() + 3_600_000

    async def send(number: int) -> bool:
        payload = SmsPayload(
            Phone(f"+8490{number:07}"), "Baotrixemay", f"{number:06} la ma xac minh cua ban", valid_until
        )
        outcome = await carrier.send(Outgoing(AccountId(1), MessageId(number), 1, payload))
        return outcome.kind is OutcomeKind.SUBMITTED

    yield send
    await carrier.stop()


def _described_query(port: int) -> dict[str, Any]:
    return {
        "url": f"http://127.0.0.1:{port}/cgi-bin/sendsms",
        "method": "GET",
        "public_url": "https://sms.example.com",
        "receipt_token": "0123456789abcdef0123456789abcdef",
        "query": [{"name": name, "value": value} for name, value in QUERY.items()],
        "code": 'regex:"CodeResult":"([0-9]+)"',
        "rules": [{"code": "100", "pattern": "SMSID", "outcome": "accepted"}],
    }


@contextlib.asynccontextmanager
async def _upstream() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.http_upstream", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()
