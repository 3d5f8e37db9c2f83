"""Hours of messages are counted once they are due, by one process at a time, and added up to days."""

import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from onema.administration.statistics import read_statistics
from onema.administration.statistics_requests import By, FoundStatistics, ReadStatistics
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, compose_id, first_id_at, time_of_id
from onema.domain.records import Attempt, AttemptState, Channel, Event, Key, Message, MessageState, Row
from onema.domain.statistics import (
    ALL,
    DAY_MS,
    FRESH_MS,
    HOUR_MS,
    SETTLED_AFTER_MS,
    MessagesAlike,
    Statistics,
)
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine import counting
from onema.engine.counting import PAUSE_MS, Counting
from onema.storage.contract import Unavailable
from onema.testing.conformance.storage import insert, message

from ...dialects.running_core import RunningCore

RECEIPTS_MS = 2 * DAY_MS
KEPT_MS = 90 * DAY_MS


class Office:
    """A core with two accounts, and what counts their messages."""

    def __init__(self, core: RunningCore) -> None:
        self.core = core
        self.counting = self.another()
        self.looked_at: list[Sequence[AccountId]] = []
        """The accounts of each look at messages."""
        self.spans: list[tuple[int, int]] = []
        """Between which ids each looked."""
        self.time_for: float = math.inf
        """So many messages are all that the store counts in time."""
        count = core.storage.count_messages

        async def count_messages(
            accounts: Sequence[AccountId], first: int, before: int, now: int
        ) -> Sequence[MessagesAlike]:
            self.looked_at.append(accounts)
            self.spans.append((first, before))
            found = await count(accounts, first, before, now)
            if sum(one.messages for one in found) > self.time_for:
                raise Unavailable("the store cannot be used: TimeoutError")
            return found

        core.storage.count_messages = count_messages  # type: ignore[method-assign]  # it listens

    def another(self) -> Counting:
        return Counting(
            self.core.gateway,
            self.core.storage,
            receipt_lifetime_ms=RECEIPTS_MS,
            keep_messages_ms=KEPT_MS,
            keep_statistics_ms=800 * DAY_MS,
        )

    @property
    def now(self) -> int:
        return self.core.clock.now()

    def pass_time(self, milliseconds: int) -> None:
        self.core.clock.advance(milliseconds / 1000)

    async def sent(self, at: int, account: str = "acme", **changes: object) -> Message:
        """A code that arrived, and was typed in unless the `verified` is False."""
        verified = changes.pop("verified", True)
        of = AccountId(self.core.account(account).id)
        identifier = MessageId(compose_id(at, 1, self.core.gateway.next_id() % 4096))
        row = replace(
            message(identifier, of),
            channel=Channel.SMS,
            phone=Phone("+84901888484"),
            state=MessageState.DELIVERED,
            reason="",
            verification=identifier,
            code_expires_at=at,
            ended_at=at + 3_000,
            charged=Minor(8_500_000),
        )
        row = replace(row, **changes)
        tried = Attempt(of, row.id, 1, "north", "", AttemptState.DELIVERED, "", "", at, at + 3_000)
        rows: list[Row] = [row, tried]
        if verified:
            rows.append(Event(of, row.id, row.id + 1, "verified", ""))
        await insert(self.core.storage, *rows, batch=row.id)
        return row

    async def told(self, account: str = "", by: By = "", days: int = 1, until: int = 0) -> FoundStatistics:
        end = until or self.now
        request = ReadStatistics(account=account, since=end - days * DAY_MS, until=end, by=by)
        return await read_statistics(self.core.gateway, self.core.storage, request)

    async def row(self, span: int, start: int, account: int = ALL) -> Statistics | None:
        key: Key = (Statistics, account, span, start)
        found = (await self.core.storage.read([key])).get(key)
        return found if isinstance(found, Statistics) else None


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(
        doc.Tariff(name="default"),
        doc.Account(name="acme", wallet="postpaid"),
        doc.Account(name="rival", wallet="postpaid", currency="USD"),
    )
    # A minute of an hour, far from the end of a day.
    core.clock.advance((DAY_MS + 10 * HOUR_MS + 60_000 - core.clock.now() % DAY_MS) / 1000)
    yield Office(core)
    await core.stop()


async def test_an_account_s_messages_are_counted_with_what_they_cost(office: Office) -> None:
    """Also of the hour that is under way; a verified number costs what all messages with codes did."""
    for number in range(4):
        await office.sent(office.now - number * HOUR_MS, verified=number != 0)
    await office.sent(office.now, "rival", charged=Minor(5))
    await office.counting.count()
    (ours,) = (await office.told("acme")).currencies
    assert (ours.currency, ours.total.messages, ours.total.delivered) == ("VND", 4, 4)
    assert (ours.total.codes, ours.total.verified, ours.total.charged) == (4, 3, 34_000_000)
    assert ours.total.per_verified == 11_333_333
    everybody = await office.told()
    assert {one.currency: one.total.messages for one in everybody.currencies} == {"VND": 4, "USD": 1}
    assert everybody.counted_at == office.now


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("channel", "sms"),
        ("carrier", "north"),
        ("operator", "MobiFone"),
        ("country", "VN"),
        ("prefix", "+84901"),
        ("template", "text 2"),
    ],
)
async def test_they_are_told_by_what_they_have_in_common(office: Office, by: By, value: str) -> None:
    """No more of a number than its first digits."""
    await office.sent(office.now, template="text 2")
    await office.counting.count()
    (found,) = (await office.told("acme", by)).currencies
    assert [(line.value, line.messages) for line in found.lines] == [(value, 1)]


async def test_hours_and_days_are_told_in_order(office: Office) -> None:
    """For charts."""
    for ago in (0, 1, 1, 26):
        await office.sent(office.now - ago * HOUR_MS)
    await office.counting.count()
    hours = (await office.told("acme", "hour", days=2)).currencies[0].lines
    assert [line.messages for line in hours] == [1, 2, 1]
    assert [line.value[11:] for line in hours] == ["08:00:00.000Z", "09:00:00.000Z", "10:00:00.000Z"]
    days = (await office.told("acme", "day", days=2)).currencies[0].lines
    assert [line.messages for line in days] == [1, 3]


async def test_two_processes_do_not_count_the_same_hour(office: Office) -> None:
    """Who comes a moment later finds that it is claimed; after a while somebody counts it anew, also when that one
    has died.
    """
    await office.sent(office.now)
    await office.counting.count()
    other = office.another()
    await other.count()
    looks = len(office.looked_at)
    await other.count()
    assert len(office.looked_at) == looks
    office.pass_time(PAUSE_MS)
    await other.count()
    assert len(office.looked_at) > looks


async def test_an_hour_is_counted_again_while_it_may_change_and_then_no_more(office: Office) -> None:
    """A receipt may come late, and a message of the hour's end may be on its way into the store."""
    hour = office.now - 60_000
    await office.sent(hour)
    waiting = await office.sent(hour, "rival", state=MessageState.SENT, ended_at=0)
    office.pass_time(HOUR_MS + FRESH_MS)
    await office.counting.count()
    ours, theirs, every = [
        await office.row(HOUR_MS, hour, account)
        for account in (office.core.account("acme").id, waiting.account, ALL)
    ]
    assert ours
    assert theirs
    assert every
    assert (ours.settled, theirs.settled, every.settled) == (True, False, False)
    arrived = replace(waiting, state=MessageState.DELIVERED, ended_at=office.now)
    await office.core.storage.begin([waiting.key])
    await office.core.storage.commit(1, {arrived.key: arrived}, ())
    office.pass_time(2 * FRESH_MS)
    office.looked_at.clear()
    await office.counting.count()
    assert [waiting.account] in office.looked_at
    assert (await office.told("rival")).currencies[0].total.delivered == 1
    settled = await office.row(HOUR_MS, hour)
    assert settled
    assert settled.settled


async def test_what_never_ends_is_settled_in_the_end(office: Office) -> None:
    """After the last receipt that anybody waits for."""
    hour = office.now - 60_000
    await office.sent(hour, state=MessageState.SENT, ended_at=0)
    office.pass_time(HOUR_MS + RECEIPTS_MS + SETTLED_AFTER_MS)
    await office.counting.count()
    row = await office.row(HOUR_MS, hour)
    assert row
    assert row.settled


async def test_settled_hours_become_a_day(office: Office) -> None:
    """The same figures from one row; and statistics outlive messages and hours."""
    yesterday = office.now - DAY_MS
    await office.sent(yesterday)
    await office.sent(yesterday + HOUR_MS)
    await office.sent(office.now)
    await office.counting.count()
    before = await office.told("acme", "carrier", days=3)
    day = yesterday - yesterday % DAY_MS
    assert (await office.row(DAY_MS, day, office.core.account("acme").id)) is not None
    assert before.currencies[0].total.messages == 3
    office.pass_time(50 * DAY_MS)
    await office.core.storage.sweep(office.now, 10_000)
    assert await office.row(HOUR_MS, yesterday - 60_000) is None
    later = await office.told("acme", days=60)
    assert later.currencies[0].total.messages == 2


async def test_what_was_sent_before_anybody_counted_is_counted_little_by_little(office: Office) -> None:
    """After an upgrade, as far back as messages are kept, an hour a round."""
    for days in (10, 20, 80, 95):
        await office.sent(office.now - days * DAY_MS)
    for _ in range(3):
        await office.counting.count()
    assert not await office.counting.count_earlier(1)
    found = await office.told("acme", "day", days=100)
    assert [line.messages for line in found.currencies[0].lines] == [1, 1, 1]
    other = office.another()
    await other.count()
    looks = len(office.looked_at)
    assert not await other.count_earlier(1)
    assert len(office.looked_at) == looks


async def test_a_busy_hour_is_counted_in_slices(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of which keeps a snapshot of the store for long; together they are the whole hour."""
    monkeypatch.setattr(counting, "MESSAGES_AT_ONCE", 10)
    hour = office.now - 60_000 - HOUR_MS
    for minute in range(60):
        await office.sent(hour + minute * 60_000)
    await office.counting.count()
    (told,) = (await office.told("acme", "hour")).currencies[0].lines
    assert told.messages == 60
    slices = [
        (first, before)
        for first, before in office.spans
        if first_id_at(hour) <= first < first_id_at(hour + HOUR_MS)
    ]
    assert len(slices) > 5


async def test_a_burst_after_silence_is_counted_though_the_store_has_no_time_for_all_of_it(
    office: Office,
) -> None:
    """In smaller slices: before it is counted nobody knows how much it is. An outage is none the less one."""
    hour = office.now - 60_000 - HOUR_MS
    for second in range(20):
        await office.sent(hour + 40 * 60_000 + second * 1_000)
    office.time_for = 10
    await office.counting.count()
    (told,) = (await office.told("acme", "hour")).currencies[0].lines
    assert told.messages == 20
    office.time_for = -1
    office.pass_time(2 * PAUSE_MS)
    with pytest.raises(Unavailable):
        await office.another().count()


async def test_how_far_back_messages_reach_is_found_without_counting_them(office: Office) -> None:
    """After an upgrade there may be more of them than a store counts in one go."""
    await office.sent(office.now - 80 * DAY_MS)
    await office.counting.count()
    spans = [(time_of_id(first), time_of_id(before)) for first, before in office.spans]
    assert spans
    assert max(before - first for first, before in spans) <= HOUR_MS


async def test_a_year_is_read_by_its_days(office: Office) -> None:
    """Hours of long ago are not kept, and nobody looks for thousands of them."""
    await office.sent(office.now)
    await office.counting.count()
    asked = 0
    read = office.core.storage.read

    async def counted(keys: Sequence[Key]) -> dict[Key, Row]:
        nonlocal asked
        asked += len(keys)
        return await read(keys)

    office.core.storage.read = counted  # type: ignore[method-assign]  # it only listens
    assert (await office.told(days=365)).currencies[0].total.messages == 1
    assert asked < 365 + 41 * 24 + 5
