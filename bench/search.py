"""`./dev bench search`: what the console's pages cost with ten million messages in the store.

The core runs here on a store that SQL has filled, and the console answers without a socket: what is measured is the
server's own time for a page, the reads in it, and the page's size.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import uvloop
from starlette.types import ASGIApp, Message

from bench.server import fresh_folder
from onema.administration.requests import PutDocuments, TopUp
from onema.console.app import build_console
from onema.domain.configuration import documents as doc
from onema.domain.ids import first_id_at
from onema.domain.statistics import DAY_MS
from onema.domain.values.money import Minor
from onema.engine.counting import Counting
from onema.secret import Secret
from onema.settings import Settings
from onema.testing.postgres_server import PostgresServer, running_server
from onema.wiring.core import Core, choose_storage, data_folder, open_core

MESSAGES = 10_000_000
DAYS = 30
PHONES = 5_000_000
ROUNDS = 15
GOAL_MS, GOAL_BYTES = 300, 100_000
_NAMES = (
    "account, id, dialect, channel, phone, sender, application, reference, client_ip, verification, "
    "code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending, "
    "callback_url, together, category, campaign, resends"
)
_VALUES = (
    "{account}, {first} + n * {step}, 'native', 'sms', {phone}, 'ACME', '', 'order-' || n, '203.0.113.9', "
    "{first} + n * {step}, 0, 1, 0, 8500000, 8500000, 0, 8500000, 0, CASE WHEN n % 1000 = 0 THEN 'failed' "
    "WHEN n % 50 = 0 THEN 'undelivered' ELSE 'delivered' END, '', {ended}, '', '', 0, '', '', 0"
)

_ATTEMPTS = (
    "INSERT INTO attempts (account, message, number, carrier, caller, state, carrier_reference, detail, started_at, "
    "ended_at) SELECT account, id, 1, CASE WHEN id % 3 = 0 THEN 'north' ELSE 'south' END, '', state, '', '', 1000, "
    "4000 FROM messages {where}"
)
_CHECKS = (
    "INSERT INTO events (account, subject, id, kind, data) SELECT account, id, id + 1, 'verified', '' FROM messages "
    "{where}"
)


@asynccontextmanager
async def a_core(folder: Path, dsn: str) -> AsyncIterator[Core]:
    settings = Settings(data=folder, database=Secret(dsn), server_key=Secret("ab" * 32 if dsn else ""))
    async with AsyncExitStack() as stack:
        where = stack.enter_context(data_folder(settings))
        yield await open_core(settings, stack, where, node=1, storage=choose_storage(settings, where))


def phone_of(number: int) -> str:
    return f"+8490{number * 7919 % PHONES:07}"


async def ask(console: ASGIApp, target: str) -> tuple[float, int, int]:
    """Milliseconds, bytes and status of one page."""
    path, _, query = target.partition("?")
    scope: Mapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:8400")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8400),
    }
    size, status = 0, 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal size, status
        size += len(message.get("body", b""))
        status = message.get("status", status)

    started = time.perf_counter()
    await console(dict(scope), receive, send)
    return (time.perf_counter() - started) * 1000, size, status


async def measure(engine: str, messages: int, server: PostgresServer | None) -> None:
    with fresh_folder() as folder:
        await _measure(folder, engine, messages, server)


async def _measure(folder: Path, engine: str, messages: int, server: PostgresServer | None) -> None:
    dsn = ""
    if server is not None:
        server.create_database("search")
        dsn = server.dsn("search")
    async with a_core(folder, dsn) as core:
        await core.administration.answer(
            PutDocuments(documents=(doc.Tariff(name="default"), doc.Account(name="acme", country="VN")))
        )
        await core.administration.answer(TopUp(account="acme", amount=Minor(10_000_000)))
        account = core.gateway.directory.account_named["acme"].id
        now = core.gateway.now()
    first = first_id_at(now - DAYS * 86_400_000)
    step = (first_id_at(now - 600_000) - first) // messages
    started = time.perf_counter()
    phone = "'+8490' || {pad}"
    values = {"account": account, "first": first, "step": step, "ended": now}
    if server is None:
        fill_sqlite(
            folder / "onema.db",
            messages,
            {**values, "phone": phone.format(pad=f"printf('%07d', n * 7919 % {PHONES})")},
        )
    else:
        pad = f"lpad((n * 7919 % {PHONES})::text, 7, '0')"
        fill_postgres(server, messages, {**values, "phone": phone.format(pad=pad)})
    print(f"{engine}: {messages:,} messages in {time.perf_counter() - started:.0f} s", flush=True)
    async with a_core(folder, dsn) as core:
        started, parts, longest = time.perf_counter(), 0, 0.0
        while True:
            began = time.perf_counter()
            made = await core.storage.index_messages(first_id_at(now), 20)
            longest = max(longest, time.perf_counter() - began)
            parts += made
            if not made:
                break
        seconds = time.perf_counter() - started
        print(
            f"{engine}: {parts:,} parts in {seconds:.0f} s, {seconds / max(parts, 1) * 1000:.1f} ms each",
            flush=True,
        )
        await count(core, engine)
        console = build_console(
            inbox=None,
            gateway=core.gateway,
            keyring=core.keyring,
            read=core.storage.read,
            open_on_loopback=True,
            stopping=asyncio.Event(),
            administrator=core.administration,
        )
        search = "/console/messages?account=acme"
        day = time.strftime("%Y-%m-%d", time.gmtime((now - 20 * 86_400_000) / 1000))
        pages = {
            "newest": [search] * ROUNDS,
            "by phone": [
                f"{search}&q={phone_of(n * 611_953 % messages)}".replace("+", "%2B") for n in range(ROUNDS)
            ],
            "by a phone that nobody called": [f"{search}&q=%2B8491{n:07}" for n in range(ROUNDS)],
            "by reference": [f"{search}&q=order-{n * 611_953 % messages}" for n in range(ROUNDS)],
            "by state": [f"{search}&state=failed"] * ROUNDS,
            "by a state that none has": [f"{search}&state=unknown"] * ROUNDS,
            "by state, until a day": [f"{search}&state=undelivered&until={day}"] * ROUNDS,
            "one message": [
                f"/console/messages/{first + n * 611_953 % messages * step}" for n in range(ROUNDS)
            ],
            "overview": ["/console"] * ROUNDS,
            "calls": ["/console/calls?account=acme"] * ROUNDS,
            "callbacks": ["/console/callbacks?account=acme"] * ROUNDS,
            "money": ["/console/money?account=acme"] * ROUNDS,
            "now": ["/console/now"] * ROUNDS,
            "statistics, 24 hours": ["/console/statistics?account=acme"] * ROUNDS,
            "statistics, 30 days by prefix": ["/console/statistics?account=acme&days=30&by=prefix"] * ROUNDS,
            "statistics of all, a year": ["/console/statistics?days=365&by=operator"] * ROUNDS,
        }
        print(f"| {engine} | median ms | longest ms | kB |\n|---|---|---|---|")
        for name, targets in pages.items():
            told = [await ask(console, target) for target in targets]
            assert {status for _, _, status in told} == {200}, (name, told)
            times = [milliseconds for milliseconds, _, _ in told]
            size = max(size for _, size, _ in told)
            missed = " **missed**" if max(times) > GOAL_MS or size > GOAL_BYTES else ""
            print(
                f"| {name} | {statistics.median(times):.1f} | {max(times):.1f}{missed} | {size / 1000:.0f} |",
                flush=True,
            )


async def count(core: Core, engine: str) -> None:
    """What every message of the month becomes in statistics."""
    counting = Counting(
        core.gateway,
        core.storage,
        receipt_lifetime_ms=DAY_MS,
        keep_messages_ms=(DAYS + 1) * DAY_MS,
        keep_statistics_ms=800 * DAY_MS,
    )
    started, busy = time.perf_counter(), time.process_time()
    await counting.count()
    while await counting.count_earlier(24):
        pass
    seconds, processor = time.perf_counter() - started, time.process_time() - busy
    print(f"{engine}: counted in {seconds:.0f} s, {processor:.0f} s of this process's processor", flush=True)


def fill_sqlite(path: Path, messages: int, values: Mapping[str, Any]) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "off")
    connection.pragma("synchronous", "off")
    connection.pragma("cache_size", -200_000)
    connection.execute(
        f"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {messages - 1}) "
        f"INSERT INTO messages ({_NAMES}) SELECT {_VALUES.format(**values)} FROM numbers"
    )
    connection.execute(_ATTEMPTS.format(where=""))
    connection.execute(_CHECKS.format(where=""))
    connection.pragma("journal_mode", "wal")
    connection.close()


def fill_postgres(server: PostgresServer, messages: int, values: Mapping[str, Any]) -> None:
    slice_ = 1_000_000
    for start in range(0, messages, slice_):
        server.sql(
            f"INSERT INTO messages ({_NAMES}) SELECT {_VALUES.format(**values)} "
            f"FROM generate_series({start}::bigint, {min(start + slice_, messages) - 1}::bigint) AS numbers (n)",
            "search",
        )
        first, step = values["first"], values["step"]
        where = f"WHERE id >= {first + start * step} AND id < {first + (start + slice_) * step}"
        server.sql(_ATTEMPTS.format(where=where), "search")
        server.sql(_CHECKS.format(where=where), "search")
    server.sql("ANALYZE messages, attempts, events", "search")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench search", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "engine", nargs="?", choices=["sqlite", "postgres"], help="one of the two; both without"
    )
    parser.add_argument("--messages", type=int, default=MESSAGES)
    options = parser.parse_args()
    if options.engine in (None, "sqlite"):
        uvloop.run(measure("sqlite", options.messages, None))
    if options.engine in (None, "postgres"):
        with running_server() as server:
            uvloop.run(measure("postgres", options.messages, server))


if __name__ == "__main__":
    main()
