import asyncio
import contextlib
import secrets
import sys
from collections.abc import Iterator

from onema.loadtest.load import LoadGenerator, LoadResult
from onema.loadtest.requests import CodeRequests

_REDRAW_SECONDS = 1.0
_FIRST_PHONES = 1_000_000


async def drive(
    host: str,
    port: int,
    connections: int,
    requests: CodeRequests,
    rate: float,
    amount: int,
    *,
    allow_remote: bool,
) -> LoadResult:
    """Send `amount` codes at `rate` a second; on a terminal a bar shows how far it is. Raises LoadError."""
    answered = 0

    def classify(status: int, body: bytes) -> str:
        nonlocal answered
        answered += 1
        return requests.classify(status, body)

    async def show() -> None:
        from rich.console import Console
        from rich.progress import Progress

        # Drawn here and seldom: while it draws, nothing is sent, and a thread that draws would be no better.
        with Progress(console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
            task = progress.add_task("answered", total=amount)
            while True:
                progress.update(task, completed=answered, refresh=True)
                await asyncio.sleep(_REDRAW_SECONDS)

    async with LoadGenerator(host, port, connections, allow_remote=allow_remote) as load:
        with _running(asyncio.create_task(show()) if sys.stderr.isatty() else None):
            # The amount ends the run; the second more is there so that the last request is not cut off.
            return await load.at_rate(
                _each(requests, amount), rate, seconds=amount / rate + 1.0, classify=classify
            )


def _each(requests: CodeRequests, amount: int) -> Iterator[bytes]:
    """Runs that follow each other go to other phones, so that they do not meet the same windows."""
    first = secrets.randbelow(_FIRST_PHONES)
    return (requests.send(number) for number in range(first, first + amount))


@contextlib.contextmanager
def _running(task: asyncio.Task[None] | None) -> Iterator[None]:
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
