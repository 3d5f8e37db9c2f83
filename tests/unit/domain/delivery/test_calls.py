"""How far a call is, and what is known of it in the end."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.start_verification import GivenCode, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.record_call_state import RecordCallState
from onema.domain.delivery.record_outcome import RecordOutcome, SettleMessage
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Call, Job, Message, MessageState
from onema.domain.values.money import Minor
from onema.testing.pure_store import PureStore, context_of
from tests.unit.domain.delivery.test_money_follows_messages import ACCOUNT, HOUR, configuration

MESSAGE = MessageId(1)
START = 1_800_000_000_000
FACTS = CallFacts(
    ring_seconds=4.0,
    talk_seconds=7.5,
    keys="12",
    status=200,
    codec="PCMA",
    packets_sent=375,
    packets_received=370,
    packets_lost=2,
    jitter_ms=1.25,
    trace=b"INVITE sip:",
)


class Calling:
    """One message's call, from its first attempt on."""

    def __init__(self, capture_on: str = "submitted", *, made_here: bool = False, **rule: Any) -> None:
        documents = (
            msgspec.structs.replace(one, **rule) if isinstance(one, doc.Application) else one
            for one in configuration(capture_on)
        )
        self.store = PureStore(context_of(*documents))
        self.now = START
        self.ids = itertools.count()
        self.store.run(
            TopUpWallet(id=9, now=self.now, account="acme", reference="first", amount=Minor(10**9))
        )
        common: dict[str, Any] = {"phone": "+84901888484", "home_country": "VN", "client_ip": "127.0.0.1"}
        self.store.run(
            CallWithCode(
                account=AccountId(ACCOUNT),
                id=MESSAGE,
                now=self.now,
                entropy=bytes(28),
                dialect="test",
                code=NewCode("01", 6, 10 * 60_000) if made_here else GivenCode("123456"),
                application="app",
                voice="en",
                **common,
            )
        )
        assert self.start() == 1

    @property
    def job(self) -> Job | None:
        row = self.store.rows.get((Job, MESSAGE))
        assert row is None or isinstance(row, Job)
        return row

    @property
    def spent(self) -> int:
        """What the call has cost so far, with what is held for it."""
        return 10**9 - self.store.balance(ACCOUNT)

    def settle(self) -> None:
        self.store.run(
            SettleMessage(id=200, now=self.now, account=AccountId(ACCOUNT), message=MESSAGE, lease=0)
        )

    def start(self) -> int:
        started: int = self.store.run(
            StartAttempt(job=MESSAGE, lease=0, now=self.now, lease_until=self.now + HOUR, carrier="trunk")
        )
        return started

    def tell(self, state: CallState, at: int = 0, pressed: str = "", attempt: int = 1) -> bool:
        news: bool = self.store.run(
            RecordCallState(
                id=1_000 + next(self.ids),
                now=self.now,
                account=AccountId(ACCOUNT),
                message=MESSAGE,
                attempt=attempt,
                state=state,
                at=at or self.now,
                pressed=pressed,
            )
        )
        return news

    def end(self, outcome: Outcome, attempt: int = 1) -> bool:
        changed: bool = self.store.run(
            RecordOutcome(
                id=99 + attempt,
                now=self.now,
                account=AccountId(ACCOUNT),
                message=MESSAGE,
                attempt=attempt,
                outcome=outcome,
                receipt_until=self.now + HOUR,
                carrier="trunk",
            )
        )
        return changed

    def call(self, attempt: int = 1) -> Call:
        row = self.store.rows[(Call, ACCOUNT, MESSAGE, attempt)]
        assert isinstance(row, Call)
        return row

    @property
    def message(self) -> Message:
        row = self.store.rows[(Message, ACCOUNT, MESSAGE)]
        assert isinstance(row, Message)
        return row


def facts_of(outcome: Outcome, facts: CallFacts = FACTS) -> Outcome:
    return Outcome(kind=outcome.kind, ending=outcome.ending, seconds=facts.talk_seconds, call=facts)


def test_a_call_is_written_down_as_it_happens() -> None:
    """Each state with its time, then the facts of its end."""
    calling = Calling()
    assert calling.tell(CallState.CALLING, START + 1)
    assert calling.tell(CallState.RINGING, START + 500)
    assert calling.tell(CallState.ANSWERED, START + 4_500)
    assert calling.tell(CallState.ANSWERED, START + 6_000, pressed="1")
    row = calling.call()
    assert (row.state, row.started_at, row.ringing_at, row.answered_at, row.keys, row.heard_at) == (
        CallState.ANSWERED,
        START,
        START + 500,
        START + 4_500,
        "1",
        START + 6_000,
    )
    calling.now = START + 12_000
    assert calling.end(facts_of(ended(Ending.ANSWERED)))
    row = calling.call()
    assert (row.state, row.ending, row.ended_at) == (CallState.ENDED, Ending.ANSWERED, START + 12_000)
    assert (row.ring_ms, row.talk_ms, row.keys, row.status, row.codec) == (4_000, 7_500, "12", 200, "PCMA")
    assert (row.packets_sent, row.packets_received, row.packets_lost, row.jitter_us) == (375, 370, 2, 1_250)
    assert row.trace == b"INVITE sip:"
    assert calling.message.talked_ms == 7_500


def test_an_outcome_without_events_tells_the_times_as_well() -> None:
    """They follow from how long the call rang and was talked."""
    calling = Calling()
    calling.now = START + 20_000
    assert calling.end(facts_of(ended(Ending.HUNG_UP)))
    row = calling.call()
    assert (row.answered_at, row.ringing_at) == (START + 12_500, START + 8_500)


def test_a_call_whose_carrier_tells_nothing_of_its_ringing_is_timed_by_its_events() -> None:
    """From the first sign that it rings to the end."""
    calling = Calling()
    calling.tell(CallState.RINGING, START + 1_000)
    calling.now = START + 31_000
    calling.end(facts_of(ended(Ending.NO_ANSWER), CallFacts()))
    assert (calling.call().ring_ms, calling.call().talk_ms) == (30_000, 0)


def test_nothing_is_heard_of_a_call_after_its_end() -> None:
    """An event that the outcome overtook changes nothing, and makes no row for an attempt that is over."""
    calling = Calling()
    calling.end(facts_of(ended(Ending.BUSY), CallFacts(status=486)))
    before = calling.call()
    assert not calling.tell(CallState.ANSWERED)
    assert calling.call() == before
    assert not calling.tell(CallState.RINGING, attempt=2)


def test_an_sms_has_no_call() -> None:
    """An outcome that tells nothing of a call writes no row of one."""
    calling = Calling()
    calling.end(ended(Ending.ANSWERED))
    assert (Call, ACCOUNT, MESSAGE, 1) not in calling.store.rows


def test_a_late_word_of_a_call_taken_for_dead_still_counts() -> None:
    """Its process was only slow."""
    calling = Calling()
    calling.tell(CallState.RINGING)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    assert calling.call().talk_ms == 0
    assert calling.end(facts_of(ended(Ending.ANSWERED)))
    assert (calling.call().talk_ms, calling.call().ending) == (7_500, Ending.ANSWERED)


def test_a_call_whose_job_is_given_up_has_an_end_too() -> None:
    """What is certain of its talk is kept: as long as something was heard of it."""
    calling = Calling()
    calling.tell(CallState.ANSWERED, START + 1_000)
    calling.tell(CallState.ANSWERED, START + 4_000, pressed="1")
    calling.now = START + 60_000
    calling.store.run(
        EndJob(
            job=MESSAGE,
            lease=0,
            id=50,
            now=calling.now,
            account=AccountId(ACCOUNT),
            message=MESSAGE,
            attempt=1,
            reason="it failed",
            receipt_until=calling.now + HOUR,
        )
    )
    row = calling.call()
    assert (row.state, row.ended_at, row.talk_ms) == (CallState.ENDED, START + 60_000, 3_000)


TOLD = st.tuples(
    st.sampled_from([state for state in CallState if state is not CallState.ENDED]),
    st.integers(START, START + 60_000),
    st.sampled_from(["", "1", "12", "123"]),
)


@given(events=st.lists(TOLD, max_size=12))
def test_events_in_any_order_never_move_a_call_back(events: list[tuple[CallState, int, str]]) -> None:
    """Late, repeated and overtaken ones change nothing, and what is known never becomes less."""
    calling = Calling()
    order = list(CallState)
    before: Call | None = None
    for state, at, pressed in events:
        calling.tell(state, at, pressed)
        row = calling.call()
        if before is not None:
            assert order.index(CallState(row.state)) >= order.index(CallState(before.state))
            assert len(row.keys) >= len(before.keys)
            assert row.heard_at >= before.heard_at
            assert before.ringing_at in (0, row.ringing_at)
            assert before.answered_at in (0, row.answered_at)
        before = row
    if before is not None:
        assert before.state == max((state for state, _, _ in events), key=order.index)


def test_a_call_whose_process_died_costs_what_was_certainly_talked() -> None:
    """Of an answered one that is what its events prove, and at least its first period; the rest goes back."""
    calling = Calling()
    calling.tell(CallState.RINGING, START + 1_000)
    calling.tell(CallState.ANSWERED, START + 4_000)
    calling.tell(CallState.ANSWERED, START + 11_500, pressed="1")
    calling.now = START + 90_000
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    row = calling.call()
    assert (row.state, row.talk_ms, row.ending) == (CallState.ENDED, 7_500, Ending.CUT_OFF)
    assert (calling.message.state, calling.message.ending) == (MessageState.UNKNOWN, Ending.CUT_OFF)
    calling.settle()
    message = calling.message
    assert (message.state, message.held, message.talked_ms) == (MessageState.UNCONFIRMED, 0, 7_500)
    assert message.charged == calling.spent == 2 * message.unit_price


@pytest.mark.parametrize("states", [(), (CallState.CALLING,), (CallState.CALLING, CallState.RINGING)])
def test_a_call_whose_process_died_before_an_answer_costs_nothing(states: tuple[CallState, ...]) -> None:
    """Whether it rang or not; nobody is called again."""
    calling = Calling(recall_after=("busy", "no_answer", "failed", "voicemail"))
    for state in states:
        calling.tell(state)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    assert calling.message.ending == (Ending.CUT_OFF if CallState.RINGING in states else "")
    calling.settle()
    assert (calling.spent, calling.job) == (0, None)


def test_an_answered_call_of_which_nothing_more_is_known_costs_one_period() -> None:
    """That one began for certain."""
    calling = Calling()
    calling.tell(CallState.ANSWERED)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    calling.settle()
    assert calling.spent == calling.message.unit_price


def test_a_process_that_was_only_slow_tells_what_the_call_cost() -> None:
    """In place of what was certain without it."""
    calling = Calling()
    calling.tell(CallState.ANSWERED)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    calling.end(facts_of(ended(Ending.HUNG_UP)))
    assert (calling.message.state, calling.message.ending) == (MessageState.DELIVERED, Ending.HUNG_UP)
    assert calling.message.charged == calling.spent == 2 * calling.message.unit_price


def test_an_account_that_pays_for_what_arrived_pays_for_no_call_that_was_cut_off() -> None:
    """How long it was talked is in its row all the same."""
    calling = Calling(capture_on="delivered")
    calling.tell(CallState.ANSWERED)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()))
    calling.settle()
    assert (calling.spent, calling.call().talk_ms) == (0, 1)


@given(ms=st.integers(0, 10_000_000))
def test_no_call_costs_more_than_was_held_for_it(ms: int) -> None:
    """However long its carrier says that it was."""
    calling = Calling()
    price = calling.message.price
    calling.end(ended(Ending.ANSWERED, call=CallFacts(talk_seconds=ms / 1000)))
    message = calling.message
    assert message.charged == calling.spent == min(price, message.unit_price * -(-ms // 6_000))
