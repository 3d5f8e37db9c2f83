"""A process dies with calls up, or a phone is called again by rule: who is called, and what is paid for."""

import pytest

from onema.channels.contract import CallEvent
from onema.delivery.call_events import CallEventRecorder
from onema.domain.codes.check_code import CheckCode
from onema.domain.codes.start_verification import NewCode
from onema.domain.configuration import documents as doc
from onema.domain.delivery.call import LATE_WORD_MS, CallState
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.records import MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import ACCOUNT, LEASE_MS, DeliveryRig

PERIOD_PRICE = 4_000_000
"""Of a started minute."""


async def die_while_calling(
    rig: DeliveryRig, carrier: RecordingCarrier, *states: CallState, seconds: float = 0.0
) -> int:
    """A call that came so far, and of which nothing was heard any more; its job's lease has run out."""
    await rig.configure(carrier)
    carrier.gate.clear()
    dispatcher = await rig.start(carrier)
    identifier = await rig.call()
    await carrier.was_handed(1)
    record = CallEventRecorder(rig.gateway, {})
    attempt = carrier.sent[0]
    for state in states:
        now = rig.clock.now()
        record(CallEvent(carrier.name, ACCOUNT, attempt.message, attempt.attempt, state, now))
    if seconds:
        rig.clock.advance(seconds)
        pressed = CallEvent(
            carrier.name, ACCOUNT, attempt.message, 1, CallState.ANSWERED, rig.clock.now(), keys="1"
        )
        record(pressed)
    await rig.settled()
    for task in dispatcher.tasks:
        task.cancel()
    await dispatcher.stop(0)
    rig.clock.advance(LEASE_MS * 3 / 1000)
    return identifier


async def taken_over(rig: DeliveryRig, identifier: int, alive: RecordingCarrier) -> None:
    await rig.start(alive)
    await rig.reaches(identifier, MessageState.UNKNOWN)
    rig.clock.advance(LATE_WORD_MS / 1000)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)


@pytest.mark.parametrize("idempotent", [False, True])
async def test_an_answered_call_of_a_dead_process_is_paid_for_as_far_as_it_was_heard_of(
    rig: DeliveryRig, idempotent: bool
) -> None:
    """A key came after 70 seconds, so two minutes had begun. Nobody calls again, not even who could do it safely."""
    dead = RecordingCarrier("first", idempotent=idempotent)
    alive = RecordingCarrier("first", idempotent=idempotent)
    identifier = await die_while_calling(rig, dead, CallState.RINGING, CallState.ANSWERED, seconds=70.0)
    await taken_over(rig, identifier, alive)
    message = await rig.message(identifier)
    assert (message.ending, message.talked_ms) == (Ending.CUT_OFF, 70_000)
    assert message.charged == min(2 * PERIOD_PRICE, message.price)
    assert await rig.balance() == -message.charged
    assert alive.sent == []


async def test_a_call_of_a_dead_process_that_rang_costs_nothing_and_rings_no_more(rig: DeliveryRig) -> None:
    """The phone rang, and nobody answered as far as anybody knows."""
    dead, alive = RecordingCarrier("first", idempotent=True), RecordingCarrier("first", idempotent=True)
    identifier = await die_while_calling(rig, dead, CallState.RINGING)
    await taken_over(rig, identifier, alive)
    assert (await rig.balance(), alive.sent) == (0, [])
    (call,) = (await rig.story(identifier)).calls
    assert (call.state, call.ending, call.talk_ms) == (CallState.ENDED, Ending.CUT_OFF, 0)


async def test_a_call_of_a_dead_process_that_had_not_rung_yet_is_not_dialled_again(rig: DeliveryRig) -> None:
    """Its carrier may have been about to ring."""
    dead, alive = RecordingCarrier("first"), RecordingCarrier("first")
    identifier = await die_while_calling(rig, dead, CallState.CALLING)
    await taken_over(rig, identifier, alive)
    assert (await rig.balance(), alive.sent) == (0, [])


async def test_an_idempotent_carrier_places_a_call_that_had_not_rung(rig: DeliveryRig) -> None:
    """It does nothing twice, and nobody has heard anything yet."""
    dead, alive = RecordingCarrier("first", idempotent=True), RecordingCarrier("first", idempotent=True)
    identifier = await die_while_calling(rig, dead, CallState.CALLING)
    await rig.start(alive)
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert [outgoing.attempt for outgoing in alive.sent] == [1]


async def test_a_call_that_nobody_knows_the_end_of_holds_no_money_for_long(rig: DeliveryRig) -> None:
    """Its carrier does not know either, and no receipt will tell: the integrator hears within a minute."""
    carrier = RecordingCarrier("first", Outcome(kind=OutcomeKind.UNKNOWN, reason="its engine died"))
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.call()
    await rig.reaches(identifier, MessageState.UNKNOWN)
    rig.clock.advance(LATE_WORD_MS / 1000)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert await rig.balance() == 0


async def test_a_call_is_placed_again_after_its_delay(rig: DeliveryRig) -> None:
    """By the rule of its application; the story has both calls."""
    carrier = RecordingCarrier("first", ended(Ending.BUSY), ended(Ending.ANSWERED, seconds=20.0))
    await rig.configure(carrier, more=[doc.Application(account="acme", name="app", recall_after=("busy",))])
    await rig.start(carrier)
    identifier = await rig.call()
    await carrier.was_handed(1)
    while not (await rig.story(identifier)).calls:
        await rig.settled()
    rig.clock.advance(59)
    await rig.settled()
    assert len(carrier.sent) == 1
    rig.clock.advance(1)
    message = await rig.reaches(identifier, MessageState.DELIVERED)
    story = await rig.story(identifier)
    assert [call.ending for call in story.calls] == [Ending.BUSY, Ending.ANSWERED]
    first, second = carrier.sent
    assert first.payload == second.payload
    assert message.charged == PERIOD_PRICE == -await rig.balance()


async def test_a_code_that_was_used_meanwhile_is_not_called_with_again(rig: DeliveryRig) -> None:
    """Its person has it: nothing rings, and what was talked is paid for."""
    carrier = RecordingCarrier("first", ended(Ending.VOICEMAIL, seconds=20.0))
    rule = doc.Application(account="acme", name="app", recall_after=("voicemail",))
    await rig.configure(carrier, more=[rule])
    await rig.start(carrier)
    identifier = await rig.call(NewCode("0123456789", 6, 300_000))
    while not (await rig.story(identifier)).calls:
        await rig.settled()
    payload = carrier.sent[0].payload
    assert isinstance(payload, CallPayload)
    checked = CheckCode(
        account=ACCOUNT,
        id=rig.gateway.next_id(),
        now=rig.clock.now(),
        phone=payload.phone,
        code=payload.code,
    )
    await rig.gateway.execute(checked)
    rig.clock.advance(60)
    message = await rig.reaches(identifier, MessageState.UNDELIVERED)
    assert (len(carrier.sent), message.charged) == (1, PERIOD_PRICE)


async def test_a_call_again_is_one_more_of_its_hotline(rig: DeliveryRig) -> None:
    """Whose cap holds for all: with none left the phone is called no more."""
    carrier = RecordingCarrier("first", *[ended(Ending.BUSY)] * 3)
    await rig.configure(
        carrier,
        more=[
            doc.HotlinePool(name="pool"),
            doc.Hotline(pool="pool", number="+842471000001", daily_cap=2),
            doc.Application(
                account="acme",
                name="app",
                pool="pool",
                recall_after=("busy",),
                recall_times=5,
                recall_delay=5,
            ),
        ],
    )
    await rig.start(carrier)
    identifier = await rig.call()
    for count in (1, 2):
        await carrier.was_handed(count)
        while len((await rig.story(identifier)).calls) < count:
            await rig.settled()
        rig.clock.advance(5)
    message = await rig.reaches(identifier, MessageState.UNDELIVERED)
    assert (message.reason, message.ending) == ("its hotline has no call left today", Ending.BUSY)
    assert {one.payload.caller for one in carrier.sent if isinstance(one.payload, CallPayload)} == {
        "+842471000001"
    }
    assert len(carrier.sent) == 2


async def test_trying_the_next_trunk_is_no_further_call_of_its_hotline(rig: DeliveryRig) -> None:
    """No phone rang before."""
    first, second = RecordingCarrier("first", ended(Ending.CARRIER_DOWN)), RecordingCarrier("second")
    await rig.configure(
        first,
        second,
        more=[
            doc.HotlinePool(name="pool"),
            doc.Hotline(pool="pool", number="+842471000001", daily_cap=1),
            doc.Application(account="acme", name="app", pool="pool"),
        ],
    )
    await rig.start(first, second)
    identifier = await rig.call()
    await first.was_handed(1)
    while (await rig.story(identifier)).attempts[0].state != "temporary":
        await rig.settled()
    rig.clock.advance(10)
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert len(second.sent) == 1
