"""Calling the same phone again, where its application says so."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.endings import RULES, ended
from onema.domain.delivery.fail_message import FailMessage
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.recall import ENDINGS
from onema.domain.ids import AccountId
from onema.domain.records import MessageState
from tests.unit.domain.delivery.test_calls import MESSAGE, START, Calling
from tests.unit.domain.delivery.test_money_follows_messages import ACCOUNT

ALL = ("busy", "no_answer", "failed", "voicemail")
NEVER = [ending for ending in Ending if not any(ending in endings for endings in ENDINGS.values())]


def end(calling: Calling, ending: Ending, talked: float = 0.0, attempt: int = 1) -> None:
    calling.end(ended(ending, call=CallFacts(talk_seconds=talked)), attempt)


@pytest.mark.parametrize("word", ALL)
def test_a_phone_is_called_again_after_what_the_rule_names(word: str) -> None:
    """After the delay, with the same message, whose job keeps what is to be said."""
    for ending in ENDINGS[word]:
        calling = Calling(recall_after=(word,), recall_delay=45)
        end(calling, ending)
        job = calling.job
        assert job is not None
        assert (job.due_at, job.in_flight, job.kind) == (START + 45_000, False, "call")
        assert job.payload
        assert calling.message.state == MessageState.ACCEPTED
        assert calling.start() == 2


@pytest.mark.parametrize("word", ALL)
def test_what_the_rule_does_not_name_is_the_end(word: str) -> None:
    """Of each word the endings of all others."""
    for other in set(ALL) - {word}:
        for ending in ENDINGS[other]:
            calling = Calling(recall_after=(word,))
            end(calling, ending)
            assert (calling.job, calling.message.state) == (None, MessageState.UNDELIVERED)


@pytest.mark.parametrize("ending", NEVER)
def test_no_rule_calls_again_where_it_would_be_wrong(ending: Ending) -> None:
    """Who heard the code or said no is left alone, and so is a number that nobody has."""
    calling = Calling(recall_after=ALL, recall_times=5)
    end(calling, ending)
    if RULES[ending].kind in (OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED):
        assert calling.job is None
    assert calling.message.state != MessageState.ACCEPTED


def test_without_a_rule_nobody_is_called_twice() -> None:
    """Nothing is configured at first."""
    calling = Calling()
    end(calling, Ending.BUSY)
    assert calling.job is None


def test_a_phone_is_called_again_so_often_at_most() -> None:
    """Then the last ending is the message's."""
    calling = Calling(recall_after=("busy", "no_answer"), recall_times=2)
    for attempt, ending in enumerate((Ending.BUSY, Ending.NO_ANSWER), 1):
        end(calling, ending, attempt=attempt)
        assert calling.start() == attempt + 1
    end(calling, Ending.BUSY, attempt=3)
    assert (calling.job, calling.message.state, calling.message.ending) == (
        None,
        MessageState.UNDELIVERED,
        Ending.BUSY,
    )
    assert calling.spent == 0


def test_a_code_that_will_have_expired_is_not_called_with_again() -> None:
    """There would be nothing left to type."""
    calling = Calling(recall_after=("busy",), recall_delay=3_600, made_here=True)
    end(calling, Ending.BUSY)
    assert (calling.job, calling.message.state) == (None, MessageState.UNDELIVERED)


def test_each_call_is_paid_for_and_the_hold_covers_them_all() -> None:
    """A voicemail took 7 seconds, then a person listened for 13: two and three periods of six."""
    calling = Calling(recall_after=("voicemail",), recall_times=2)
    unit, price = calling.message.unit_price, calling.message.price
    assert price == 3 * Calling().message.price
    end(calling, Ending.VOICEMAIL, 7.0)
    assert (calling.message.held, calling.message.charged) == (price - 2 * unit, 2 * unit)
    assert calling.spent == price
    calling.start()
    end(calling, Ending.ANSWERED, 13.0, attempt=2)
    message = calling.message
    assert (message.state, message.held, message.talked_ms) == (MessageState.DELIVERED, 0, 13_000)
    assert message.charged == calling.spent == 5 * unit


def test_a_rule_for_calls_that_cost_nothing_holds_no_more_for_them() -> None:
    """Nobody talks to a phone that is busy."""
    price = Calling(recall_after=("busy", "no_answer"), recall_times=5).message.price
    assert price == Calling().message.price


def test_what_was_talked_is_paid_for_when_no_further_call_can_be_placed() -> None:
    """Its code was used meanwhile, say: the rest of the hold goes back, and the phone was reached."""
    calling = Calling(recall_after=("voicemail",))
    end(calling, Ending.VOICEMAIL, 7.0)
    calling.store.run(
        FailMessage(
            id=70,
            now=calling.now,
            job=MESSAGE,
            lease=0,
            account=AccountId(ACCOUNT),
            message=MESSAGE,
            reason="its code is not waited for any more",
        )
    )
    message = calling.message
    assert (message.state, message.ending, message.held) == (MessageState.UNDELIVERED, Ending.VOICEMAIL, 0)
    assert message.charged == calling.spent == 2 * message.unit_price


def test_a_call_again_whose_process_died_is_not_called_a_third_time() -> None:
    """What both calls certainly took is paid for."""
    calling = Calling(recall_after=ALL, recall_times=5)
    end(calling, Ending.VOICEMAIL, 7.0)
    calling.start()
    calling.tell(CallState.ANSWERED, attempt=2)
    calling.end(Outcome(kind=OutcomeKind.UNKNOWN, call=CallFacts()), attempt=2)
    calling.settle()
    message = calling.message
    assert (message.state, message.charged) == (MessageState.UNCONFIRMED, 3 * message.unit_price)
    assert (calling.spent, calling.job) == (message.charged, None)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                Ending.BUSY,
                Ending.NO_ANSWER,
                Ending.VOICEMAIL,
                Ending.CUT_OFF,
                Ending.DECLINED,
                Ending.ANSWERED,
                Ending.HUNG_UP,
            ]
        ),
        st.integers(0, 400_000),
    ),
    max_size=8,
)


@given(
    calls=CALLS,
    rule=st.sets(st.sampled_from(ALL)),
    times=st.integers(1, 5),
    capture_on=st.sampled_from(["submitted", "delivered"]),
)
def test_whatever_calls_come_of_a_rule_money_and_states_agree(
    calls: Sequence[tuple[Ending, int]], rule: set[str], times: int, capture_on: str
) -> None:
    """Never more calls than the rule says, never a call after an end, never more money than was held."""
    calling = Calling(capture_on=capture_on, recall_after=tuple(rule), recall_times=times)
    price = calling.message.price
    talked = {Ending.VOICEMAIL, Ending.CUT_OFF, Ending.ANSWERED, Ending.HUNG_UP}
    placed = 0
    for ending, ms in calls:
        if calling.job is None:
            break
        if placed:
            assert calling.start() == placed + 1
        placed += 1
        end(calling, ending, ms / 1000 if ending in talked else 0.0, attempt=placed)
        message = calling.message
        assert calling.spent == message.held + message.charged <= price
        assert (calling.job is None) == (message.state != MessageState.ACCEPTED)
        if calling.job is not None:
            assert any(ending in ENDINGS[word] for word in rule)
            assert placed <= times
            assert message.held or not price
    assert placed <= 1 + times
