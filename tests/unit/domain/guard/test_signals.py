"""What carriers and calls tell of the numbers that messages went to."""

from typing import Any

import pytest

from onema.channels.sms_smpp.dlt_errors import dlt_ending
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, open_payload
from onema.domain.delivery.signals import signal_of
from onema.domain.guard.note_signal import NoteSignal
from onema.domain.ids import MessageId
from onema.domain.records import Job, Message
from onema.domain.refusals import Guarded
from onema.domain.values.phone import Phone
from onema.testing.pure_store import context_of

from .senders import ACCOUNT, DAY, HOUR, PHONE, Sender

OPEN: dict[str, Any] = {"country_hour": 10**6, "country_day": 10**6}


class Caller(Sender):
    """Sends codes by calls."""

    def __init__(self, **guard: Any) -> None:
        super().__init__(**OPEN, **guard)
        documents = dict(self.store.context.directory.documents)
        priced = doc.Tariff(name="t", rates=(doc.Rate(channel="call", price="100", period=60),))
        self.store.context = context_of(*(documents | {("tariff", "t"): priced}).values())

    def call(self, phone: str = PHONE) -> MessageId:
        """Raises Guarded."""
        self.now += 1
        number = MessageId(self.now)
        self.store.run(
            CallWithCode(
                account=ACCOUNT,
                application="app",
                id=number,
                now=self.now,
                entropy=bytes(ENTROPY_BYTES),
                dialect="test",
                phone=Phone(phone),
                home_country="VN",
                client_ip="",
                code=NewCode("0123456789", 4, 300_000),
                voice="en",
                pool_required=False,
            )
        )
        return number

    def rules_of_a_call(self, phone: str = PHONE) -> list[str]:
        try:
            self.call(phone)
        except Guarded as guarded:
            return [one.rule for one in guarded.found]
        return []


def signal(sender: Sender, phone: str, *, suspected: bool) -> None:
    sender.store.run(NoteSignal(account=ACCOUNT, now=sender.now, phone=Phone(phone), suspected=suspected))


def message(sender: Sender, number: int) -> Message:
    row = sender.store.rows[Message, ACCOUNT, number]
    assert isinstance(row, Message)
    return row


@pytest.mark.parametrize(
    ("ending", "seconds", "suspected"),
    [(Ending.BLOCKED, 0.0, True), (Ending.ANSWERED, 2.0, False), (Ending.HUNG_UP, 5.9, False)],
)
def test_what_the_guard_hears_of(ending: Ending, seconds: float, suspected: bool) -> None:
    """A carrier's fraud block, and a call that was hung up before a code can be heard."""
    caller = Caller()
    called = message(caller, caller.call())
    outcome = Outcome(kind=OutcomeKind.DELIVERED, ending=ending, seconds=seconds)
    found = signal_of(outcome, called, 5)
    assert found == NoteSignal(account=ACCOUNT, now=5, phone=Phone(PHONE), suspected=suspected)


@pytest.mark.parametrize(("ending", "seconds"), [(Ending.ANSWERED, 6.0), (Ending.BUSY, 0.0), (None, 0.0)])
def test_what_says_nothing_about_abuse(ending: Ending | None, seconds: float) -> None:
    """People listen, are busy, or do not answer."""
    caller = Caller()
    called = message(caller, caller.call())
    assert signal_of(Outcome(kind=OutcomeKind.DELIVERED, ending=ending, seconds=seconds), called, 5) is None


def test_fraud_blocks_of_carriers_find_the_next_numbers_beside_them() -> None:
    """Three in a day; others of the prefix, and everybody a few days later, are left alone."""
    sender = Sender(**OPEN)
    sender.send()
    for _ in range(3):
        assert sender.rules() == []
        signal(sender, PHONE, suspected=True)
    assert sender.rules("+84901333111") == []
    assert sender.rules("+84901888111") == ["carriers"]
    sender.now += DAY
    assert sender.rules("+84901888111") == []


def test_calls_that_are_hung_up_at_once_find_the_next_calls_beside_them() -> None:
    """Five in an hour, again and again; a text to the number is not one of them."""
    caller = Caller()
    caller.call()
    for _ in range(6):
        signal(caller, PHONE, suspected=False)
    assert caller.rules_of_a_call("+84901888111") == ["calls"]
    caller.now += HOUR
    assert caller.rules_of_a_call("+84901888112") == []


def test_calls_to_a_prefix_may_cost_so_much_in_a_day() -> None:
    """What is held for them; each prefix and each day has its own."""
    caller = Caller(call_spend="250")
    assert [caller.rules_of_a_call() for _ in range(4)] == [[], [], ["calls"], ["calls"]]
    assert caller.rules_of_a_call("+84912345678") == []
    caller.now += DAY
    assert caller.rules_of_a_call() == []


def test_a_call_with_a_code_takes_no_longer_than_its_cap() -> None:
    """On the wire; without one, as long as the voice may need."""
    lengths = []
    for cap in (0, 9):
        caller = Caller(call_seconds=cap)
        job = caller.store.rows[Job, caller.call()]
        assert isinstance(job, Job)
        payload = open_payload(job.payload, MessageId(job.id), caller.store.context.keyring)
        assert isinstance(payload, CallPayload)
        lengths.append(payload.max_seconds)
    assert lengths[0] > 9
    assert lengths[1] == 9


def test_a_signal_about_a_prefix_that_was_never_sent_to_leaves_nothing() -> None:
    """It would be a row for each number that a carrier can think of."""
    sender = Sender(**OPEN)
    signal(sender, PHONE, suspected=True)
    assert not sender.store.rows


def test_what_india_takes_for_abuse_is_a_signal_and_a_mistake_is_none() -> None:
    """As the receipt of an SMS tells it: a blacklisted template, and a text that fits none."""
    sender = Sender(**OPEN)
    sent = message(sender, sender.send().message)
    blacklisted = Outcome(kind=OutcomeKind.UNDELIVERED, ending=dlt_ending("632"))
    told = signal_of(blacklisted, sent, sender.now)
    assert told is not None
    assert told.suspected
    assert (
        signal_of(Outcome(kind=OutcomeKind.UNDELIVERED, ending=dlt_ending("633")), sent, sender.now) is None
    )
