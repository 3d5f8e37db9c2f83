"""What becomes of a call when a trunk says no: the next carrier, the breaker, the pace, the money."""

from typing import Any

import pytest

from onema.channels.voice_sip.line import CallEnded, How, Reason
from onema.channels.voice_sip.outcomes import outcome_of
from onema.domain.delivery.breaker import FAILURES_TO_OPEN, BreakerState
from onema.domain.delivery.outcome import Ending, Outcome
from onema.domain.records import MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig


def refused(status: int, *reasons: Reason, phrase: str = "", **more: Any) -> Outcome:
    return outcome_of(
        CallEnded(call=1, how=How.REFUSED, status=status, phrase=phrase, reasons=reasons, **more)
    )


BEFORE_RINGING = {
    "a trunk that is down": refused(503),
    "a trunk that says nothing": outcome_of(CallEnded(call=1, how=How.SILENCE)),
    "a fraud block": refused(603, headers=(("X-Twilio-Error", "32203"),)),
    "our own limit": refused(503, phrase="cps limit exceeded"),
    "no circuit": refused(503, Reason("q.850", 34)),
}
PERSON_OR_NUMBER = {
    "busy": refused(486),
    "declined": refused(603),
    "no such number": refused(404),
    "switched off": refused(480, Reason("q.850", 20)),
}
RANG = {
    "no answer": outcome_of(CallEnded(call=1, how=How.NO_ANSWER, status=487, rang=True)),
    "a trunk that died while it rang": refused(503, rang=True),
    "a trunk that was lost while it rang": outcome_of(CallEnded(call=1, how=How.SILENCE, rang=True)),
    "a limit after ringing": refused(486, phrase="concurrent call limit exceeded", rang=True),
    "a block after ringing": refused(608, rang=True),
    "a connection that broke": outcome_of(
        CallEnded(call=1, how=How.LOST, status=200, rang=True, answered=True, talk_seconds=3.0)
    ),
}


async def trunks(rig: DeliveryRig, *outcomes: Outcome) -> tuple[RecordingCarrier, RecordingCarrier]:
    """The first answers so; the second takes all."""
    first, second = RecordingCarrier("first", *outcomes), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    return first, second


@pytest.mark.parametrize("outcome", BEFORE_RINGING.values(), ids=BEFORE_RINGING)
async def test_the_next_trunk_is_tried_before_a_phone_rang(rig: DeliveryRig, outcome: Outcome) -> None:
    """With the same code and caller; both attempts are in the story."""
    first, second = await trunks(rig, outcome)
    identifier = await rig.call()
    await first.was_handed(1)
    while (await rig.story(identifier)).attempts[0].state != "temporary":
        await rig.settled()
    rig.clock.advance(10)
    await rig.reaches(identifier, MessageState.DELIVERED)
    attempts = (await rig.story(identifier)).attempts
    assert [(one.carrier, one.state) for one in attempts] == [("first", "temporary"), ("second", "delivered")]
    assert attempts[0].ending == outcome.ending
    assert first.sent[0].payload == second.sent[0].payload


@pytest.mark.parametrize("outcome", [*PERSON_OR_NUMBER.values(), *RANG.values()], ids=PERSON_OR_NUMBER | RANG)
async def test_nobody_is_called_a_second_time_by_itself(rig: DeliveryRig, outcome: Outcome) -> None:
    """Not after a phone rang, whatever the trunk says, nor where the person or the number is the reason."""
    _, second = await trunks(rig, outcome)
    identifier = await rig.call()
    message = await rig.reaches(identifier, MessageState.UNDELIVERED)
    rig.clock.advance(60)
    await rig.settled()
    assert len((await rig.story(identifier)).attempts) == 1
    assert second.sent == []
    assert message.ending == outcome.ending
    assert message.held == 0


async def test_only_a_trunk_that_is_down_is_left_out(rig: DeliveryRig) -> None:
    """After as many answers of persons, numbers, filters and phones that rang it still gets calls."""
    said = [*PERSON_OR_NUMBER.values(), *RANG.values(), BEFORE_RINGING["a fraud block"]]
    assert len(said) > FAILURES_TO_OPEN
    first, _ = await trunks(rig, *said)
    for number in range(len(said)):
        await rig.call()
        await first.was_handed(number + 1)
    await rig.until(lambda: len(first.answered) == len(said))
    assert rig.watches[0].breaker("first") is BreakerState.CLOSED
    assert rig.watches[0].lowered_to("first") == 0

    down = [refused(503)] * FAILURES_TO_OPEN
    first.answers_with(*down)
    for number in range(len(down)):
        await rig.call()
        await first.was_handed(len(said) + number + 1)
    await rig.until(lambda: rig.watches[0].breaker("first") is BreakerState.OPEN)
    identifier = await rig.call()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert attempt.carrier == "second"
    assert "skipped first (breaker open)" in attempt.why


async def test_our_own_limit_lowers_the_calls_per_second(rig: DeliveryRig) -> None:
    """And opens no breaker: the trunk works."""
    first, _ = await trunks(rig, refused(503, phrase="cps limit exceeded"))
    await rig.call()
    await first.was_handed(1)
    await rig.until(lambda: rig.watches[0].lowered_to("first") > 0)
    assert rig.watches[0].breaker("first") is BreakerState.CLOSED


async def test_a_call_that_broke_is_paid_for_as_far_as_it_went(rig: DeliveryRig) -> None:
    """Three seconds are one period; the rest of what was reserved is back. A phone that only rang costs nothing."""
    await trunks(rig, RANG["a connection that broke"], RANG["no answer"])
    message = await rig.reaches(await rig.call(), MessageState.UNDELIVERED)
    assert (message.ending, message.held, message.charged) == (Ending.CUT_OFF, 0, 4_000_000)
    message = await rig.reaches(await rig.call(), MessageState.UNDELIVERED)
    assert (message.ending, message.held, message.charged) == (Ending.NO_ANSWER, 0, 0)
    assert await rig.balance() == -4_000_000
