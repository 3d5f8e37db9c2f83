import hypothesis.strategies as st
import pytest
from hypothesis import given

from onema.domain.codes.limits import count, used_now
from onema.domain.ids import AccountId
from onema.domain.records import Window
from onema.domain.refusals import Refusal, Refused

START = 1_800_000_000_000
FRESH = Window(account=AccountId(1), scope="phone", subject="+84901888484", counters="", expires_at=0)


def uses(window: Window, limits: list[tuple[int, int]], times: list[int]) -> tuple[Window, list[bool]]:
    """Which of the uses at these times are let through."""
    let_through = []
    for time in times:
        try:
            window = count(window, limits, time)
        except Refused as refused:
            let_through.append(False)
            if refused.refusal is not Refusal.RATE_LIMITED:
                raise
        else:
            let_through.append(True)
    return window, let_through


def test_a_window_lets_so_many_through_and_opens_again() -> None:
    """Two per minute: the third waits until a minute after the first."""
    times = [START, START + 30_000, START + 59_999, START + 60_000]
    assert uses(FRESH, [(60, 2)], times)[1] == [True, True, False, True]


def test_every_limit_of_a_subject_counts() -> None:
    """The tighter one refuses, and a refused use is counted by neither."""
    limits = [(60, 1), (3600, 3)]
    times = [START, START + 1, START + 60_000, START + 120_000, START + 180_000]
    window, let_through = uses(FRESH, limits, times)
    assert let_through == [True, False, True, True, False]
    assert used_now(window, 3600, START + 180_000) == 3


def test_a_closed_window_counts_for_nothing() -> None:
    """Its row may go: it expires with its longest window."""
    window = count(FRESH, [(60, 1), (600, 5)], START)
    assert window.expires_at == START + 600_000
    assert used_now(window, 60, START + 60_000) == 0
    assert used_now(None, 60, START) == 0


@given(
    seconds=st.integers(1, 100),
    limit=st.integers(1, 5),
    gaps=st.lists(st.integers(0, 60_000), min_size=1, max_size=40),
)
def test_no_window_ever_holds_more_than_its_limit(seconds: int, limit: int, gaps: list[int]) -> None:
    """Whatever the rhythm: from each opening on, at most so many in so many seconds."""
    times, now = [], START
    for gap in gaps:
        now += gap
        times.append(now)
    _, let_through = uses(FRESH, [(seconds, limit)], times)
    passed = [time for time, ok in zip(times, let_through, strict=True) if ok]
    opened = passed[0]
    held = 0
    for time in passed:
        if time >= opened + seconds * 1000:
            opened, held = time, 0
        held += 1
        assert held <= limit


def test_a_limit_of_nothing_refuses_everything() -> None:
    """So that an account can be closed for one kind of sending."""
    with pytest.raises(Refused):
        count(FRESH, [(60, 0)], START)
