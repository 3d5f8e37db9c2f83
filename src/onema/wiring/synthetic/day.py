"""The day itself: what customers, carriers, phones and receivers of callbacks do, each as a command at its time.

It goes through the core as real traffic does; only the clock is moved, and nothing is sent. Everything but ids, keys
and the nonces of what is sealed follows from the seed.
"""

import asyncio
import heapq
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from onema.delivery.live_reports import LiveReports
from onema.domain.codes.accept_message import Accepted
from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Command
from onema.domain.ids import MAX_SEQUENCE, compose_id
from onema.domain.live_figures import SLOT_MS, WINDOW_MS
from onema.domain.money.top_up import TopUpWallet
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import Minor
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.telemetry.live_tally import LiveTally
from onema.wiring.synthetic.customers import CUSTOMERS

DAY_MS = 86_400_000
MESSAGES = 1_500
NEWEST = 150
"""So many more in the last minutes, so that live pages have something to show."""
AHEAD_MS = 3_600_000
"""So far one message's story may run ahead of another's."""
_BUSY = (2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 13, 12, 11, 10, 10, 11, 12, 13, 14, 16, 17, 13, 8, 4)
"""How busy each hour of a day in Vietnam is."""
_VIETNAM_MS = 7 * 3_600_000


class DayClock:
    """Shows the time of what happens."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at


Story = Iterator[int]
"""What happens to one message, or besides. It yields when (Unix ms) it goes on, and by then has the answers to what it
asked for."""


class _Asked(NamedTuple):
    future: asyncio.Future[Any]
    at: int
    asking: Asking | None


class Day:
    """Does what stories tell, at their times."""

    def __init__(self, gateway: Gateway, clock: DayClock, ends_at: int, tally: LiveTally) -> None:
        self.gateway = gateway
        self.clock = clock
        self.ends_at = ends_at
        self.begins_at = ends_at - DAY_MS
        self._tally = tally
        self._live = LiveReports(gateway, "traffic", tally)
        self._made = 0
        """The sequence number of the last id."""
        self._asked: list[_Asked] = []
        """Whose answers have not been waited for."""
        self._upcoming: list[tuple[int, int, Story]] = []
        """Stories by when they go on; a heap."""
        self._stories = 0
        self._waiting: set[int] = set()
        """The numbers of the stories that have asked for something since."""

    def account(self, name: str) -> AccountView:
        return self.gateway.directory.account_named[name]

    def do(self, command: Command, asking: Asking | None = None) -> asyncio.Future[Any]:
        """`asking` is whom a refusal is noted of."""
        future = asyncio.ensure_future(self.gateway.execute(command))
        self._asked.append(_Asked(future, self.clock.at, asking))
        return future

    def refuse(self, asking: Asking, refusal: Refusal) -> None:
        """What a dialect refuses by itself."""
        self.gateway.refusals.note(asking, refusal.value)

    def next_id(self) -> int:
        """An id of the time that is shown, whatever has been told already."""
        self._made = (self._made + 1) % (MAX_SEQUENCE + 1)
        return compose_id(self.clock.at, 0, self._made)

    async def tell(self, stories: list[Story]) -> None:
        """What would happen after the end of the day is left for whoever runs the demo."""
        for story in stories:
            self.also(story)
        live_from = self.ends_at - WINDOW_MS
        while (at := self._next()) < self.ends_at:
            is_live = at >= live_from
            end_of_slot = (at // SLOT_MS + 1) * SLOT_MS
            until = min(end_of_slot, self.ends_at) if is_live else min(at + AHEAD_MS, live_from)
            while self._next() < until:
                await self._round(until)
            if is_live:
                self.clock.at = until - 1
                await self._live.report()
            else:
                self._tally.take()

    def also(self, story: Story) -> None:
        """One more, which begins by itself."""
        self._stories += 1
        self._go_on(self._stories, story)

    def _next(self) -> int:
        """When something happens next."""
        return self._upcoming[0][0] if self._upcoming else self.ends_at

    async def _round(self, until: int) -> None:
        """Go on with every story until it waits for an answer; then all wait together, since a commit takes time."""
        waiting = []
        while self._next() < until:
            at, number, story = heapq.heappop(self._upcoming)
            if number in self._waiting:
                waiting.append((at, number, story))
            else:
                self.clock.at = at
                self._go_on(number, story)
        await self._settle()
        for one in waiting:
            heapq.heappush(self._upcoming, one)

    def _go_on(self, number: int, story: Story) -> None:
        before = len(self._asked)
        following = next(story, 0)
        if len(self._asked) > before:
            # What is inserted in a batch is seen by commands of the next ones.
            self._waiting.add(number)
        if following:
            heapq.heappush(self._upcoming, (following, number, story))

    async def _settle(self) -> None:
        """Wait for what was asked, and note what was refused, at its time."""
        asked, self._asked = self._asked, []
        self._waiting.clear()
        results = await asyncio.gather(*(one.future for one in asked), return_exceptions=True)
        for one, result in zip(asked, results, strict=True):
            refusal = result.refusal if isinstance(result, Refused | Accepted) else None
            if isinstance(result, BaseException) and not isinstance(result, Refused):
                raise result
            if refusal is not None and one.asking is not None:
                self.clock.at = one.at
                self.gateway.refusals.note(one.asking, refusal.value)
        await self.gateway.refusals.save()


def was_accepted(future: asyncio.Future[Any]) -> bool:
    """Of one that its story has waited for."""
    return not future.exception() and future.result().refusal is None


def times(day: Day, random: Random) -> list[int]:
    """When the messages are asked for: as busy as the hours are, and some in the last minutes."""
    hours = [(day.begins_at + _VIETNAM_MS + hour * 3_600_000) // 3_600_000 % 24 for hour in range(24)]
    chosen = random.choices(range(24), [_BUSY[hour] for hour in hours], k=MESSAGES)
    spread = [day.begins_at + hour * 3_600_000 + random.randrange(3_600_000) for hour in chosen]
    return sorted(spread + [day.ends_at - random.randrange(WINDOW_MS) for _ in range(NEWEST)])


def top_ups(day: Day) -> Iterator[Story]:
    """The wallets that must be filled, before the day and, of the first, once more at noon."""
    filled = [customer for customer in CUSTOMERS if customer.top_up]
    for number, customer in enumerate(filled):
        yield _top_up(day, customer.name, customer.top_up, day.begins_at, "transfer 1")
        if not number:
            yield _top_up(day, customer.name, customer.top_up, day.begins_at + DAY_MS // 2, "transfer 2")


def _top_up(day: Day, account: str, amount: Minor, at: int, reference: str) -> Story:
    yield at
    day.do(TopUpWallet(id=day.next_id(), now=at, account=account, reference=reference, amount=amount))
