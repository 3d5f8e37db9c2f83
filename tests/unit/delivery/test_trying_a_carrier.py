"""An operator sends a text through exactly one carrier."""

import pytest

from onema.administration.answers import Administration
from onema.administration.requests import TestCall, TestCarrier
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, SmsPayload
from onema.domain.records import MessageState
from onema.domain.refusals import Refused
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig


def asked(carrier: str, **more: str) -> TestCarrier:
    return TestCarrier(carrier=carrier, phone="0901888484", text="Does it work?", seconds=30, **more)


async def test_it_goes_by_that_carrier_whatever_the_routes_say_and_costs_nothing(rig: DeliveryRig) -> None:
    """From the account's first brandname; its story is kept, and nobody is told."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    hook = doc.Account(name="acme", callback_url="https://example.test/")
    draining = doc.Carrier(name="second", type="test", draining=True)
    await rig.configure(first, second, more=(hook, draining))
    await rig.start(first, second)
    message = await Administration(rig.gateway, rig.storage).answer(asked("second"))
    await rig.reaches(message, MessageState.DELIVERED)
    (sent,) = second.sent
    assert isinstance(sent.payload, SmsPayload)
    told = (sent.payload.phone, sent.payload.sender, sent.payload.text)
    assert told == ("+84901888484", "Acme", "Does it work?")
    story = await rig.story(message)
    assert story.attempts[0].why == "an operator tries this carrier"
    assert (story.message.price, story.message.charged, story.ledger) == (0, 0, [])
    assert (first.sent, await rig.balance()) == ([], 0)


async def test_it_takes_no_other_way_and_waits_no_longer_than_it_was_asked_to(rig: DeliveryRig) -> None:
    """One that fails fails, and one that is not ready leaves it unsent."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    administration = Administration(rig.gateway, rig.storage)
    second.answers_with(Outcome(kind=OutcomeKind.PERMANENT, reason="bad sender"))
    message = await administration.answer(asked("second", sender="Shop"))
    assert (await rig.reaches(message, MessageState.FAILED)).reason == "bad sender"
    second.lose("the link is down")
    message = await administration.answer(asked("second"))
    await rig.was_left(message, "second")
    rig.clock.advance(31)
    await rig.reaches(message, MessageState.FAILED)
    assert first.sent == []


@pytest.mark.parametrize(
    ("carrier", "more", "why"),
    [
        ("nobody", {}, "There is no carrier"),
        ("first", {"account": "other"}, "There is no account"),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    rig: DeliveryRig, carrier: str, more: dict[str, str], why: str
) -> None:
    """And nothing is sent."""
    first = RecordingCarrier("first")
    await rig.configure(first)
    await rig.start(first)
    with pytest.raises(Refused, match=why):
        await Administration(rig.gateway, rig.storage).answer(asked(carrier, **more))
    assert first.sent == []


async def test_a_carrier_that_is_not_active_cannot_be_tried(rig: DeliveryRig) -> None:
    """It does not run."""
    first = RecordingCarrier("first")
    await rig.configure(first, more=(doc.Carrier(name="first", type="test", state="inactive"),))
    with pytest.raises(Refused, match="is not active"):
        await Administration(rig.gateway, rig.storage).answer(asked("first"))


async def test_a_call_goes_by_that_carrier_and_costs_nothing(rig: DeliveryRig) -> None:
    """With the code that was asked for, whatever the routes say; nobody is told, and it is not shown again."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    hook = doc.Account(name="acme", callback_url="https://example.test/")
    await rig.configure(first, second, more=(hook,))
    await rig.start(first, second)
    request = TestCall(
        carrier="second", phone="0901888484", code="407193", seconds=30, caller="+842473000000"
    )
    message = await Administration(rig.gateway, rig.storage).answer(request)
    await rig.reaches(message, MessageState.DELIVERED)
    (sent,) = second.sent
    assert isinstance(sent.payload, CallPayload)
    told = (
        sent.payload.phone,
        sent.payload.caller,
        sent.payload.code,
        sent.payload.voice,
        sent.payload.times,
    )
    assert told == ("+84901888484", "+842473000000", "407193", "vi-north", 1)
    story = await rig.story(message)
    assert (story.message.price, story.message.charged, story.ledger) == (0, 0, [])
    assert (first.sent, await rig.balance()) == ([], 0)
    assert "407193" not in repr(request)


async def test_a_call_by_nobody_is_refused(rig: DeliveryRig) -> None:
    """As a text is."""
    first = RecordingCarrier("first")
    await rig.configure(first)
    await rig.start(first)
    request = TestCall(carrier="nobody", phone="0901888484", code="1", seconds=30)
    with pytest.raises(Refused, match="There is no carrier"):
        await Administration(rig.gateway, rig.storage).answer(request)
