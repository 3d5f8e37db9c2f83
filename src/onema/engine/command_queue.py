"""Commands that wait for their batch, and the batches that are in flight."""

import asyncio
from collections.abc import Sequence
from typing import Any

from onema.domain.decision import Command, Context
from onema.engine.batch import Batch, Pending, gather

QUIET_TURNS = 3
"""After so many turns of the loop without a new command all requests that had arrived are waiting for their batch: a
turn reads them, the next runs their tasks, and one more is for those that wait for something of their own.
"""
GATHERED = 128
"""With so many commands a batch is begun at once: more would not make it noticeably cheaper."""
WORTH_A_BATCH = 64
"""So many commands at least are begun beside another batch: small batches cost the store more than they gain."""


class CommandQueue:
    """Gives out batches of what waits: beside those in flight, only commands that share no row with them."""

    def __init__(self, batch_limit: int, writers: int) -> None:
        self._batch_limit = batch_limit
        self._writers = writers
        self._waiting: list[Pending] = []
        """In order of arrival; `take` leaves those for which it is too early."""
        self.in_flight: list[Batch] = []
        """The batches that were taken and not ended."""
        self.news = asyncio.Event()
        """Set when there may be something to begin; whoever waits for it clears it."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, command: Command) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Pending(command, future))
        if len(self._waiting) in (1, WORTH_A_BATCH):
            self.news.set()
        return future

    async def gather_arrivals(self) -> None:
        """Let requests that have arrived come to wait too: a batch costs the store something whatever its size."""
        quiet, waiting = 0, len(self._waiting)
        while quiet < QUIET_TURNS and waiting < GATHERED:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == waiting else 0
            waiting = len(self._waiting)

    def take(self, context: Context) -> Batch | None:
        """The next batch, which is then in flight; None when it is too early for one."""
        batch = self._next(context)
        if batch is not None:
            self.in_flight.append(batch)
            if len(self._waiting) >= WORTH_A_BATCH:
                self.news.set()  # for the next writer
        return batch

    def end(self, batch: Batch) -> None:
        self.in_flight.remove(batch)
        self.news.set()

    def give_up(self) -> Sequence[Pending]:
        """All that wait, who will wait no more."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def _next(self, context: Context) -> Batch | None:
        """All that wait; beside another batch, those that share no row with it.

        When there are enough of them for two writers that will not wait for each other, one half.
        """
        waiting, beside = self._waiting, self.in_flight
        if not beside and self._writers > 1 and len(waiting) >= 2 * WORTH_A_BATCH:
            batch, left = gather(waiting, context, min(len(waiting) // 2, self._batch_limit))
            other, _ = gather(left, context, WORTH_A_BATCH, batch.keys)
            if len(other) == WORTH_A_BATCH:
                self._waiting = left
                return batch
        batch, left = gather(waiting, context, self._batch_limit, *(other.keys for other in beside))
        if beside and len(batch) < WORTH_A_BATCH:
            return None
        self._waiting = left
        return batch
