"""The supervisor and processes that do on a line what a test asks of them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from onema.node.supervisor import Supervisor, WorkerFailed
from onema.testing.running_server import comes_true

# The orders are the name of a folder. Whoever starts leaves its process's number there, and fails when it finds
# the file `broken`, or `broken-N` for worker N.
_WORKER = """
import asyncio, os, pathlib, signal, socket, sys
from onema.node.line import Line
from onema.node.messages import Failed, Started

async def work(number, connection):
    line = await Line.over(connection)
    folder = pathlib.Path((await line.read_orders()).decode().strip())
    async def answer(question): return True
    talking = asyncio.create_task(line.run(answer, lambda news: None))
    (folder / f"{number}-{os.getpid()}").touch()
    if any((folder / name).exists() for name in ("broken", f"broken-{number}")):
        line.tell(Failed("the disk is full"))
        line.close()
        await talking
        return 1
    if (folder / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line.tell(Started())
    await talking
    return 0

number, descriptor = int(sys.argv[1]), int(sys.argv[2])
sys.exit(asyncio.run(work(number, socket.socket(fileno=descriptor))))
"""


def of_worker(folder: Path, number: int) -> list[int]:
    """The processes that were started as this worker."""
    return [int(path.name.split("-")[1]) for path in folder.glob(f"{number}-*")]


@asynccontextmanager
async def running(
    folder: Path, workers: int, stop_seconds: float = 10.0, patience: float = 30.0
) -> AsyncIterator[asyncio.Task[None]]:
    """The supervisor's task, once all workers serve or one of them has failed."""
    complete = asyncio.Event()
    supervisor = Supervisor(
        (sys.executable, "-c", _WORKER), workers, lambda _: str(folder).encode(), stop_seconds, patience
    )
    task = asyncio.create_task(supervisor.run(complete.set))
    waiting = asyncio.create_task(complete.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, WorkerFailed):
            await task


async def happens(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await comes_true(holds)


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_a_worker_that_dies_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says which and how; the others are left alone; a stop ends all."""
    async with running(tmp_path, 3):
        first, second = of_worker(tmp_path, 1), of_worker(tmp_path, 2)
        os.kill(second[0], signal.SIGKILL)
        await happens(lambda: len(of_worker(tmp_path, 2)) == 2)
        assert of_worker(tmp_path, 1) == first
        died = next(record for record in caplog.records if record.getMessage() == "a worker died")
        assert (vars(died)["worker"], vars(died)["exit"]) == (2, -signal.SIGKILL)
    assert not any(is_alive(process) for number in (1, 2, 3) for process in of_worker(tmp_path, number))


async def test_a_worker_that_hangs_is_killed_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody else can end it, and the kernel goes on giving it connections; those that answer are left alone."""
    async with running(tmp_path, 2, patience=2.0):
        first, second = of_worker(tmp_path, 1), of_worker(tmp_path, 2)
        os.kill(second[0], signal.SIGSTOP)
        await happens(lambda: len(of_worker(tmp_path, 2)) == 2)
        assert not is_alive(second[0])
        assert of_worker(tmp_path, 1) == first
        hung, died = (record for record in caplog.records if record.levelname == "ERROR")
        assert (hung.getMessage(), vars(hung)["worker"]) == ("a worker hangs and is killed", 2)
        assert (died.getMessage(), vars(died)["exit"]) == ("a worker died", -signal.SIGKILL)


async def test_a_reason_not_to_start_is_told_once(tmp_path: Path) -> None:
    """It is the first worker's, and the others are not even tried."""
    (tmp_path / "broken").touch()
    async with running(tmp_path, 3) as task:
        with pytest.raises(WorkerFailed, match="the disk is full"):
            await task
    assert [len(of_worker(tmp_path, number)) for number in (1, 2, 3)] == [1, 0, 0]


async def test_at_the_start_one_that_cannot_ends_all(tmp_path: Path) -> None:
    """A server that was asked for four workers does not begin with three."""
    (tmp_path / "broken-3").touch()
    async with running(tmp_path, 3) as task:
        with pytest.raises(WorkerFailed, match="the disk is full"):
            await task
    assert not is_alive(of_worker(tmp_path, 1)[0])


async def test_later_one_that_cannot_start_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others serve on, and it comes back when what hindered it is gone."""
    async with running(tmp_path, 2) as task:
        (tmp_path / "broken-2").touch()
        os.kill(of_worker(tmp_path, 2)[0], signal.SIGKILL)
        await happens(lambda: "a worker cannot start" in caplog.messages)
        assert not task.done()
        (tmp_path / "broken-2").unlink()
        tries = len(of_worker(tmp_path, 2))
        await happens(lambda: len(of_worker(tmp_path, 2)) > tries)
        assert is_alive(of_worker(tmp_path, 1)[0])


async def test_when_none_is_left_and_none_can_start_the_supervisor_ends(tmp_path: Path) -> None:
    """Its service manager sees it, and callers are refused instead of waiting in a queue."""
    async with running(tmp_path, 2) as task:
        (tmp_path / "broken").touch()
        for number in (1, 2):
            os.kill(of_worker(tmp_path, number)[0], signal.SIGKILL)
        with pytest.raises(WorkerFailed, match="the disk is full"):
            await task


async def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """After the seconds that it has."""
    (tmp_path / "deaf").touch()
    async with running(tmp_path, 2, stop_seconds=0.2):
        pass
    assert not any(is_alive(process) for number in (1, 2) for process in of_worker(tmp_path, number))
