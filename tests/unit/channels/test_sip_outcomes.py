"""What a trunk's answers mean, and what may be tried elsewhere."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.voice_sip.line import CallEnded, How, Reason
from onema.channels.voice_sip.outcomes import (
    ANSWERS,
    OVERLOAD_SECONDS,
    StatusRule,
    answers_of,
    headers_of,
    meaning_of,
    outcome_of,
    status_problems,
)
from onema.domain.delivery.breaker import Verdict, verdict
from onema.domain.delivery.endings import RULES, may_be_tried_again
from onema.domain.delivery.outcome import Ending, OutcomeKind


def refused(status: int, phrase: str = "", *reasons: Reason, **more: Any) -> CallEnded:
    return CallEnded(call=1, how=How.REFUSED, status=status, phrase=phrase, reasons=reasons, **more)


def q850(cause: int, text: str = "") -> Reason:
    return Reason("q.850", cause, text)


PERSON = (
    (refused(486), Ending.BUSY),
    (refused(600), Ending.BUSY),
    (refused(486, "Busy Here", q850(17)), Ending.BUSY),
    (refused(603, "Decline"), Ending.DECLINED),
    (refused(603, "Declined", q850(21, "Call Rejected")), Ending.DECLINED),
    (refused(480, "", q850(21)), Ending.DECLINED),
    (refused(480, "", q850(19)), Ending.NO_ANSWER),
)
NUMBER = (
    (refused(404), Ending.NOT_IN_SERVICE),
    (refused(410), Ending.NOT_IN_SERVICE),
    (refused(484), Ending.NOT_IN_SERVICE),
    (refused(604), Ending.NOT_IN_SERVICE),
    (refused(503, "", q850(1)), Ending.NOT_IN_SERVICE),
    (refused(500, "", q850(22)), Ending.NOT_IN_SERVICE),
    (refused(404, "", q850(28)), Ending.NOT_IN_SERVICE),
    (refused(480), Ending.SWITCHED_OFF),
    (refused(480, "", q850(20)), Ending.SWITCHED_OFF),
    (refused(480, "", q850(18)), Ending.SWITCHED_OFF),
    (refused(502, "", q850(27)), Ending.SWITCHED_OFF),
    (refused(480, "", q850(31)), Ending.SWITCHED_OFF),
    (refused(404, "", q850(3)), Ending.UNREACHABLE),
    (refused(408), Ending.UNREACHABLE),
    (refused(302, "Moved Temporarily"), Ending.UNREACHABLE),
    (refused(400), Ending.UNREACHABLE),
    (refused(499), Ending.UNREACHABLE),
    (refused(403, "", q850(55)), Ending.SUSPENDED),
)
BLOCKED = (
    (refused(603, "Decline", headers=(("x-twilio-error", "32203 Call blocked"),)), Ending.BLOCKED),
    (refused(603, "Network Blocked"), Ending.BLOCKED),
    (refused(603, "Decline", q850(21, "v=analytics1;url=https://example.com")), Ending.BLOCKED),
    (refused(607), Ending.BLOCKED),
    (refused(608), Ending.BLOCKED),
    (refused(603, "", Reason("sip", 608)), Ending.BLOCKED),
    (refused(403, "", Reason("stir", 438)), Ending.BLOCKED),
    (refused(428), Ending.BLOCKED),
    (refused(438), Ending.BLOCKED),
    (refused(403), Ending.BLOCKED),
    (refused(403, "", q850(21)), Ending.BLOCKED),
    (refused(403, "Caller Origination Number is Invalid D35"), Ending.BLOCKED),
)
LIMIT = (
    (refused(503, "cps limit exceeded"), Ending.OUR_LIMIT),
    (refused(500, "Concurrent Call Limit Exceeded"), Ending.OUR_LIMIT),
    (refused(486, "Too many channels in use"), Ending.OUR_LIMIT),
    (refused(403, "Connection concurrent limit D3"), Ending.OUR_LIMIT),
    (refused(503, "", Reason("q.850", 16, "trunk CPS exceeded")), Ending.OUR_LIMIT),
    (refused(503, "", retry_after=5.0), Ending.OUR_LIMIT),
    (refused(503, "", q850(34)), Ending.OUR_LIMIT),
    (refused(503, "", q850(42)), Ending.OUR_LIMIT),
    (refused(503, "", q850(44)), Ending.OUR_LIMIT),
)
DOWN = (
    (refused(500), Ending.CARRIER_DOWN),
    (refused(503), Ending.CARRIER_DOWN),
    (refused(503, "Service Unavailable", q850(16)), Ending.CARRIER_DOWN),
    (refused(503, "", retry_after=OVERLOAD_SECONDS + 1), Ending.CARRIER_DOWN),
    (refused(503, "", q850(38)), Ending.CARRIER_DOWN),
    (refused(503, "", q850(41)), Ending.CARRIER_DOWN),
    (refused(503, "", q850(47)), Ending.CARRIER_DOWN),
    (refused(504), Ending.CARRIER_DOWN),
    (refused(401), Ending.CARRIER_DOWN),
    (refused(407), Ending.CARRIER_DOWN),
    (refused(402), Ending.CARRIER_DOWN),
    (refused(488), Ending.CARRIER_DOWN),
    (refused(603, "Decline", headers=(("X-Twilio-Error", "10001"),)), Ending.CARRIER_DOWN),
    (refused(404, "Account blocked D19"), Ending.CARRIER_DOWN),
    (CallEnded(call=1, how=How.SILENCE), Ending.CARRIER_DOWN),
    (CallEnded(call=1, how=How.NOT_SENT), Ending.CARRIER_DOWN),
)


@pytest.mark.parametrize(("ended", "ending"), [*PERSON, *NUMBER, *BLOCKED, *LIMIT, *DOWN])
def test_an_answer_ends_a_call_as_the_table_says(ended: CallEnded, ending: Ending) -> None:
    """Before a phone rang; what follows is the ending's rule."""
    outcome = outcome_of(ended)
    assert (outcome.ending, outcome.kind) == (ending, RULES[ending].kind)


def test_only_a_trunk_that_is_down_trips_the_breaker() -> None:
    """Persons, numbers, fraud blocks and our own limit say nothing against it."""
    for ended, _ in (*PERSON, *NUMBER, *BLOCKED, *LIMIT):
        assert verdict(outcome_of(ended)) is not Verdict.FAILS
    for ended, _ in DOWN:
        assert verdict(outcome_of(ended)) is Verdict.FAILS


def test_our_own_limit_lowers_the_pace_and_a_block_is_a_suspicion() -> None:
    """Neither does what the other does, and both may be tried elsewhere."""
    for ended, ending in (*LIMIT, *BLOCKED):
        rule = RULES[ending]
        assert rule.lowers_pace is not rule.is_suspicion
        assert may_be_tried_again(outcome_of(ended))


ANSWERED = (
    (How.PLAYED, (), Ending.ANSWERED),
    (How.HUNG_UP, (), Ending.HUNG_UP),
    (How.HUNG_UP, (q850(16, "Normal call clearing"),), Ending.HUNG_UP),
    (How.HUNG_UP, (Reason("sip", 0),), Ending.HUNG_UP),
    (How.HUNG_UP, (q850(38),), Ending.CUT_OFF),
    (How.NO_KEY, (), Ending.VOICEMAIL),
    (How.LOST, (), Ending.CUT_OFF),
    (How.BAD_MEDIA, (), Ending.CUT_OFF),
    (How.STOPPED, (), Ending.CUT_OFF),
)


@pytest.mark.parametrize(("how", "reasons", "ending"), ANSWERED)
def test_an_answered_call_ends_for_good(how: How, reasons: tuple[Reason, ...], ending: Ending) -> None:
    """By the message's end, by the person, or because the connection broke; a BYE's Reason tells the last two."""
    outcome = outcome_of(
        CallEnded(
            call=1, how=how, status=200, reasons=reasons, rang=True, answered=True, talk_seconds=7.5, keys="1"
        )
    )
    assert outcome.ending is ending
    assert not may_be_tried_again(outcome)
    assert outcome.seconds == 7.5
    assert outcome.call is not None
    assert (outcome.call.talk_seconds, outcome.call.keys, outcome.call.status) == (7.5, "1", 200)


def test_a_phone_that_rang_for_long_was_not_answered() -> None:
    """Whatever the far end says to our CANCEL."""
    outcome = outcome_of(CallEnded(call=1, how=How.NO_ANSWER, status=487, rang=True, ring_seconds=45.0))
    assert (outcome.ending, outcome.kind) == (Ending.NO_ANSWER, OutcomeKind.UNDELIVERED)


REASONS = st.builds(
    Reason,
    st.sampled_from(("q.850", "sip", "stir", "x")),
    st.integers(0, 700),
    st.sampled_from(("", "cps limit exceeded", "Network Blocked")),
)


@given(
    how=st.sampled_from(How),
    status=st.integers(0, 699),
    phrase=st.sampled_from(("", "Busy", "cps limit exceeded", "Network Blocked", "x D3")),
    reasons=st.lists(REASONS, max_size=2),
    retry_after=st.floats(0, 100),
    answered=st.booleans(),
)
def test_what_rang_is_never_tried_again(
    how: How, status: int, phrase: str, reasons: list[Reason], retry_after: float, answered: bool
) -> None:
    """Whatever the trunk says, and it trips no breaker: a network that makes phones ring works."""
    outcome = outcome_of(
        CallEnded(
            call=1,
            how=how,
            status=status,
            phrase=phrase,
            reasons=tuple(reasons),
            retry_after=retry_after,
            rang=True,
            answered=answered,
        )
    )
    assert outcome.ending is not None
    assert not may_be_tried_again(outcome)
    assert outcome.kind not in (OutcomeKind.TEMPORARY, OutcomeKind.UNKNOWN)
    assert verdict(outcome) is not Verdict.FAILS


@given(status=st.integers(300, 699), causes=st.lists(st.integers(0, 127), max_size=2))
def test_every_answer_has_an_ending(status: int, causes: list[int]) -> None:
    """Also those that no document knows."""
    outcome = outcome_of(refused(status, "", *map(q850, causes)))
    assert outcome.ending is not None
    assert str(status) in outcome.detail


def test_every_row_of_the_table_can_be_met() -> None:
    """None stands behind one that takes all of its answers."""
    for answer in ANSWERS:
        status = int((answer.status or "499").replace("x", "9"))
        text = {
            "too many calls, in its own words": "cps limit exceeded",
            "blocked by analytics (603+)": "Network Blocked",
            "a limit of calls at once": "x D3",
            "the connection is off": "x D10",
            "the account is off or blocked": "x D18",
        }.get(answer.words, "")
        number = answer.says.removeprefix(r"^\s*").removesuffix(r"\b") if answer.header else ""
        ended = refused(
            status,
            text,
            *([Reason(answer.protocol, answer.cause)] if answer.protocol else ()),
            headers=((answer.header, number),) if answer.header else (),
            retry_after=1.0 if answer.wait else 0.0,
        )
        assert meaning_of(ended) is answer


def test_a_carrier_may_mean_something_else() -> None:
    """Its own rows stand before the table, and name the headers that must be told."""
    rules = (
        StatusRule(status=603, ending="blocked by the carrier", words="its fraud filter"),
        StatusRule(cause=31, ending="switched off"),
        StatusRule(header="X-Reason", says="(no credit)", ending="the carrier is down"),
        StatusRule(status=480, says="Channel Full", ending="our limit at the carrier"),
    )
    assert list(status_problems(rules)) == []
    answers = answers_of(rules)
    assert headers_of(answers) == ("X-Reason", "X-Twilio-Error")
    outcome = outcome_of(refused(603), answers)
    assert outcome.ending is Ending.BLOCKED
    assert outcome.detail.endswith("its fraud filter")
    assert outcome_of(refused(503, "", q850(31)), answers).ending is Ending.SWITCHED_OFF
    no_credit = refused(480, headers=(("x-reason", "Sorry (NO CREDIT)"),))
    assert outcome_of(no_credit, answers).ending is Ending.CARRIER_DOWN
    assert outcome_of(refused(480, "channel full"), answers).ending is Ending.OUR_LIMIT
    assert outcome_of(refused(480), answers).ending is Ending.SWITCHED_OFF


def test_rules_that_cannot_be_are_refused() -> None:
    """No final status, no header's name, or nothing to go by."""
    rules = (
        StatusRule(status=180, ending="busy"),
        StatusRule(ending="busy"),
        StatusRule(header="X Y", ending="busy"),
    )
    assert [problem.place for problem in status_problems(rules)] == [
        "statuses[0].status",
        "statuses[1]",
        "statuses[2].header",
    ]


def test_operators_read_what_was_said() -> None:
    """Status and phrase, each Reason, vendors' headers, and what was made of it."""
    ended = refused(603, "Decline", q850(21, "rejected"), headers=(("X-Twilio-Error", "32203 blocked"),))
    assert outcome_of(ended).detail == (
        "603 Decline; Q.850 21 rejected; X-Twilio-Error: 32203 blocked; a fraud block"
    )


def test_no_number_is_quoted() -> None:
    """Networks write the number called into their phrases, and details are read by people who need none."""
    detail = outcome_of(refused(404, "No route to +84901888484")).detail
    assert "0188" not in detail
    assert detail.startswith("404 No route to +84****484")


def test_statuses_and_causes_are_told_once() -> None:
    """Two rows for one thing would hide one another."""
    for one, other in itertools.combinations(ANSWERS, 2):
        same = (one.status, one.protocol, one.cause, one.header, one.says, one.wait)
        assert same != (other.status, other.protocol, other.cause, other.header, other.says, other.wait)
