"""As many codes in five minutes as a busy hour has, at a steady rate, on SQLite: does anything grow?"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

from bench.codes import CONNECTIONS
from bench.measured import Row
from bench.report import Goal, Report, Table
from bench.requests import DemoRequests
from bench.server import ServerFailed, ServerProcess, fresh_folder, running_server
from onema.loadtest.load import LoadGenerator, LoadResult

RATE = 400
MINUTE_SECONDS = 60
CODE_MINUTES = 2
"""The shortest that the vendor knows: then codes also expire, and are swept, in most of the run."""
KEPT_ON_HANDSET = 10_000
"""A twelfth of the default, as five minutes are of an hour, so that the oldest are trimmed as well."""
_LOOK_EVERY_SECONDS = 0.1


async def measure(minutes: int) -> Report:
    """The first minute warms the server up."""
    settings = {"ONEMA_HANDSET_KEEP_MESSAGES": str(KEPT_ON_HANDSET)}
    with fresh_folder() as folder:
        data = folder / "load"
        async with (
            running_server(data, settings) as server,
            LoadGenerator("127.0.0.1", server.port, CONNECTIONS) as load,
            _longest_log(data) as log,
        ):
            rows, memory = await _minutes(server, load, minutes)
        size = (data / "onema.db").stat().st_size / 1e6
    codes = RATE * MINUTE_SECONDS * minutes
    return Report(
        "load",
        f"{codes:,} codes in {minutes} minutes on SQLite",
        (Table(f"{RATE} codes a second, delivered to the handset", rows),),
        (
            Goal("write-ahead log at its longest", log.longest / 1e6, 64, " MB"),
            Goal(
                "resident memory after the last minute, less after the first",
                memory[-1] - memory[0],
                10,
                " MB",
            ),
            Goal(
                "p99 of the last minute : of the second",
                rows[-1].p99_ms / rows[min(1, minutes - 1)].p99_ms,
                1.5,
            ),
        ),
        (
            f"Resident memory after each minute: {', '.join(f'{each:.0f}' for each in memory)} MB. "
            f"The database has {size:.0f} MB in the end, {size * 1e6 / codes:,.0f} bytes a code.",
        ),
    )


async def _minutes(
    server: ServerProcess, load: LoadGenerator, minutes: int
) -> tuple[tuple[Row, ...], list[float]]:
    """What each minute gave, and the server's resident memory after it."""
    codes = DemoRequests(server.data, minutes=CODE_MINUTES).esms
    amount = RATE * MINUTE_SECONDS
    requests = (codes.send(number) for number in range(amount * minutes))
    rows, memory = [], []
    for minute in range(1, minutes + 1):
        before = server.cpu_seconds()
        result = await load.at_rate(
            islice(requests, amount), RATE, seconds=MINUTE_SECONDS + 5, classify=codes.classify
        )
        _refuse_unless_all(result, codes.accepted, amount)
        rows.append(_row(f"minute {minute}", result, server.cpu_seconds() - before))
        memory.append(server.resident_mb())
    return tuple(rows), memory


def _refuse_unless_all(result: LoadResult, accepted: str, amount: int) -> None:
    if result.answers != {accepted: amount}:
        raise ServerFailed(
            f"{dict(result.answers)}, {result.lost} lost, {result.unanswered} unanswered, not all {accepted}"
        )


def _row(name: str, result: LoadResult, cpu: float) -> Row:
    p50, p99 = (result.latency.percentile(percent) / 1000 for percent in (50, 99))
    return Row(name, result.per_second, p50, p99, cpu * 1000 / result.answered)


class _Log:
    longest = 0


@contextlib.asynccontextmanager
async def _longest_log(data: Path) -> AsyncIterator[_Log]:
    """Looks at the length of the write-ahead log all the time."""
    log, file = _Log(), data / "onema.db-wal"

    async def watch() -> None:
        while True:
            log.longest = max(log.longest, file.stat().st_size)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield log
    finally:
        watching.cancel()
