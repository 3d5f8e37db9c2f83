"""The sweeper: forgets what has expired, a little at a time, between batches."""

import asyncio
import contextlib

from onema.domain.ids import first_id_at
from onema.engine.committer import Committer
from onema.engine.ports import Clock
from onema.storage.contract import Storage, StorageError

EVERY_SECONDS = 1.0
ROWS_AT_ONCE = 2_000
INBOX_EVERY_ROUNDS = 10
UPKEEP_EVERY_ROUNDS = 3_600
OLD_ROWS_AT_ONCE = 500


class Sweeper:
    """Keeps the small tables of live things small, the inbox bounded, and nothing longer than it is kept."""

    def __init__(
        self,
        committer: Committer,
        storage: Storage,
        clock: Clock,
        *,
        keep_inbox: int,
        keep_inbox_ms: int,
        keep_messages_ms: int,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._committer = committer
        self._storage = storage
        self._clock = clock
        self._keep_inbox = keep_inbox
        self._keep_inbox_ms = keep_inbox_ms
        self._keep_messages_ms = keep_messages_ms
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> int:
        """One round over the expiring tables; how many rows went."""
        now = self._clock.now()
        return await self._committer.between_batches(lambda: self._storage.sweep(now, ROWS_AT_ONCE))

    async def trim_inbox(self) -> int:
        oldest = first_id_at(self._clock.now() - self._keep_inbox_ms)
        return await self._committer.between_batches(
            lambda: self._storage.trim_inbox(self._keep_inbox, oldest)
        )

    async def drop_old(self) -> int:
        """Forget some of what is older than it is kept; how much went."""
        moment = self._clock.now() - self._keep_messages_ms
        return await self._storage.drop_older_than(moment, OLD_ROWS_AT_ONCE)

    async def _run(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(self._every_seconds)
            rounds += 1
            # The store may be away for a while; the next round tries again.
            with contextlib.suppress(StorageError):
                while await self.sweep() >= ROWS_AT_ONCE:  # noqa: ASYNC110  # it lets requests in between rounds
                    await asyncio.sleep(0)
                if rounds % INBOX_EVERY_ROUNDS == 0:
                    await self.trim_inbox()
                if rounds % UPKEEP_EVERY_ROUNDS == 0:
                    await self._storage.maintain(self._clock.now())
                    while await self.drop_old():  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0)
