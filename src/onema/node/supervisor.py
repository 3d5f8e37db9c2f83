"""Several processes as one server: the supervisor starts them, keeps them running, and connects them.

It serves nothing itself. A worker whose supervisor is gone sees its line end, and stops; a supervisor sees its
worker's process end, and starts another. One that hangs does not end, and the kernel goes on giving it connections of
the port: its supervisor asks it now and then, and kills it when it says nothing for too long.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from typing import NoReturn

from onema.node.line import Line
from onema.node.messages import Failed, News, ReadReadiness, Started
from onema.node.switchboard import Switchboard

log = logging.getLogger(__name__)

STEADY_SECONDS = 10.0
"""A worker that ran for so long is started again at once when it dies."""

_QUESTIONS = 6
"""A worker is killed after so many questions without a word. A supervisor that was itself stopped for a while hears
one answer late: it must not take its own silence for the worker's.
"""
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


class WorkerFailed(Exception):
    """A worker cannot start; the text is a sentence for the operator."""


class _Worker:
    """One process, and the line to it."""

    def __init__(
        self, number: int, process: Process, line: Line, switchboard: Switchboard, patience: float
    ) -> None:
        self._number = number
        self._switchboard = switchboard
        self._line = line
        self._serves = False
        """Whether it has said that it serves."""
        self._failure = ""
        """Why it cannot start, in its own words."""
        self._is_settled = asyncio.Event()
        """Set when it serves, and when its line has ended: either way nobody need wait for its start."""
        self._hung_up = False
        """Whether a SIGHUP waits for its start."""
        self._patience = patience
        self.process = process
        self._talking = asyncio.create_task(self._talk())
        self._watching = asyncio.create_task(self._watch())

    async def started(self) -> None:
        """Return when it serves. Raises WorkerFailed."""
        await self._is_settled.wait()
        if not self._serves:
            code = await self.process.wait()
            raise WorkerFailed(
                self._failure or f"a worker ended with exit status {code} before it could serve"
            )

    async def ended(self) -> int:
        """Its exit status (negative: the signal), once it has ended."""
        code = await self.process.wait()
        self._watching.cancel()
        await self._talking
        return code

    def hang_up(self) -> None:
        """Send it SIGHUP, once it serves: before, nothing in it would hear."""
        self._hung_up = not self._serves
        if self._serves:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGHUP)

    async def _talk(self) -> None:
        await self._line.run(self._switchboard.answer, self._hear)
        self._is_settled.set()

    async def _watch(self) -> None:
        """Kill the process when it has said nothing for its supervisor's patience. One that starts may take its time:
        nobody is connected to it yet.
        """
        await self._is_settled.wait()
        pause, unanswered = self._patience / _QUESTIONS, 0
        while unanswered < _QUESTIONS:
            before = self._line.heard
            asking = self._line.ask(ReadReadiness(), pause)
            await asyncio.gather(asking, asyncio.sleep(pause), return_exceptions=True)
            # A late answer to an earlier question counts too.
            unanswered = 0 if self._line.heard > before else unanswered + 1
        log.error("a worker hangs and is killed", extra={"action": "supervise", "worker": self._number})
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def _hear(self, news: News) -> None:
        match news:
            case Started():
                self._serves = True
                self._switchboard.join(self._number, self._line)
                self._is_settled.set()
                if self._hung_up:
                    self.hang_up()
            case Failed(reason):
                self._failure = reason
            case _:
                self._switchboard.hear(self._number, news)


class Supervisor:
    """Runs `workers` processes of `command`.

    A process gets its number, from 1 on, and the descriptor of its end of the line as arguments; over the line,
    first of all, its `orders`. After SIGTERM it has `stop_seconds` to end. One that serves and says nothing for
    `patience` seconds is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        orders: Callable[[int], bytes],
        stop_seconds: float,
        patience: float,
    ) -> None:
        self._command = command
        self._numbers = range(1, workers + 1)
        self._orders = orders
        self._stop_seconds = stop_seconds
        self._patience = patience
        self._switchboard = Switchboard(workers)
        """Knows the workers that serve; each joins and leaves by itself."""
        self._running: dict[int, _Worker] = {}
        """By number, the newest process of each; one that has died stays until the next is there."""
        self._are_complete = False
        """Whether all have served once: from then on one that cannot start ends nothing."""

    async def run(self, on_complete: Callable[[], None]) -> None:
        """Keep the workers running until this is cancelled, then stop them; `on_complete` is called when all serve.

        Raises WorkerFailed when one of the first cannot start; later only when no other runs.
        """
        try:
            async with asyncio.TaskGroup() as keepers:
                started = [asyncio.Event() for _ in self._numbers]
                for number, event in zip(self._numbers, started, strict=True):
                    keepers.create_task(self._keep(number, event))
                    if number == 1:
                        # It makes the key and the schema, and says alone what keeps all of them from starting.
                        await event.wait()
                for event in started:
                    await event.wait()
                self._are_complete = True
                on_complete()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await self._stop()

    def hang_up(self) -> None:
        """Pass SIGHUP on to every worker."""
        for worker in self._running.values():
            worker.hang_up()

    async def _keep(self, number: int, started: asyncio.Event) -> NoReturn:
        clock, pause = asyncio.get_running_loop().time, 0.0
        while True:
            began = clock()
            worker = self._running[number] = await self._spawn(number)
            try:
                await worker.started()
                started.set()
                code = await worker.ended()
                log.error("a worker died", extra={"action": "supervise", "worker": number, "exit": code})
            except WorkerFailed as failed:
                await worker.ended()
                if not self._are_complete or not len(self._switchboard):
                    raise
                log.error(
                    "a worker cannot start",
                    extra={"action": "supervise", "worker": number, "detail": str(failed)},
                )
            self._switchboard.leave(number)
            steady = clock() - began >= STEADY_SECONDS
            pause = 0.0 if steady else min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _spawn(self, number: int) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                str(number),
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal is the supervisor's to hear.
                start_new_session=True,
            )
        line = await Line.over(ours)
        line.send_orders(self._orders(number))
        return _Worker(number, process, line, self._switchboard, self._patience)

    async def _stop(self) -> None:
        for worker in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                worker.process.terminate()
        ending = [asyncio.create_task(worker.ended()) for worker in self._running.values()]
        if not ending:
            return
        late = (await asyncio.wait(ending, timeout=self._stop_seconds))[1]
        if late:
            log.error("workers did not stop in time", extra={"action": "supervise", "count": len(late)})
            for worker in self._running.values():
                with contextlib.suppress(ProcessLookupError):
                    worker.process.kill()
        await asyncio.gather(*ending)
