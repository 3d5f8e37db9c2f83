import asyncio

import msgspec
import pytest

from onema.channels.contract import Outgoing, Receipt
from onema.delivery.dispatcher import OVERDUE_MS
from onema.domain.delivery.endings import ended
from onema.domain.delivery.leave_job import LEFT_FOR_MS
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload, SmsPayload, open_payload
from onema.domain.delivery.record_receipt import ReceiptResult
from onema.domain.ids import MessageId
from onema.domain.records import Job, JobKind, MessageState
from onema.domain.values.phone import Phone
from onema.telemetry.logs import ContextFilter
from onema.testing.recording_carrier import DELIVERED, RecordingCarrier

from .conftest import LEASE_MS, LIFETIME_MS, PRICE, DeliveryRig

SUBMITTED = Outcome(kind=OutcomeKind.SUBMITTED, references=("ref-1",))
TEMPORARY = Outcome(kind=OutcomeKind.TEMPORARY, reason="busy")
PERMANENT = Outcome(kind=OutcomeKind.PERMANENT, reason="bad number")
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, reason="timeout")
NO_VOICE = frozenset(JobKind) - {JobKind.CALL}


async def test_the_time_to_the_handover_is_counted_wherever_the_attempt_began(rig: DeliveryRig) -> None:
    """In the commit that accepted the message, or later, when its carrier was ready."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    waited = await rig.send()
    await rig.start(carrier)
    await rig.reaches(waited, MessageState.DELIVERED)
    await rig.reaches(await rig.send(), MessageState.DELIVERED)
    assert 'onema_handover_seconds_count{channel="sms"} 2.0' in rig.metrics.render().decode()


async def test_a_message_goes_to_the_routed_carrier_and_is_charged_once(rig: DeliveryRig) -> None:
    """Text, sender and number reach the carrier; hold becomes capture; the job is gone."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    message = await rig.reaches(identifier, MessageState.DELIVERED)
    payload = carrier.sent[0].payload
    assert isinstance(payload, SmsPayload)
    assert (payload.phone, payload.sender) == ("+84901888484", "Acme")
    assert payload.text.endswith(" is your code")
    assert (message.held, message.charged) == (0, PRICE)
    assert await rig.balance() == -PRICE
    assert await rig.storage.read([(Job, identifier)]) == {}


async def test_a_temporary_failure_goes_to_the_next_carrier(rig: DeliveryRig) -> None:
    """Nothing left us, so another carrier may try, after a pause."""
    first, second = RecordingCarrier("first", TEMPORARY), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    identifier = await rig.send()
    await first.was_handed(1)
    while (await rig.story(identifier)).attempts[0].state != "temporary":
        await rig.settled()
    rig.clock.advance(10)
    await rig.reaches(identifier, MessageState.DELIVERED)
    story = await rig.story(identifier)
    assert [(attempt.number, attempt.carrier, attempt.state) for attempt in story.attempts] == [
        (1, "first", "temporary"),
        (2, "second", "delivered"),
    ]


async def test_a_permanent_failure_gives_the_money_back(rig: DeliveryRig) -> None:
    """It did not leave us and never will."""
    carrier = RecordingCarrier("first", PERMANENT)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert (message.held, message.charged, message.reason) == (0, 0, "bad number")
    assert await rig.balance() == 0


@pytest.mark.parametrize("ending", [UNKNOWN, RuntimeError("carrier bug")])
async def test_what_may_have_left_us_is_never_sent_again(
    rig: DeliveryRig, ending: Outcome | Exception
) -> None:
    """An unknown ending, or a carrier that breaks, waits for the receipt and then settles."""
    carrier = RecordingCarrier("first", ending)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.UNKNOWN)
    rig.clock.advance(LIFETIME_MS / 1000 + 1)
    message = await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert len(carrier.sent) == 1
    assert (message.held, message.charged) == (0, 0)


async def test_the_log_names_the_attempt_and_no_words_of_the_message(
    rig: DeliveryRig, caplog: pytest.LogCaptureFixture
) -> None:
    """A carrier's exception may quote the text that it was to send, and with it the code."""
    carrier = RecordingCarrier("first")
    carrier.before_answer = quote
    await rig.configure(carrier)
    caplog.handler.addFilter(ContextFilter())
    await rig.start(carrier)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.UNKNOWN)
    payload = carrier.sent[0].payload
    assert isinstance(payload, SmsPayload)
    (record,) = (record for record in caplog.records if record.getMessage() == "carrier failed")
    assert vars(record)["attempt"] == f"{identifier}-1"
    assert vars(record)["fault"].startswith("ValueError at test_attempts.py:")
    assert payload.text[:6] not in str(vars(record)) + caplog.text


def quote(outgoing: Outgoing) -> None:
    raise ValueError(f"cannot send {outgoing.payload}")


async def die_while_sending(rig: DeliveryRig, carrier: RecordingCarrier) -> int:
    """A message that its worker handed over and died with; its lease has run out."""
    await rig.configure(carrier)
    carrier.gate.clear()
    dispatcher = await rig.start(carrier)
    identifier = await rig.send()
    await carrier.was_handed(1)
    for task in dispatcher.tasks:
        task.cancel()
    await dispatcher.stop(0)
    rig.clock.advance(LEASE_MS * 3 / 1000)
    return identifier


async def test_a_started_attempt_of_a_dead_worker_becomes_unknown(rig: DeliveryRig) -> None:
    """Whoever takes the job over must not send it again."""
    dead, alive = RecordingCarrier("first"), RecordingCarrier("first")
    identifier = await die_while_sending(rig, dead)
    await rig.start(alive)
    await rig.reaches(identifier, MessageState.UNKNOWN)
    assert alive.sent == []


async def test_an_idempotent_carrier_gets_the_same_attempt_again(rig: DeliveryRig) -> None:
    """It does nothing twice, so the message is completed instead of left unknown."""
    dead, alive = RecordingCarrier("first", idempotent=True), RecordingCarrier("first", idempotent=True)
    identifier = await die_while_sending(rig, dead)
    await rig.start(alive)
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert [outgoing.attempt for outgoing in alive.sent] == [1]


async def test_an_idempotent_carrier_that_failed_is_asked_again(rig: DeliveryRig) -> None:
    """Its inbox could not be written for a moment: that must not leave the message unknown for days."""
    carrier = RecordingCarrier("first", OSError("the store is away"), idempotent=True)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    await carrier.was_handed(1)
    rig.clock.advance(LEASE_MS * 3 / 1000)
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert [outgoing.attempt for outgoing in carrier.sent] == [1, 1]


async def test_an_idempotent_carrier_that_always_fails_is_asked_no_more_once_the_code_expired(
    rig: DeliveryRig,
) -> None:
    """It may have sent something, so the message is unknown and settles, instead of being tried for ever."""
    carrier = RecordingCarrier("first", *[OSError("the store is away")] * 9, idempotent=True)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send(time_alive=LEASE_MS * 4)
    for attempts in (1, 2):
        await carrier.was_handed(attempts)
        rig.clock.advance(LEASE_MS * 3 / 1000)
    await rig.reaches(identifier, MessageState.UNKNOWN)
    assert [outgoing.attempt for outgoing in carrier.sent] == [1, 1, 1]


async def test_a_number_that_no_carrier_takes_fails_with_a_reason(rig: DeliveryRig) -> None:
    """The story says why, and the money is back."""
    await rig.configure()
    await rig.start()
    identifier = await rig.send()
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert message.reason == "no carrier takes this number"
    assert ((await rig.story(identifier)).attempts, await rig.balance()) == ([], 0)


async def test_what_a_simulated_phone_shows_is_kept_with_its_outcome(rig: DeliveryRig) -> None:
    """In one commit, the second of a code that is sent; watchers hear when it is there. It is sealed as its job was."""
    carrier = RecordingCarrier("first", msgspec.structs.replace(DELIVERED, shown=True))
    shown = list[MessageState]()
    await rig.configure(carrier)
    await rig.start(carrier, on_shown=lambda: shown.append(MessageState.DELIVERED))
    before = rig.storage.batches
    identifier = await rig.send()
    await rig.until(lambda: bool(shown))
    waited = rig.storage.batches - before
    (item,) = await rig.storage.read_inbox(Phone("+84901888484"), 0, 10)
    assert (item.id, item.channel, item.sender) == (identifier, "sms", "Acme")
    assert open_payload(item.content, MessageId(identifier), rig.keyring) == carrier.sent[0].payload
    assert (await rig.message(identifier)).state == MessageState.DELIVERED
    assert waited == 2


async def test_how_an_attempt_ended_is_kept_with_it_and_with_its_message(rig: DeliveryRig) -> None:
    """The message has the ending of its last attempt, in words and for whoever renders callbacks."""
    first = RecordingCarrier("first", ended(Ending.CARRIER_DOWN, detail="503"))
    second = RecordingCarrier("second", ended(Ending.BUSY))
    await rig.configure(first, second)
    await rig.start(first, second)
    identifier = await rig.call()
    await first.was_handed(1)
    await rig.settled()
    rig.clock.advance(6)
    message = await rig.reaches(identifier, MessageState.UNDELIVERED)
    assert (message.ending, message.reason) == (Ending.BUSY, "busy")
    attempts = (await rig.story(identifier)).attempts
    assert [(one.carrier, one.state, one.ending, one.detail) for one in attempts] == [
        ("first", "temporary", Ending.CARRIER_DOWN, "503"),
        ("second", "undelivered", Ending.BUSY, ""),
    ]
    assert [one.why for one in attempts] == [
        "route +, priority 0",
        "route +, priority 1; turn 2 after attempt 1 via first failed (the carrier is down)",
    ]


async def test_what_was_born_here_is_not_opened_again(rig: DeliveryRig) -> None:
    """Its decision knew what it sealed."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)

    def fail(*_: object, **__: object) -> bytes:
        raise AssertionError("it was opened")

    rig.keyring.open = fail  # type: ignore[method-assign]  # what must not be called
    await rig.reaches(await rig.send(), MessageState.DELIVERED)


async def test_a_code_is_accepted_and_its_attempt_started_in_one_commit(rig: DeliveryRig) -> None:
    """When the carrier gets it, the store has had one batch."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    before = rig.storage.batches
    seen = list[int]()
    carrier.before_answer = lambda _: seen.append(rig.storage.batches - before)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert seen == [1]
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.number, attempt.carrier, attempt.why) == (1, "first", "route +, priority 0")


async def test_a_carrier_that_stops_while_its_first_attempt_is_committed_gets_nothing(
    rig: DeliveryRig,
) -> None:
    """Nothing has left: the next carrier gets it."""

    class Leaving(RecordingCarrier):
        def answer_seconds(self, payload: Payload) -> float:
            rig.running[0].pop(self.name, None)
            return super().answer_seconds(payload)

    first, second = Leaving("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    identifier = await rig.send()
    await rig.until(lambda: not rig.running[0].get("first"))
    rig.clock.advance(LEFT_FOR_MS / 1000)
    await rig.reaches(identifier, MessageState.DELIVERED)
    attempts = (await rig.story(identifier)).attempts
    assert [(one.carrier, one.ending) for one in attempts] == [
        ("first", Ending.CARRIER_DOWN),
        ("second", ""),
    ]
    assert first.sent == []


async def test_a_message_that_cannot_be_opened_fails_without_an_attempt(rig: DeliveryRig) -> None:
    """Whoever lost the server key has its money back, and no carrier was asked."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    identifier = await rig.send()
    sealed_by_another = msgspec.structs.replace(await rig.job(identifier), payload=b"x" * 40)
    await rig.storage.begin([])
    await rig.storage.commit(10**18, {sealed_by_another.key: sealed_by_another}, [])
    await rig.start(carrier)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert message.reason == "the server key cannot open the message"
    assert (carrier.sent, (await rig.story(identifier)).attempts, await rig.balance()) == ([], [], 0)
    assert await rig.storage.read([(Job, identifier)]) == {}


async def test_a_message_whose_carrier_runs_elsewhere_is_left_to_that_process(rig: DeliveryRig) -> None:
    """Without an attempt, and whoever does not run the carrier takes it no more; a fallback is not used either."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(second)
    identifier = await rig.send()
    await rig.was_left(identifier, "first")
    assert second.sent == []
    await rig.start(first)
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert [(one.number, one.carrier) for one in (await rig.story(identifier)).attempts] == [(1, "first")]


async def test_another_carrier_takes_what_nobody_came_for(rig: DeliveryRig) -> None:
    """No process had capacity of the first for a while: its turn goes to the next one that runs."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(second)
    identifier = await rig.send()
    await rig.was_left(identifier, "first")
    rig.clock.advance(LEFT_FOR_MS / 1000)
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.number, attempt.carrier) == (1, "second")
    assert attempt.why == "route +, priority 1; skipped first (not run here)"


async def test_a_message_that_nobody_could_send_fails_when_its_code_expires(rig: DeliveryRig) -> None:
    """It is looked at now and then, and in the end the money is back."""
    await rig.configure(RecordingCarrier("first"))
    await rig.start()
    identifier = await rig.send()
    await rig.was_left(identifier, "first")
    rig.clock.advance(301)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert message.reason == "the code expired before it could be sent"
    assert await rig.balance() == 0


async def test_an_expired_code_is_not_sent_any_more(rig: DeliveryRig) -> None:
    """A code that nobody could use would only confuse."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    identifier = await rig.send()
    rig.clock.advance(301)
    await rig.start(carrier)
    await rig.reaches(identifier, MessageState.FAILED)
    assert carrier.sent == []


@pytest.mark.parametrize("kinds", [NO_VOICE, frozenset[JobKind]()])
async def test_a_call_that_nobody_may_place_fails_when_its_code_expires(
    rig: DeliveryRig, kinds: frozenset[JobKind]
) -> None:
    """Until then a process without the role leaves it alone; it never places it, and in the end the money is back."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    dispatcher = await rig.start(carrier, kinds=kinds)
    identifier = await rig.call()
    rig.clock.advance(OVERDUE_MS / 1000 - 0.001)
    await rig.committer.between_batches(dispatcher._lease)
    assert (await rig.job(identifier)).lease == 0
    assert await rig.balance() < 0
    rig.clock.advance(0.001)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert message.reason == "the code expired before it could be sent"
    assert await rig.balance() == 0
    assert carrier.sent == []


async def test_what_a_dead_process_may_have_sent_is_not_sent_by_one_without_its_role(
    rig: DeliveryRig,
) -> None:
    """It becomes unknown and settles, although an idempotent carrier could have it again."""
    dead, alive = RecordingCarrier("first", idempotent=True), RecordingCarrier("first", idempotent=True)
    identifier = await die_while_sending(rig, dead)
    await rig.start(alive, kinds=frozenset())
    rig.clock.advance(OVERDUE_MS / 1000)
    assert (await rig.reaches(identifier, MessageState.UNKNOWN)).held > 0
    rig.clock.advance((LIFETIME_MS + OVERDUE_MS) / 1000)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert await rig.balance() == 0
    assert alive.sent == []


async def test_what_can_still_be_sent_is_left_to_those_who_may(rig: DeliveryRig) -> None:
    """A long code that waits for a process with the role is looked at, and neither sent nor ended."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier, kinds=frozenset({JobKind.CALL}))
    identifier = await rig.send(time_alive=3 * OVERDUE_MS)
    rig.clock.advance(OVERDUE_MS / 1000)
    await rig.was_left(identifier, "first")
    assert carrier.sent == []
    await rig.start(carrier)
    await rig.reaches(identifier, MessageState.DELIVERED)


async def test_retries_end(rig: DeliveryRig) -> None:
    """Five temporary failures are enough."""
    carrier = RecordingCarrier("first", *[TEMPORARY] * 9)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    for attempt in range(1, 6):
        await carrier.was_handed(attempt)
        while (await rig.story(identifier)).attempts[-1].state != "temporary":
            await rig.settled()
        rig.clock.advance(45)
    await rig.reaches(identifier, MessageState.FAILED)
    assert len(carrier.sent) == 5


async def test_jobs_beyond_the_room_are_taken_when_it_frees(rig: DeliveryRig) -> None:
    """More messages than places: all arrive, never more at once than there are places."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    carrier.gate.clear()
    dispatcher = await rig.start(carrier, concurrency=3)
    identifiers = await asyncio.gather(*(rig.send(f"+8490188{n:04d}") for n in range(20)))
    await carrier.was_handed(3)
    assert len(carrier.sent) == 3
    assert dispatcher.room(JobKind.SMS) == 0
    carrier.gate.set()
    for identifier in identifiers:
        await rig.reaches(identifier, MessageState.DELIVERED)
    assert len(carrier.sent) == 20


async def test_a_receipt_may_overtake_its_outcome(rig: DeliveryRig) -> None:
    """The carrier's receipt is committed before its own answer is; with that it counts, once."""
    carrier = RecordingCarrier("first", SUBMITTED)
    await rig.configure(carrier)
    carrier.gate.clear()
    await rig.start(carrier)
    identifier = await rig.send()
    await carrier.was_handed(1)
    assert await rig.hear(Receipt("first", "ref-1", DELIVERED)) == ReceiptResult.UNMATCHED
    carrier.gate.set()
    message = await rig.reaches(identifier, MessageState.DELIVERED)
    assert message.charged == PRICE
    assert await rig.hear(Receipt("first", "ref-1", DELIVERED)) == ReceiptResult.REPEATED
    assert await rig.balance() == -PRICE


async def test_a_late_receipt_corrects_the_books(rig: DeliveryRig) -> None:
    """Days later: the hold had been given back, so the price comes as an adjust."""
    carrier = RecordingCarrier("first", SUBMITTED)
    await rig.configure(carrier, capture_on="delivered")
    await rig.start(carrier)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.SENT)
    rig.clock.advance(LIFETIME_MS / 1000 + 1)
    await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert await rig.balance() == 0
    assert await rig.hear(Receipt("first", "ref-1", DELIVERED)) == ReceiptResult.COUNTED
    assert await rig.balance() == -PRICE
    assert [entry.kind for entry in (await rig.story(identifier)).ledger][-1] == "adjust"


async def test_stopping_lets_what_is_under_way_end(rig: DeliveryRig) -> None:
    """A graceful stop takes nothing new and records what was being sent."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    carrier.gate.clear()
    dispatcher = await rig.start(carrier)
    identifier = await rig.send()
    await carrier.was_handed(1)
    stopping = asyncio.ensure_future(dispatcher.stop(5.0))
    await asyncio.sleep(0)
    assert dispatcher.room(JobKind.SMS) == 0
    carrier.gate.set()
    await stopping
    assert (await rig.message(identifier)).state == MessageState.DELIVERED
