"""What carriers made of codes lately is read in the background, where a route goes by it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onema.administration.answers import Administration
from onema.administration.requests import ReadQuality, ReadRoutingLog
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, compose_id
from onema.domain.records import Attempt, AttemptState, Event
from onema.domain.statistics import (
    ALL,
    DAY_MS,
    FRESH_MS,
    HOUR_MS,
    Figures,
    MessagesAlike,
    Statistics,
    written,
)
from onema.domain.values.phone import Phone
from onema.engine.recent_results import RecentResults
from onema.testing.conformance.counting import sms
from onema.testing.conformance.storage import insert

from ...dialects.running_core import RunningCore

PHONE = Phone("+84901888484")


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[RunningCore]:
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(
        doc.Tariff(name="default"),
        doc.Account(name="acme"),
        doc.Carrier(name="north", type="handset"),
        doc.Route(channel="sms", carrier="north", by_result=True),
    )
    core.clock.advance(10 * HOUR_MS / 1000)
    yield core
    await core.stop()


async def keep(core: RunningCore, ago_ms: int, tried: int, verified: int) -> None:
    """An hour in which `north` was tried so often first."""
    start = (core.clock.now() - ago_ms) // HOUR_MS * HOUR_MS
    alike = MessagesAlike(
        account=ALL,
        channel="sms",
        template="",
        prefix="+84901",
        phone=PHONE,
        carrier="north",
        network="",
        first_carrier="north",
        messages=tried,
        unsettled=0,
        sent=tried,
        delivered=tried,
        codes=tried,
        verified=verified,
        charged=0,
        code_charged=0,
        tried=tried,
        tried_codes=tried,
        tried_verified=verified,
        told=tried,
        arrived=tried,
        within=(0, tried, tried, tried, tried, tried, tried),
    )
    figures = Figures()
    figures.count(alike, "MobiFone")
    row = Statistics(ALL, HOUR_MS, start, 0, 0, True, 2**62, written({"VND": figures}))
    await insert(core.storage, row, batch=start)


async def share(core: RunningCore) -> float:
    recent = RecentResults(core.gateway, core.storage)
    await recent.refresh()
    assert recent.results is not None
    return recent.results.expected("sms", "north", "MobiFone", "+84901")[0]


async def test_what_was_counted_is_what_is_believed(core: RunningCore) -> None:
    """Of hours that are over; in the one under way many codes are still to be typed in."""
    await keep(core, HOUR_MS + FRESH_MS, 1_000, 800)
    await keep(core, 0, 1_000, 0)
    assert await share(core) == pytest.approx(0.8, abs=0.01)


async def test_a_carrier_can_show_that_it_has_changed(core: RunningCore) -> None:
    """What is older counts less, by half for each day; what is older than a week not at all."""
    await keep(core, 8 * DAY_MS, 100_000, 0)
    await keep(core, 3 * DAY_MS, 1_000, 200)
    await keep(core, 2 * HOUR_MS, 1_000, 800)
    assert 0.7 < await share(core) < 0.78


async def test_nothing_is_read_where_no_route_goes_by_result(core: RunningCore) -> None:
    """As in every installation that does not ask for it."""
    await keep(core, 2 * HOUR_MS, 1_000, 800)
    await core.configure(doc.Route(channel="sms", carrier="north"))
    core.storage.is_unreadable = True
    recent = RecentResults(core.gateway, core.storage)
    await recent.refresh()
    assert recent.results is None


async def test_operators_read_the_quality_of_carriers(core: RunningCore) -> None:
    """Added up, by operator and by prefix."""
    await keep(core, 2 * HOUR_MS, 100, 80)
    await keep(core, 3 * HOUR_MS, 100, 60)
    administration = Administration(core.gateway, core.storage)
    (line,) = await administration.answer(ReadQuality())
    assert (line.carrier, line.operator, line.tried, line.tried_verified) == ("north", "", 200, 140)
    assert line.half_within == 5
    (line,) = await administration.answer(ReadQuality(by="prefix"))
    assert (line.operator, line.prefix) == ("MobiFone", "+84901")


async def test_the_log_of_first_attempts_names_no_number(core: RunningCore) -> None:
    """Its operator and its first digits are enough to replay what was chosen."""
    account = AccountId(core.account("acme").id)
    number = MessageId(compose_id(core.clock.now(), 1, 1))
    message = sms(1, account=account, id=number, phone=PHONE, verification=number)
    why = "route +, priority 0, weight 1 of 2"
    first = Attempt(account, number, 1, "north", "", AttemptState.DELIVERED, "", "", 1, 2, why=why)
    await insert(core.storage, message, first, Event(account, number, number + 1, "verified", ""))
    administration = Administration(core.gateway, core.storage)
    (one,) = await administration.answer(ReadRoutingLog(account="acme", first=0, before=2**62))
    assert (one.operator, one.prefix, one.carrier, one.why) == ("MobiFone", "+84901", "north", why)
    assert one.verified
    assert PHONE[6:] not in repr(one)
