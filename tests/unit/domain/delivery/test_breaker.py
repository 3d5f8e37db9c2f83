"""Whether a carrier is worth a try."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from onema.domain.delivery.breaker import (
    FAILURES_TO_OPEN,
    FIRST_PAUSE_MS,
    LONGEST_PAUSE_MS,
    Breaker,
    BreakerState,
    Pace,
    Verdict,
    verdict,
)
from onema.domain.delivery.endings import RULES, ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind

NOW = 1_800_000_000_000


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = breaker.ended(0, Verdict.FAILS, NOW)
    return breaker


@pytest.mark.parametrize("ending", Ending)
def test_every_ending_says_something_of_its_carrier_by_the_table(ending: Ending) -> None:
    """One that is down fails; our own pace, suspicion and what cannot be said at all are no matter of the carrier's."""
    rule = RULES[ending]
    expected = Verdict.WORKS
    if rule.trips_breaker:
        expected = Verdict.FAILS
    elif rule.lowers_pace or rule.is_suspicion or rule.kind is OutcomeKind.PERMANENT:
        expected = Verdict.SAYS_NOTHING
    assert verdict(ended(ending)) is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (OutcomeKind.SUBMITTED, Verdict.WORKS),
        (OutcomeKind.DELIVERED, Verdict.WORKS),
        (OutcomeKind.UNDELIVERED, Verdict.WORKS),
        (OutcomeKind.PERMANENT, Verdict.WORKS),
        (OutcomeKind.TEMPORARY, Verdict.FAILS),
        (OutcomeKind.UNKNOWN, Verdict.FAILS),
    ],
)
def test_an_outcome_without_an_ending_counts_by_its_kind(kind: OutcomeKind, expected: Verdict) -> None:
    """No answer is what a carrier gives that hangs; a message that is refused for what it is was answered."""
    assert verdict(Outcome(kind=kind)) is expected


def test_failures_in_a_row_open_it() -> None:
    """One fewer does not, nor as many with a success among them."""
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = breaker.ended(0, Verdict.FAILS, NOW)
    breaker = breaker.ended(0, Verdict.WORKS, NOW)
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = breaker.ended(0, Verdict.FAILS, NOW)
        breaker = breaker.ended(0, Verdict.SAYS_NOTHING, NOW)
    assert breaker.state(NOW) is BreakerState.CLOSED
    breaker = breaker.ended(0, Verdict.FAILS, NOW)
    assert breaker.state(NOW) is BreakerState.OPEN
    assert not breaker.lets_through(NOW + FIRST_PAUSE_MS - 1)


def test_after_its_pause_one_probe_at_a_time_decides() -> None:
    """A success closes it; what says nothing lets the next one try."""
    breaker, later = opened(), NOW + FIRST_PAUSE_MS
    assert breaker.state(later) is BreakerState.HALF_OPEN
    assert breaker.lets_through(later)
    breaker = breaker.begun()
    assert not breaker.lets_through(later)
    breaker = breaker.ended(breaker.generation, Verdict.SAYS_NOTHING, later)
    assert breaker.lets_through(later)
    breaker = breaker.begun()
    breaker = breaker.ended(breaker.generation, Verdict.WORKS, later)
    assert breaker.state(later) is BreakerState.CLOSED
    assert breaker.failures == 0


def test_a_probe_that_fails_doubles_the_pause_up_to_the_longest() -> None:
    """And a carrier that works again begins with the first one."""
    breaker, now, pauses = opened(), NOW, []
    for _ in range(6):
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker = breaker.begun()
        breaker = breaker.ended(breaker.generation, Verdict.FAILS, now)
    assert pauses == [5_000, 10_000, 20_000, 40_000, LONGEST_PAUSE_MS, LONGEST_PAUSE_MS]


def test_what_began_before_it_opened_decides_nothing() -> None:
    """Attempts that were under way when it opened end one after the other: no probe was among them."""
    breaker = opened()
    for said in Verdict:
        assert breaker.ended(0, said, NOW + 100) == breaker


EVENTS = st.lists(
    st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from(list(Verdict)), st.integers(0, 30_000)),
    max_size=60,
)


@given(EVENTS)
def test_it_never_sticks_and_never_has_two_probes(events: list[tuple[str, Verdict, int]]) -> None:
    """Whatever comes in whatever order: once it is quiet for the longest pause, somebody may try."""
    breaker, now, running = Breaker(), NOW, list[int]()
    probes = 0
    for what, said, passed in events:
        now += passed
        if what == "begin" and breaker.lets_through(now):
            probes = probes + 1 if breaker.state(now) is BreakerState.HALF_OPEN else 0
            assert probes <= 1
            breaker = breaker.begun()
            running.append(breaker.generation)
        elif what == "end" and running:
            before = breaker.generation
            breaker = breaker.ended(running.pop(0), said, now)
            if not breaker.probing or breaker.generation != before:
                probes = 0
    for generation in running:
        breaker = breaker.ended(generation, Verdict.SAYS_NOTHING, now)
    assert breaker.lets_through(now + LONGEST_PAUSE_MS)


def test_a_carrier_that_says_too_much_gets_less() -> None:
    """Of what it got; the words of what was already under way lower it once."""
    pace = Pace().lowered(NOW, 100.0)
    assert pace.rate_at(NOW) == 70.0
    assert pace.lowered(NOW + 500, 100.0) == pace
    again = pace.lowered(NOW + 1_000, 70.0)
    assert 50.0 < again.rate_at(NOW + 1_000) < 52.0


def test_the_pace_comes_back_slowly_and_is_gone_in_the_end() -> None:
    """It rises each second, until it is far above what was too much."""
    pace = Pace().lowered(NOW, 100.0)
    rates = [pace.rate_at(NOW + 1000 * second) for second in range(22)]
    assert rates == sorted(rates)
    assert rates[10] == pytest.approx(114, abs=1)
    assert pace.rate_at(NOW + 22_000) == 0.0
    assert pace.begun(NOW + 22_000) == Pace()


@given(st.floats(1.0, 500.0), st.lists(st.integers(0, 200), min_size=1, max_size=300))
def test_no_more_begin_than_the_pace_has(lately: float, gaps: list[int]) -> None:
    """Over any time, but for what was saved up in one second."""
    pace, now, began = Pace().lowered(NOW, lately), NOW, 0
    for gap in gaps:
        now += gap
        if pace.lets_through(now):
            pace = pace.begun(now)
            began += 1
        if not pace.rate:
            return
    # It rises meanwhile: the rate at the end is the highest that there was.
    seconds = (now - NOW) / 1000
    assert began <= pace.rate_at(now) * (seconds + 1) + 2


def test_attempts_that_wait_get_turns_one_after_the_other() -> None:
    """So that a crowd does not come back at once, again and again."""
    pace = Pace().lowered(NOW, 10.0)
    turns = []
    for _ in range(7):
        turn, pace = pace.put_off(NOW)
        turns.append(turn)
    assert turns == sorted(turns)
    assert turns[-1] - NOW == pytest.approx(1000, abs=2)
