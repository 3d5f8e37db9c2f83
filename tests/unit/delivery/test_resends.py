"""A code of which nothing is heard goes out by the next carrier."""

from onema.administration.story import moments
from onema.channels.contract import Receipt
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.records import JobKind, MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import LEASE_MS, LIFETIME_MS, PRICE, DeliveryRig

AFTER = 20
NO_RESENDS = frozenset(JobKind) - {JobKind.RESEND}


def submitted(reference: str) -> Outcome:
    return Outcome(kind=OutcomeKind.SUBMITTED, references=(reference,))


async def plan(rig: DeliveryRig, *carriers: RecordingCarrier, resends: int = 1) -> None:
    """Send again after a silence, as often as the account pays for."""
    account = doc.Account(name="acme", wallet="postpaid", windows=(), resends=resends)
    routes = (
        doc.Route(channel="sms", carrier=carrier.name, priority=priority, resend_after=AFTER)
        for priority, carrier in enumerate(carriers)
    )
    await rig.configure(*carriers, more=(account, *routes))


async def two(rig: DeliveryRig, resends: int = 1) -> tuple[RecordingCarrier, RecordingCarrier]:
    """Carriers that take what they are handed, with a plan for silence."""
    first = RecordingCarrier("first", *[submitted(f"a{number}") for number in range(9)])
    second = RecordingCarrier("second", *[submitted(f"b{number}") for number in range(9)])
    await plan(rig, first, second, resends=resends)
    return first, second


async def silence(rig: DeliveryRig, identifier: int) -> None:
    """The message was sent, and nothing is heard of it for too long."""
    await rig.reaches(identifier, MessageState.SENT)
    rig.clock.advance(AFTER + 1)


async def not_sent_again(rig: DeliveryRig, identifier: int) -> str:
    """Wait until nothing more is sent of it; why."""
    while (await rig.job(identifier)).kind != JobKind.SETTLE:
        await rig.settled()
    events = (await rig.story(identifier)).events
    return next((event.data for event in events if event.kind == "not sent again"), "")


async def test_after_the_silence_the_same_text_goes_out_by_the_next_carrier(rig: DeliveryRig) -> None:
    """Paid for once more; the story says why. A receipt of either ends the message."""
    first, second = await two(rig)
    await rig.start(first, second)
    identifier = await rig.send()
    await silence(rig, identifier)
    await second.was_handed(1)
    assert second.sent[0].payload == first.sent[0].payload
    assert await not_sent_again(rig, identifier) == ""
    attempts = (await rig.story(identifier)).attempts
    assert [(one.number, one.carrier) for one in attempts] == [(1, "first"), (2, "second")]
    assert attempts[1].why == "sent again: no receipt within 21 s via first; route +, priority 1"
    assert await rig.balance() == -2 * PRICE
    told = [(one.what, one.detail) for one in moments(await rig.story(identifier))]
    assert ("capture", "850 charged") in told
    assert ("resend 2", "-850") in told
    delivered = Outcome(kind=OutcomeKind.DELIVERED)
    assert await rig.hear(Receipt("second", "b0", delivered)) == "counted"
    assert await rig.hear(Receipt("first", "a0", delivered)) == "noted"
    message = await rig.message(identifier)
    assert (message.state, message.charged, message.resends) == (MessageState.DELIVERED, 2 * PRICE, 1)


async def test_without_the_accounts_consent_nothing_is_sent_twice(rig: DeliveryRig) -> None:
    """The route alone decides nothing: the account pays."""
    first, second = await two(rig, resends=0)
    await rig.start(first, second)
    identifier = await rig.send()
    await silence(rig, identifier)
    assert (await rig.job(identifier)).kind == JobKind.SETTLE
    rig.clock.advance(LIFETIME_MS / 1000)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert (second.sent, await rig.balance()) == ([], -PRICE)


async def test_where_there_is_no_other_carrier_receipts_are_waited_for(rig: DeliveryRig) -> None:
    """It never goes to the same one twice."""
    first = RecordingCarrier("first", submitted("a"))
    await plan(rig, first, resends=3)
    await rig.start(first)
    identifier = await rig.send()
    await silence(rig, identifier)
    assert await not_sent_again(rig, identifier) == "no other carrier takes this number"
    assert len(first.sent) == 1


async def test_it_waits_for_the_next_carrier_as_long_as_the_code_lives(rig: DeliveryRig) -> None:
    """And is sent when that is ready."""
    first, second = await two(rig)
    await rig.start(first, second)
    second.lose("the link is down")
    identifier = await rig.send()
    await silence(rig, identifier)
    await rig.was_left(identifier, "second")
    second.find()
    await second.was_handed(1)
    assert (await rig.story(identifier)).attempts[1].carrier == "second"


async def test_a_process_that_died_while_it_sent_again_may_have_sent_it(rig: DeliveryRig) -> None:
    """Nobody knows, so it is paid for and not sent by that carrier once more; both may still arrive."""
    first, second = await two(rig)
    dying = await rig.start(first, second)
    second.gate.clear()
    identifier = await rig.send()
    await silence(rig, identifier)
    await second.was_handed(1)
    for task in dying.tasks:
        task.cancel()
    await dying.stop(0)
    rig.clock.advance(LEASE_MS * 3 / 1000)
    await rig.start(first, RecordingCarrier("second"))
    await not_sent_again(rig, identifier)
    attempts = (await rig.story(identifier)).attempts
    assert [one.state for one in attempts] == ["submitted", "unknown"]
    assert (await rig.balance(), len(second.sent)) == (-2 * PRICE, 1)
    await rig.hear(Receipt("first", "a0", Outcome(kind=OutcomeKind.DELIVERED)))
    await rig.reaches(identifier, MessageState.DELIVERED)


async def test_a_process_that_sends_no_sms_ends_what_nobody_watches(rig: DeliveryRig) -> None:
    """So that a hold outlives no role; it sends nothing."""
    first, second = await two(rig)
    sender = await rig.start(first, second)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.SENT)
    await sender.stop(1)
    await rig.start(kinds=NO_RESENDS)
    rig.clock.advance(AFTER + 3_600)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert second.sent == []
