"""The sweeper: forgets what has expired, a little at a time, between batches. When the clock has been set back, it
brings forward the jobs that were put off before.
"""

import asyncio
import functools
import logging
from collections.abc import Callable

from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS
from onema.delivery.patience import LONGEST_EVENT_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from onema.delivery.receipts import KEEP_UNMATCHED
from onema.domain.ids import first_id_at
from onema.domain.records import JobKind
from onema.domain.values.written_ahead import TOLERATED_MS
from onema.engine.committer import Committer
from onema.engine.loops import Loop
from onema.engine.ports import Clock, steady_seconds
from onema.storage.contract import Storage, StorageError

DAY_MS = 86_400_000
EVERY_SECONDS = 1.0
ROWS_AT_ONCE = 2_000
INBOX_EVERY_ROUNDS = 10
UPKEEP_EVERY_ROUNDS = 3_600
INDEX_EVERY_ROUNDS = 5
PARTS_AT_ONCE = 20
CLOSED_AFTER_MS = 180_000
"""No message is added among those that are older: commands do not wait as long, and clocks do not differ by as much."""
OLD_ROWS_AT_ONCE = 500
LONGEST_PAUSE_MS = 1000 * max(LONGEST_PAUSE_SECONDS, *RETRY_AFTER_SECONDS)
"""No job is put off for longer, but an event, and one that waits for a receipt."""

log = logging.getLogger(__name__)


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
        receipt_lifetime_ms: int = 0,
        every_seconds: float = EVERY_SECONDS,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._committer = committer
        self._storage = storage
        self._clock = clock
        self._keep_inbox = keep_inbox
        self._keep_inbox_ms = keep_inbox_ms
        self._keep_messages_ms = keep_messages_ms
        self._receipt_lifetime_ms = receipt_lifetime_ms
        self._steady = steady
        self._clock_was_at: float | None = None
        """By how much the clock was ahead of the steady one in the last round (ms)."""
        self._rounds = 0
        """How many began; what is done more seldom counts by it."""
        # The store may be away for a while; the next round tries again.
        self._loop = Loop(
            "sweeper", self._round, every_seconds=every_seconds, pauses_first=True, expected=StorageError
        )

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def sweep(self) -> int:
        """One round over the expiring tables; how many rows went."""
        now = self._clock.now()
        return await self._committer.between_batches(lambda: self._storage.sweep(now, ROWS_AT_ONCE))

    async def trim_inbox(self) -> int:
        oldest = first_id_at(self._clock.now() - self._keep_inbox_ms)
        return await self._committer.between_batches(
            lambda: self._storage.trim_inbox(self._keep_inbox, oldest)
        )

    async def trim_receipts(self) -> int:
        return await self._committer.between_batches(
            lambda: self._storage.trim_unmatched_receipts(KEEP_UNMATCHED)
        )

    async def drop_old(self) -> int:
        """Forget some of what is older than it is kept; how much went."""
        moment = self._clock.now() - self._keep_messages_ms
        return await self._storage.drop_older_than(moment, OLD_ROWS_AT_ONCE)

    async def forget_of_accounts(self) -> int:
        """Forget some of what an account keeps for a shorter time than the others; how many messages went."""
        now, gone = self._clock.now(), 0
        for account in list(self._committer.directory.accounts.values()):
            kept_ms = account.document.keep_days * DAY_MS
            if 0 < kept_ms < self._keep_messages_ms:
                gone += await self._storage.forget_ended(account.id, now - kept_ms, OLD_ROWS_AT_ONCE)
        return gone

    async def bring_forward(self) -> int:
        """Once the clock is right: make those jobs due that a clock ahead put off or leased, longer than any is. How
        many. Scheduled ones may be due as late as they say.
        """
        now = self._clock.now()
        brought = 0
        for kind in frozenset(JobKind) - {JobKind.SCHEDULED}:
            longest = LONGEST_PAUSE_MS + (self._receipt_lifetime_ms if kind is JobKind.SETTLE else 0)
            if kind is JobKind.CALLBACK:
                longest = LONGEST_EVENT_PAUSE_SECONDS * 1000
            bring = functools.partial(self._storage.bring_forward, kind, now + longest + TOLERATED_MS, now)
            brought += await self._committer.between_batches(bring)
        if brought:
            log.warning(
                "jobs that a clock ahead had put off are due now", extra={"action": "clock", "jobs": brought}
            )
        return brought

    async def look_at_the_clock(self) -> int:
        """At the start, and whenever it has been set back, bring forward what was put off before; how many jobs."""
        was_at, is_at = self._clock_was_at, self._clock.now() - self._steady() * 1000
        brought = 0
        if was_at is None or was_at - is_at > TOLERATED_MS:
            brought = await self.bring_forward()
        self._clock_was_at = is_at
        return brought

    async def _round(self) -> None:
        self._rounds += 1
        await self.look_at_the_clock()
        while await self.sweep() >= ROWS_AT_ONCE:  # noqa: ASYNC110  # it lets requests in between rounds
            await asyncio.sleep(0)
        if self._rounds % INBOX_EVERY_ROUNDS == 0:
            await self.trim_inbox()
            await self.trim_receipts()
        if self._rounds % INDEX_EVERY_ROUNDS == 0:
            await self._storage.index_messages(
                first_id_at(self._clock.now() - CLOSED_AFTER_MS), PARTS_AT_ONCE
            )
        if self._rounds % UPKEEP_EVERY_ROUNDS == 0:
            await self._storage.maintain(self._clock.now())
            while await self.drop_old():  # noqa: ASYNC110  # as above
                await asyncio.sleep(0)
            while await self.forget_of_accounts():  # noqa: ASYNC110  # as above
                await asyncio.sleep(0)
