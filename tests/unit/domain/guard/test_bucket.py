import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.guard.bucket import has_room, level_at, window_of

PERIOD = 60_000


def fills(capacity: int, pauses: list[int]) -> list[int]:
    """When each drop that fitted was poured, where one is tried after each pause."""
    level, since, now, poured = 0, 0, 0, []
    for pause in pauses:
        now += pause
        level, since = level_at(level, since, capacity, PERIOD, now), now
        if has_room(level, capacity, PERIOD):
            level += PERIOD
            poured.append(now)
    return poured


@given(st.integers(1, 50), st.lists(st.integers(0, 20_000), max_size=200))
def test_a_bucket_lets_no_drop_too_many_through(capacity: int, pauses: list[int]) -> None:
    """In any stretch of time at most its capacity and what leaked in it, to the drop."""
    poured = fills(capacity, pauses)
    for first in range(len(poured)):
        for last in range(first, len(poured)):
            within = poured[last] - poured[first]
            assert (last - first + 1) * PERIOD <= capacity * PERIOD + within * capacity


@given(st.integers(1, 50), st.integers(0, 10**9), st.lists(st.integers(0, 20_000), max_size=50))
def test_looking_often_leaks_nothing_more(capacity: int, level: int, pauses: list[int]) -> None:
    """A level that is worked out in steps is the one that is worked out at once."""
    now, stepwise = 0, min(level, capacity * PERIOD)
    for pause in pauses:
        stepwise, now = level_at(stepwise, now, capacity, PERIOD, now + pause), now + pause
    assert stepwise == level_at(level, 0, capacity, PERIOD, now)


def test_a_bucket_is_full_at_its_capacity_and_takes_one_more_when_one_has_leaked() -> None:
    """Three at once, and then one per third of the period, not a millisecond sooner."""
    assert fills(3, [0, 0, 0, 0, 19_999, 1, 19_999, 1]) == [0, 0, 0, 20_000, 40_000]


def test_what_a_clock_ahead_has_filled_is_empty_again() -> None:
    """A little ahead counts as it is: nodes' clocks differ."""
    assert level_at(3 * PERIOD, 10 * PERIOD, 3, PERIOD, now=0) == 0
    assert level_at(3 * PERIOD, 1_000, 3, PERIOD, now=0) == 3 * PERIOD


@pytest.mark.parametrize(("seconds", "offset"), [(60, 0), (3_600, 480), (86_400, 480), (86_400, -300)])
def test_a_window_begins_with_the_clock(seconds: int, offset: int) -> None:
    """All of its milliseconds have one number, and the ones beside it have others."""
    begins = 20_000 * 86_400_000 - offset * 60_000
    inside = {window_of(begins + ms, seconds, offset) for ms in (0, 1, seconds * 1000 - 1)}
    assert len(inside) == 1
    assert window_of(begins - 1, seconds, offset) == inside.pop() - 1
