"""Counts what became of messages, hour by hour, for whoever asks later: what statistics are made of."""

import asyncio
import time
from collections.abc import Iterator, Sequence

from onema.domain.ids import AccountId, first_id_at
from onema.domain.records import Key
from onema.domain.refusals import Refused
from onema.domain.statistics import (
    ALL,
    DAY_MS,
    FRESH_MS,
    HOUR_MS,
    HOURS_KEPT_DAYS,
    SETTLED_AFTER_MS,
    ByCurrency,
    ClaimHour,
    Figures,
    KeepStatistics,
    Statistics,
    Tally,
    added_up,
    is_due,
    written,
)
from onema.domain.values.network_operator import operator_of
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.engine.statistics_rows import read_rows
from onema.storage.contract import Storage, StorageError, Unavailable

EVERY_SECONDS = 5.0
PAUSE_MS = 15_000
"""The hour that is under way is counted as often, while that takes no time to speak of."""
SHARE_OF_TIME = 50
"""After a round the hour under way is left alone for so many times as long as that took."""
ACCOUNTS_AT_ONCE = 200
MESSAGES_AT_ONCE = 10_000
"""About so many messages are looked at in one go: as long as that takes, a store cannot tidy up behind it."""
_FIRST_SLICE_MS = 60_000
_SHORTEST_SLICE_MS = 1_000
_WIDER = 8
_NARROWER = 60
_AT_ONCE = 100
"""So many groups are added up before others get their turn."""


class Counting:
    """Every process has one; they take turns, an hour at a time. Messages from before the last `keep_messages_ms` are
    gone.
    """

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        *,
        receipt_lifetime_ms: int,
        keep_messages_ms: int,
        keep_statistics_ms: int,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._settled_after_ms = receipt_lifetime_ms + SETTLED_AFTER_MS
        self._keep_messages_ms = keep_messages_ms
        self._keep_statistics_ms = keep_statistics_ms
        self._pause_ms = PAUSE_MS
        self._day_before = 0
        """The day up to which earlier ones are still to be looked at, newest first; 0 before the first round."""
        # The store may be away for a while; the next round tries again.
        self._loop = Loop(
            "counting", self.count, every_seconds=EVERY_SECONDS, expected=(StorageError, Refused)
        )

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def count(self) -> None:
        """One round: what is due of the last days, and one earlier hour that was never counted."""
        now = self._gateway.now()
        this_day = now - now % DAY_MS
        first = this_day - (self._settled_after_ms // DAY_MS + 1) * DAY_MS
        for day in range(this_day, first - 1, -DAY_MS):
            await self._count_day(day, now, DAY_MS // HOUR_MS)
        if not self._day_before:
            oldest = now - self._keep_messages_ms
            self._day_before = oldest if await self._is_empty(oldest, first) else first
        await self.count_earlier(1)

    async def count_earlier(self, hours: int) -> bool:
        """Count so many hours of before, as long as their messages are kept; whether there are more."""
        now = self._gateway.now()
        oldest = now - self._keep_messages_ms
        while hours > 0 and self._day_before > oldest:
            hours -= await self._count_day(self._day_before - DAY_MS, now, hours)
            if hours > 0:
                self._day_before -= DAY_MS
        return hours <= 0

    async def _count_day(self, day: int, now: int, most: int) -> int:
        """Count the hours of a day that are due, newest first, and add them up when all are settled. How many it was;
        at most `most`, those without any message aside.
        """
        if await self._row(ALL, DAY_MS, day):
            return 0
        counted = 0
        starts = [start for start in range(day, day + DAY_MS, HOUR_MS) if start <= now]
        rows = await self._rows([(Statistics, ALL, HOUR_MS, start) for start in starts])
        by_start = {row.start: row for row in rows}
        over = [start for start in starts if start not in by_start and now >= start + HOUR_MS + FRESH_MS]
        if over and await self._is_empty(over[0], over[-1] + HOUR_MS):
            made = tuple(self._hour_of_all(start, now, {}, settled=True) for start in over)
            await self._gateway.execute(KeepStatistics(rows=made))
            by_start |= {row.start: row for row in made}
        for start in reversed(starts):
            if counted < most and is_due(by_start.get(start), start, now, self._pause_ms):
                expires_at = self._hour_expires_at(start, now)
                claim = ClaimHour(start=start, now=now, pause_ms=self._pause_ms, expires_at=expires_at)
                if await self._gateway.execute(claim):
                    counted += await self._count_hour(start, now)
        if counted < most and now >= day + DAY_MS:
            await self._add_day_up(day, now)
        return counted

    async def _count_hour(self, start: int, now: int) -> bool:
        """Whether there was anything to count."""
        began = time.monotonic()
        is_over = now >= start + HOUR_MS + self._settled_after_ms
        total: ByCurrency = {}
        some_unsettled = False
        together = tuple[Statistics, ...]()
        for accounts in self._accounts():
            rows = await self._rows([(Statistics, account, HOUR_MS, start) for account in accounts])
            kept = [row for row in rows if row.settled]
            settled = {row.account for row in kept}
            tally = await self._tally([one for one in accounts if one not in settled], start, now)
            some_unsettled = some_unsettled or bool(tally.unsettled)
            # A message of its last moments may still be on its way into the store.
            may_settle = now >= start + HOUR_MS + FRESH_MS
            made = tuple(
                Statistics(
                    account,
                    HOUR_MS,
                    start,
                    now,
                    now,
                    may_settle and (is_over or account not in tally.unsettled),
                    self._hour_expires_at(start, now),
                    written(figures),
                )
                for account, figures in tally.figures.items()
            )
            _add(total, added_up((*kept, *made)))
            if len(accounts) < ACCOUNTS_AT_ONCE:
                together = made
            elif made:
                await self._gateway.execute(KeepStatistics(rows=made))
        settles = now >= start + HOUR_MS + FRESH_MS and (is_over or not some_unsettled)
        of_all = self._hour_of_all(start, now, total, settled=settles)
        await self._gateway.execute(KeepStatistics(rows=(*together, of_all)))
        took_ms = int((time.monotonic() - began) * 1000)
        self._pause_ms = max(PAUSE_MS, SHARE_OF_TIME * took_ms)
        return bool(total)

    async def _is_empty(self, first: int, before: int) -> bool:
        """Whether nobody has a message from then."""
        for accounts in self._accounts():
            if await self._storage.has_messages(accounts, first_id_at(first), first_id_at(before)):
                return False
        return True

    async def _tally(self, accounts: Sequence[AccountId], start: int, now: int) -> Tally:
        directory = self._gateway.directory
        tally = Tally(lambda account: directory.accounts[account].document.currency, operator_of)
        at, width, end = start, _FIRST_SLICE_MS, min(start + HOUR_MS, now + 1)
        while accounts and at < end:
            until = min(at + width, end)
            try:
                found = await self._storage.count_messages(accounts, first_id_at(at), first_id_at(until), now)
            except Unavailable:
                # Nobody knows how many they are before they are counted: more than there was time for, perhaps.
                if width <= _SHORTEST_SLICE_MS:
                    raise
                width = max(_SHORTEST_SLICE_MS, width // _NARROWER)
                continue
            for number, alike in enumerate(found, 1):
                tally.take(alike)
                if not number % _AT_ONCE:
                    await asyncio.sleep(0)
            seen = sum(alike.messages for alike in found)
            width = min(width * _WIDER, max(_SHORTEST_SLICE_MS, width * MESSAGES_AT_ONCE // max(seen, 1)))
            at = until
        return tally

    async def _add_day_up(self, day: int, now: int) -> None:
        """Unless an hour of it may still change."""
        hours = range(day, day + DAY_MS, HOUR_MS)
        of_all = await self._rows([(Statistics, ALL, HOUR_MS, start) for start in hours])
        if len(of_all) < len(hours) or not all(row.settled for row in of_all):
            return
        for accounts in self._accounts():
            keys: list[Key] = [
                (Statistics, account, HOUR_MS, start) for start in hours for account in accounts
            ]
            rows = dict[AccountId, list[Statistics]]()
            for row in await self._rows(keys):
                rows.setdefault(row.account, []).append(row)
            made = tuple(self._day(day, account, now, mine) for account, mine in rows.items())
            if made:
                await self._gateway.execute(KeepStatistics(rows=made))
            await asyncio.sleep(0)
        # Its row says that the day is done.
        await self._gateway.execute(KeepStatistics(rows=(self._day(day, ALL, now, of_all),)))

    def _day(self, day: int, account: AccountId, now: int, rows: Sequence[Statistics]) -> Statistics:
        expires_at = day + self._keep_statistics_ms
        return Statistics(account, DAY_MS, day, now, now, True, expires_at, written(added_up(rows)))

    def _hour_of_all(self, start: int, now: int, figures: ByCurrency, *, settled: bool) -> Statistics:
        expires_at = self._hour_expires_at(start, now)
        return Statistics(ALL, HOUR_MS, start, now, now, settled, expires_at, written(figures))

    def _hour_expires_at(self, start: int, now: int) -> int:
        """An hour of long ago is kept until its day is added up."""
        return max(start + HOURS_KEPT_DAYS * DAY_MS, now + DAY_MS)

    def _accounts(self) -> Iterator[Sequence[AccountId]]:
        every = [AccountId(one) for one in sorted(self._gateway.directory.accounts)]
        for place in range(0, len(every), ACCOUNTS_AT_ONCE):
            yield every[place : place + ACCOUNTS_AT_ONCE]

    async def _row(self, account: AccountId, span: int, start: int) -> Statistics | None:
        rows = await self._rows([(Statistics, account, span, start)])
        return rows[0] if rows else None

    async def _rows(self, keys: Sequence[Key]) -> list[Statistics]:
        return await read_rows(self._storage, keys)


def _add(total: ByCurrency, more: ByCurrency) -> None:
    for currency, figures in more.items():
        total.setdefault(currency, Figures()).add(figures)
