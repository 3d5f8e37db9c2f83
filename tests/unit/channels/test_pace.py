"""How often a carrier may start something."""

import bisect
import random

import pytest

from onema.channels.pace import LATE_SECONDS, Pace


def starts(pace: Pace, seconds: float, lateness: float = 0.0, segments: int = 1) -> list[float]:
    """When something starts, of a queue that is never empty."""
    found, now = list[float](), 100.0
    while now < 100.0 + seconds:
        wait = pace.wait(now)
        if wait:
            now += wait + lateness
            continue
        pace.take(now, segments)
        found += [now] * segments
    return found


def most_in_a_second(times: list[float]) -> int:
    return max(bisect.bisect_left(times, at + 1.0) - index for index, at in enumerate(times))


def test_no_pace_lets_everything_start() -> None:
    """0.0 is no pace."""
    pace = Pace()
    for _ in range(1_000):
        assert pace.wait(5.0) == 0.0
        pace.take(5.0)


@pytest.mark.parametrize("rate", [0.5, 1.0, 7.0, 300.0])
def test_a_pace_is_kept_and_used(rate: float) -> None:
    """In any second at most so many, and over ten no fewer."""
    times = starts(Pace(rate), 10.0)
    assert most_in_a_second(times) <= max(1, round(rate)) + 1
    assert len(times) >= rate * 10 - 1


def test_late_timers_cost_no_pace() -> None:
    """A loop that is a few milliseconds late each time still starts as many while somebody waits."""
    assert len(starts(Pace(500.0), 4.0, lateness=0.003)) >= 1_990


def test_nothing_is_saved_up() -> None:
    """After a pause the next waits as ever: another process may have used the pace meanwhile."""
    pace = Pace(10.0)
    starts(pace, 2.0)
    pace.rest()
    pace.take(500.0)
    assert pace.wait(500.0) == pytest.approx(0.1)


def test_it_counts_segments() -> None:
    """A message of three takes the time of three."""
    pace = Pace(30.0)
    pace.take(1.0, 3)
    assert pace.wait(1.0) == pytest.approx(0.1)
    assert len(starts(Pace(30.0), 10.0, segments=3)) <= 303


def test_a_changed_pace_holds_at_once() -> None:
    """A share grows and shrinks while somebody waits."""
    pace = Pace(1.0)
    pace.take(1.0)
    pace.per_second = 100.0
    assert pace.wait(1.0) == pytest.approx(0.01)
    pace.per_second = 1.0
    assert pace.wait(1.0) == pytest.approx(1.0)
    pace.per_second = 0.0
    assert pace.wait(1.0) == 0.0


def test_random_demand_never_exceeds_it() -> None:
    """Queues that come and go, late timers, several segments: never more than the pace and a timer's lateness."""
    for seed in range(50):
        dice = random.Random(seed)
        rate = dice.choice([5.0, 40.0, 200.0])
        pace, now, times = Pace(rate), 0.0, list[float]()
        while now < 20.0:
            if dice.random() < 0.1:
                pace.rest()
                now += dice.random() * 3
            wait = pace.wait(now)
            if wait:
                now += wait + dice.random() * 0.01
            else:
                pace.take(now)
                times.append(now)
        assert most_in_a_second(times) <= rate * (1 + LATE_SECONDS) + 2
