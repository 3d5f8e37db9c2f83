"""LISTEN and NOTIFY: nodes tell each other that the directory changed or that jobs wait.

A change of the directory is announced in its own transaction. Jobs are announced after the commit, on another
connection and at most every 50 ms: a transaction that notifies takes a lock over the whole database for as long
as its COMMIT takes, so that notifications come in the order of commits (PreCommit_Notify in
github.com/postgres/postgres, src/backend/commands/async.c). Every batch of every node would wait for every
other's disk.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from onema.domain.records import Job, Row
from onema.storage.contract import StorageError
from onema.storage.postgres.backoff import delays
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import COMMAND_SECONDS, connect

DIRECTORY_CHANNEL = "onema_directory"
JOBS_CHANNEL = "onema_jobs"
ANNOUNCE_EVERY_SECONDS = 0.05
PROBE_EVERY_SECONDS = 15.0
"""A listener hears nothing of a peer that vanished, and polls find what it was not told."""


class Announcer:
    """Says that jobs were left due. Best effort: dispatchers poll too."""

    def __init__(self, fetch: Callable[..., Awaitable[Any]]) -> None:
        self._fetch = fetch
        self._due = False
        """Whether jobs were left since the last announcement."""
        self._task: asyncio.Task[None] | None = None
        """Announces until nothing is due; the next jobs begin another."""

    def jobs_were_left(self, saved: Iterable[Row | None], now: int) -> None:
        """Announce jobs among saved rows that are due at `now`: nobody has leased them, or their process left them."""
        if any(type(row) is Job and row.due_at <= now for row in saved):
            self._due = True
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._announce(), name="announce-jobs")

    async def _announce(self) -> None:
        while self._due:
            self._due = False
            with contextlib.suppress(StorageError):
                await self._fetch("SELECT pg_notify($1, '')", JOBS_CHANNEL)
            await asyncio.sleep(ANNOUNCE_EVERY_SECONDS)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


class Listener:
    """Listens on a connection of its own, which is made anew whenever it breaks."""

    def __init__(
        self, dsn: str, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> None:
        self._dsn = dsn
        self._callbacks = {DIRECTORY_CHANNEL: on_directory_changed, JOBS_CHANNEL: on_jobs_due}
        self._listening = asyncio.Event()
        """Set with the first connection, and never cleared: whoever starts it waits for that one only."""
        self._task: asyncio.Task[None] | None = None
        """Listens from `start` to `close`."""

    async def start(self) -> None:
        """Return once it listens."""
        self._task = asyncio.create_task(self._run(), name="listen")
        await self._listening.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            async for _ in delays():
                with contextlib.suppress(StorageError, *DRIVER_ERRORS):
                    await self._listen()
                    break

    async def _listen(self) -> None:
        """Listen until the connection breaks."""
        connection = await connect(self._dsn, "onema listener", COMMAND_SECONDS)
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _: broken.set())
        try:
            for channel in self._callbacks:
                await connection.add_listener(channel, self._notified)
            self._listening.set()
            # What was announced while nobody listened.
            for callback in self._callbacks.values():
                callback()
            while not broken.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_EVERY_SECONDS):
                        await broken.wait()
                # A peer that vanished without a word is noticed only by talking to it.
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _notified(self, _connection: object, _pid: int, channel: str, _payload: str) -> None:
        self._callbacks[channel]()
