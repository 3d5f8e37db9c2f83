"""The write-ahead log of the embedded store, kept short.

A checkpoint beside the writer moves pages into the database, but never ends a log that is written all the time: SQLite
begins the log anew only when a writer finds all of it moved and nobody reading it. So a checkpoint has two parts. The
first takes the time that the disk needs, beside the writer. The second, for which the writer waits, moves the little
that was committed meanwhile; the next commit then begins at the front.

The file is not truncated each time: a log that is overwritten syncs in half the time of one that grows.
"""

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor

import apsw

CHECKPOINT_PAGES = 8_000
"""So many pages in the log make a checkpoint due. What was written often in between is moved once, so that fewer
checkpoints cost less.
"""
WAL_LIMIT_BYTES = 64_000_000
"""A log that was longer is cut to this; before it is, writers wait for the checkpoint that is under way."""
_FRAME_BYTES = 4_096 + 24
_FULL_PAGES = 14_500
"""As long as the log may be when a batch begins; what that writes comes on top."""
_RETRY_SECONDS = 0.5
_OLD_STATE = "somebody reads an old state of the database"
_RESTART_WAITS_MS = 100
"""Readers of this process are done in microseconds, and for others writers should not wait."""

log = logging.getLogger(__name__)


class WriteAheadLog:
    """Hears how long the log is, and runs checkpoints on a connection and in a thread of its own."""

    def __init__(self, writer: apsw.Connection, writing: asyncio.Lock, connection: apsw.Connection) -> None:
        """`writing` is held by whoever uses `writer`; `connection` is for checkpoints alone."""
        writer.pragma("journal_size_limit", WAL_LIMIT_BYTES)
        writer.set_wal_hook(self._grew)
        connection.set_busy_timeout(_RESTART_WAITS_MS)
        self._writing = writing
        self._connection = connection
        # Pages in the log; set by the thread that commits.
        self._pages = 0
        self._due = asyncio.Event()
        """Set when the log is long enough to be moved; cleared by the checkpoint."""
        # Set while no checkpoint is under way.
        self._rests = asyncio.Event()
        self._rests.set()
        self._is_full = asyncio.Event()
        """Set while a writer waits for a checkpoint: the next try comes at once. Cleared by the checkpoint."""
        # Whether the log is too long, which was told, and writers wait for nothing.
        self._is_too_long = False
        self._task = asyncio.create_task(self._run(), name="sqlite-checkpoint")

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._connection.close()

    async def room(self) -> None:
        """To be awaited before a transaction: when the log is full, a checkpoint comes first, unless the last one found
        that nothing would help.
        """
        if self._pages < CHECKPOINT_PAGES:
            return
        self._due.set()
        if self._pages >= _FULL_PAGES and not self._is_too_long and not self._task.done():
            self._is_full.set()
            self._rests.clear()
            await self._rests.wait()

    def _grew(self, writer: apsw.Connection, database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    async def _run(self) -> None:
        # Left last: a checkpoint under way ends before its connection is closed.
        with ThreadPoolExecutor(1, "sqlite-checkpoint") as thread:
            while True:
                await self._due.wait()
                self._rests.clear()
                try:
                    what_stops_it = await self._checkpoint(thread)
                    self._tell(what_stops_it)
                finally:
                    self._due.clear()
                    self._is_full.clear()
                    self._rests.set()
                if what_stops_it:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_RETRY_SECONDS):
                            await self._is_full.wait()

    async def _checkpoint(self, thread: ThreadPoolExecutor) -> str:
        """Why the next commit will not begin the log anew; empty when it will."""
        loop = asyncio.get_running_loop()
        try:
            length, moved = await loop.run_in_executor(thread, self._connection.wal_checkpoint)
            # Our own writer may have been the reader. When the log is full that is found out without it, once.
            if moved < length and (self._pages < _FULL_PAGES or self._is_too_long):
                return _OLD_STATE
            async with self._writing:
                await loop.run_in_executor(thread, self._restart)
                self._pages = 0
        except apsw.BusyError:
            return _OLD_STATE
        except apsw.Error as error:
            return str(error)
        return ""

    def _restart(self) -> None:
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)

    def _tell(self, what_stops_it: str) -> None:
        """Once, when the log has become too long."""
        is_too_long = self._pages >= _FULL_PAGES and bool(what_stops_it)
        if is_too_long and not self._is_too_long:
            log.warning(
                "the write-ahead log cannot be emptied",
                extra={"action": "checkpoint", "detail": what_stops_it, "bytes": self._pages * _FRAME_BYTES},
            )
        self._is_too_long = is_too_long
