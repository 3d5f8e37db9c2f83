import asyncio

import msgspec

from onema.delivery.sweeper import Sweeper
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import InboxItem, JobKind, LiveVerification
from onema.domain.values.phone import Phone
from onema.testing.conformance.storage import insert, job, message
from onema.testing.memory_storage import MemoryStorage

from .conftest import ACCOUNT, DEADLINE_SECONDS, DeliveryRig

DAY_SECONDS = 86_400


class KeptStorage(MemoryStorage):
    """Tells of its upkeep, and for which moment each part was."""

    def __init__(self) -> None:
        super().__init__()
        self.upkeep: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def maintain(self, now: int) -> None:
        self.upkeep.put_nowait(("made ready for", now))

    async def drop_older_than(self, moment: int, limit: int) -> int:
        self.upkeep.put_nowait(("forgot until", moment))
        return 0


async def test_expired_codes_are_forgotten(rig: DeliveryRig) -> None:
    """The table of live things stays small whatever people do not check."""
    await rig.configure()
    await rig.send()
    key = (LiveVerification, ACCOUNT, "+84901888484", "code")
    sweeper = Sweeper(
        rig.committer, rig.storage, rig.clock, keep_inbox=10, keep_inbox_ms=1_000, keep_messages_ms=60_000
    )
    assert await sweeper.sweep() == 0
    assert key in await rig.storage.read([key])
    rig.clock.advance(300)
    assert await sweeper.sweep() == 1
    assert await rig.storage.read([key]) == {}


async def test_the_inbox_forgets_by_age_and_number(rig: DeliveryRig) -> None:
    """What is older than it may be goes, and what is more than it may be."""
    items = [
        InboxItem(MessageId(first_id_at(rig.clock.now()) + n), Phone("+84901888484"), "sms", "s", b"c")
        for n in range(5)
    ]
    await rig.storage.begin([])
    await rig.storage.commit(1, {}, items)
    sweeper = Sweeper(
        rig.committer, rig.storage, rig.clock, keep_inbox=3, keep_inbox_ms=1_000, keep_messages_ms=60_000
    )
    assert await sweeper.trim_inbox() == 2
    rig.clock.advance(2)
    assert await sweeper.trim_inbox() == 3


async def test_old_messages_are_forgotten_a_little_at_a_time(rig: DeliveryRig) -> None:
    """After their days they go; the wallet's balance stays the sum of its ledger."""
    await rig.configure()
    identifier = await rig.send()
    balance = await rig.balance()
    sweeper = Sweeper(
        rig.committer, rig.storage, rig.clock, keep_inbox=3, keep_inbox_ms=1_000, keep_messages_ms=60_000
    )
    assert await sweeper.drop_old() == 0
    rig.clock.advance(61)
    assert await sweeper.drop_old() > 0
    assert await rig.storage.read_story(AccountId(ACCOUNT), MessageId(identifier)) is None
    assert await rig.storage.ledger_sum(AccountId(ACCOUNT)) == balance != 0


async def test_upkeep_comes_with_the_rounds(rig: DeliveryRig) -> None:
    """Every so many rounds the store makes room for what comes, and forgets what has been kept long enough."""
    storage, now = KeptStorage(), rig.clock.now()
    sweeper = Sweeper(
        rig.committer,
        storage,
        rig.clock,
        keep_inbox=3,
        keep_inbox_ms=1_000,
        keep_messages_ms=60_000,
        every_seconds=0,
    )
    await sweeper.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        upkeep = [await storage.upkeep.get() for _ in range(2)]
    await sweeper.stop()
    assert upkeep == [("made ready for", now), ("forgot until", now - 60_000)]


async def test_jobs_that_a_clock_ahead_leased_are_due_once_the_clock_is_right(rig: DeliveryRig) -> None:
    """Their worker died: until a day that has yet to come the code was not sent, and its money held."""
    await rig.configure()
    rig.clock.set_by(400 * DAY_SECONDS)
    await rig.send()
    sweeper = Sweeper(
        rig.committer,
        rig.storage,
        rig.clock,
        keep_inbox=3,
        keep_inbox_ms=1_000,
        keep_messages_ms=60_000,
        receipt_lifetime_ms=3 * DAY_SECONDS * 1000,
        steady=rig.clock.steady,
    )
    assert await sweeper.look_at_the_clock() == 0
    rig.clock.set_by(-400 * DAY_SECONDS)
    assert await rig.storage.lease_jobs(rig.clock.now(), rig.clock.now() + 1_000, 10) == []
    assert await sweeper.look_at_the_clock() == 1
    (due,) = await rig.storage.lease_jobs(rig.clock.now(), rig.clock.now() + 1_000, 10)
    assert due.kind == JobKind.SMS
    rig.clock.advance(10)
    assert await sweeper.look_at_the_clock() == 0


async def test_a_message_goes_on_waiting_for_its_receipt(rig: DeliveryRig) -> None:
    """For days, whenever a process starts: nothing of that was written by a clock ahead."""
    waits = job(1, rig.clock.now() + 3 * DAY_SECONDS * 1000, JobKind.SETTLE)
    await insert(rig.storage, waits)
    sweeper = Sweeper(
        rig.committer,
        rig.storage,
        rig.clock,
        keep_inbox=3,
        keep_inbox_ms=1_000,
        keep_messages_ms=60_000,
        receipt_lifetime_ms=3 * DAY_SECONDS * 1000,
    )
    assert await sweeper.look_at_the_clock() == 0


async def test_an_account_may_keep_its_messages_for_a_shorter_time_than_the_others(rig: DeliveryRig) -> None:
    """What has ended goes after its own days; where it says nothing, or more, the others' time holds."""
    week = 7 * DAY_SECONDS
    await rig.configure()
    identifier = MessageId(first_id_at(rig.clock.now()))
    ended = msgspec.structs.replace(message(identifier), account=ACCOUNT, ended_at=rig.clock.now())
    await insert(rig.storage, ended)
    sweeper = Sweeper(
        rig.committer, rig.storage, rig.clock, keep_inbox=1, keep_inbox_ms=1, keep_messages_ms=8 * week * 1000
    )
    rig.clock.advance(week)
    for days, seconds, gone in ((0, 1, 0), (60, 0, 0), (7, 0, 1), (7, 0, 0)):
        await rig.configure(more=(doc.Account(name="acme", wallet="postpaid", windows=(), keep_days=days),))
        rig.clock.advance(seconds)
        assert await sweeper.forget_of_accounts() == gone
    assert await rig.storage.read_story(ACCOUNT, identifier) is None
