"""Fills a demo's data with a day of traffic, once."""

from contextlib import AsyncExitStack
from random import Random
from typing import NamedTuple

from onema.administration.data_folder import DataFolderError
from onema.administration.requests import PutDocuments
from onema.delivery.finding_reports import FindingReports
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_receipt import NOBODY, RecordReceipt
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking
from onema.settings import Settings
from onema.storage.contract import StorageError
from onema.telemetry.metrics import Metrics
from onema.wiring.core import counting, data_folder, open_core
from onema.wiring.demo import CannotPrepare
from onema.wiring.synthetic.customers import CUSTOMERS, documents
from onema.wiring.synthetic.day import DAY_MS, NEWEST, Day, DayClock, Story, times, top_ups
from onema.wiring.synthetic.messages import Messages

_STRANGERS = 25
"""Requests of a day with keys that nobody has."""

_OF_NOBODY = 3
"""Receipts of messages that onema knows nothing of."""


class Filled(NamedTuple):
    """How many messages were asked for; 0 where the day was there already."""

    messages: int
    seed: int


async def fill(settings: Settings, seed: int, ends_at: int) -> Filled:
    """The day before `ends_at` (Unix ms). Raises CannotPrepare."""
    try:
        return await _fill(settings, seed, ends_at)
    except (DataFolderError, Refused, StorageError) as error:
        raise CannotPrepare(str(error)) from error


async def _fill(settings: Settings, seed: int, ends_at: int) -> Filled:
    clock = DayClock(ends_at - DAY_MS)
    metrics = Metrics()
    with data_folder(settings) as folder:
        async with AsyncExitStack() as stack:
            core = await open_core(settings, stack, folder, clock=clock, observer=metrics)
            if CUSTOMERS[0].name in core.gateway.directory.account_named:
                return Filled(0, seed)
            await core.administration.answer(PutDocuments(documents=documents()))
            day, random = Day(core.gateway, clock, ends_at, metrics.live), Random(seed)  # noqa: S311  # a demo's numbers
            messages = Messages(day, random)
            asked = times(day, random)
            customers = random.choices(CUSTOMERS, [one.share for one in CUSTOMERS], k=len(asked))
            stories: list[Story] = [
                messages.story(customer, at, shown=number >= len(asked) - NEWEST)
                for number, (at, customer) in enumerate(zip(asked, customers, strict=True))
            ]
            strangers = [day.begins_at + random.randrange(DAY_MS) for _ in range(_STRANGERS)]
            stories += [_stranger(day, at, random) for at in (*strangers, ends_at - 60_000, ends_at - 20_000)]
            stories += [*top_ups(day), *(_receipt_of_nobody(day, random) for _ in range(_OF_NOBODY))]
            await day.tell(stories)
            clock.at = ends_at
            await FindingReports(core.gateway, metrics.findings).report()
            await counting(settings, core).count()
    return Filled(len(asked), seed)


def _stranger(day: Day, at: int, random: Random) -> Story:
    """Somebody tries keys."""
    yield at
    asking = Asking(random.choice(("esms", "native", "ytx")), f"198.51.100.{random.randrange(200, 255)}")
    day.refuse(asking, Refusal.CREDENTIAL_UNKNOWN)


def _receipt_of_nobody(day: Day, random: Random) -> Story:
    """A gateway that two systems share tells both."""
    at = day.ends_at - random.randrange(DAY_MS // 2)
    yield at
    day.do(
        RecordReceipt(
            id=day.next_id(),
            now=at,
            carrier="north",
            reference=f"{random.randrange(16**8):08x}",
            named=NOBODY,
            outcome=Outcome(kind=OutcomeKind.DELIVERED),
            forget_at=at + DAY_MS,
        )
    )
