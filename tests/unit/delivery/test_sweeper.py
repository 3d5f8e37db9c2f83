from onema.delivery.sweeper import Sweeper
from onema.domain.ids import first_id_at
from onema.domain.records import InboxItem, LiveVerification

from .conftest import ACCOUNT, DeliveryRig


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
    items = [InboxItem(first_id_at(rig.clock.now()) + n, "+84901888484", "sms", "s", b"c") for n in range(5)]
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
    assert await rig.storage.read_story(ACCOUNT, identifier) is None
    assert await rig.storage.ledger_sum(ACCOUNT) == balance != 0
