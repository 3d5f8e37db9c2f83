"""A carrier that fails time and again is left out for a while, and one that asks us to slow down gets less."""

import pytest

from onema.delivery.carrier_watch import CarrierWatch, Meter
from onema.domain.delivery.breaker import FAILURES_TO_OPEN, FIRST_PAUSE_MS, BreakerState
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.records import MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig

DOWN = ended(Ending.CARRIER_DOWN, detail="503")
TOO_FAST = ended(Ending.OUR_LIMIT)
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, reason="no answer in time")


async def open_the_breaker(rig: DeliveryRig, carrier: RecordingCarrier, outcome: Outcome = DOWN) -> None:
    """By as many messages as that takes; those that may, go on to the next carrier."""
    carrier.answers_with(*[outcome] * FAILURES_TO_OPEN)
    for number in range(FAILURES_TO_OPEN):
        await rig.send()
        await carrier.was_handed(number + 1)
    await rig.until(lambda: rig.watches[0].breaker(carrier.name) is BreakerState.OPEN)


@pytest.mark.parametrize("outcome", [DOWN, UNKNOWN])
async def test_a_carrier_that_keeps_failing_is_passed_over_without_an_attempt(
    rig: DeliveryRig, outcome: Outcome
) -> None:
    """It is down, or gives no answers; the story of the next message says why another was chosen."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    await open_the_breaker(rig, first, outcome)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.number, attempt.carrier) == (1, "second")
    assert "skipped first (breaker open)" in attempt.why
    assert len(first.sent) == FAILURES_TO_OPEN


async def test_a_probe_closes_it_again(rig: DeliveryRig) -> None:
    """After the pause one message goes there, and when that is taken all do."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    await open_the_breaker(rig, first)
    rig.clock.advance(FIRST_PAUSE_MS / 1000)
    first.gate.clear()
    probe = await rig.send()
    await first.was_handed(FAILURES_TO_OPEN + 1)
    beside = await rig.send()
    await rig.reaches(beside, MessageState.DELIVERED)
    assert (await rig.story(beside)).attempts[0].carrier == "second"
    first.gate.set()
    await rig.reaches(probe, MessageState.DELIVERED)
    after = await rig.send()
    await rig.reaches(after, MessageState.DELIVERED)
    assert [(await rig.story(one)).attempts[0].carrier for one in (probe, after)] == ["first", "first"]


async def test_messages_wait_for_the_only_carrier_and_are_sent_when_it_works_again(rig: DeliveryRig) -> None:
    """Without an attempt meanwhile: the first is the probe, and its success wakes the others."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    await open_the_breaker(rig, carrier, UNKNOWN)
    waiting = [await rig.send() for _ in range(3)]
    for identifier in waiting:
        await rig.was_left(identifier, "first")
    assert len(carrier.sent) == FAILURES_TO_OPEN
    rig.clock.advance(FIRST_PAUSE_MS / 1000)
    for identifier in waiting:
        await rig.reaches(identifier, MessageState.DELIVERED)
        assert len((await rig.story(identifier)).attempts) == 1


async def test_a_message_waits_for_all_carriers_that_it_may_take(rig: DeliveryRig) -> None:
    """Whichever is ready first gets it, at once."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    first.lose("the link is down")
    second.lose("the link is down")
    identifier = await rig.send()
    await rig.was_left(identifier, "first,second")
    second.find()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.carrier, first.sent) == ("second", [])
    assert "skipped first (not ready)" in attempt.why


async def test_a_carrier_that_asks_us_to_slow_down_gets_less(rig: DeliveryRig) -> None:
    """What is too much for it goes to the next one at once; that it asked is no failure of it."""
    first, second = RecordingCarrier("first", TOO_FAST), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    slowed = await rig.send()
    await first.was_handed(1)
    await rig.until(lambda: rig.watches[0].lowered_to("first") > 0)
    sent = [await rig.send() for _ in range(4)]
    for identifier in sent:
        await rig.reaches(identifier, MessageState.DELIVERED)
    attempts = [(await rig.story(identifier)).attempts[0] for identifier in sent]
    assert {attempt.carrier for attempt in attempts} == {"first", "second"}
    assert "skipped first (asked us to slow down)" in attempts[-1].why
    assert rig.watches[0].breaker("first") is BreakerState.CLOSED
    rig.clock.advance(10)
    await rig.reaches(slowed, MessageState.DELIVERED)


async def test_messages_of_a_slowed_carrier_get_turns_when_there_is_no_other(rig: DeliveryRig) -> None:
    """Each is due again at a time of its own, without an attempt, and all are sent in the end."""
    carrier = RecordingCarrier("first", TOO_FAST)
    await rig.configure(carrier)
    await rig.start(carrier)
    waiting = [await rig.send()]
    await carrier.was_handed(1)
    await rig.until(lambda: rig.watches[0].lowered_to("first") > 0)
    waiting += [await rig.send() for _ in range(5)]
    for _ in range(30):
        rig.clock.advance(1)
        await rig.settled()
    for identifier in waiting:
        await rig.reaches(identifier, MessageState.DELIVERED)
    attempts = [len((await rig.story(identifier)).attempts) for identifier in waiting]
    assert attempts == [2, 1, 1, 1, 1, 1]


def test_what_a_carrier_was_is_forgotten_when_it_is_configured_anew() -> None:
    """Also what is still under way with it as it was."""
    now = 1_800_000_000_000
    watch = CarrierWatch(lambda: now)
    running = [watch.begin("c") for _ in range(FAILURES_TO_OPEN + 1)]
    for one in running[:-1]:
        watch.end(one, DOWN)
    assert watch.refuses("c") == "breaker open"
    assert watch.last_failure("c") == "the carrier is down"
    watch.forget("c")
    watch.end(running[-1], DOWN)
    assert watch.refuses("c") == ""
    assert watch.in_flight("c") == 0


def test_the_rate_is_told_over_whole_seconds() -> None:
    """The present one is not over yet, and a clock that is set back loses nothing."""
    meter, now = Meter(), 1_800_000_000_000
    for second in range(3):
        meter.count(now + 1000 * second, 10)
    assert meter.per_second(now + 2_000) == 2.0
    assert meter.per_second(now + 3_000) == 3.0
    meter.count(now, 10)
    assert meter.lately(now + 3_000) == 10.0
    assert meter.per_second(now + 60_000) == 0.0
