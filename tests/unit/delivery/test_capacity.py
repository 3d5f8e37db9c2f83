"""What one process makes of the capacity that it was granted."""

from onema.delivery.capacity import Capacity
from onema.domain.delivery.capacity import LEASE_SECONDS, USE_SECONDS, Holder, Holding
from onema.testing.fake_clock import FakeClock

OTHER = Holder("other", 1, 7)


def holding(share: int, *holders: Holder) -> Holding:
    return Holding(share, share, (*holders, Holder("mine", share, 9)))


def capacity(clock: FakeClock) -> Capacity:
    return Capacity("trunk", "mine", clock, clock.steady)


def test_capacity_counts_from_when_it_was_asked_for() -> None:
    """Others may have seen the entry from that moment on, so a late answer allows less, or nothing."""
    clock = FakeClock()
    mine = capacity(clock)
    mine.ask(0)
    clock.advance(USE_SECONDS - 1)
    mine.hear(holding(2))
    assert mine.usable == 2
    clock.advance(1)
    assert mine.usable == 0
    mine.ask(2)
    clock.advance(USE_SECONDS)
    mine.hear(holding(2))
    assert (mine.usable, mine.held) == (0, 2)


def test_a_clock_that_is_set_back_prolongs_nothing() -> None:
    """And one that jumps ahead, as after a sleep of the machine, ends the use at once."""
    clock = FakeClock()
    mine = capacity(clock)
    mine.ask(0)
    mine.hear(holding(2))
    clock.set_by(-3_600)
    clock.advance(USE_SECONDS)
    assert mine.usable == 0
    mine.ask(0)
    mine.hear(holding(2))
    clock.set_by(USE_SECONDS)
    assert mine.usable == 0


def test_others_are_silent_after_a_lease_without_a_change() -> None:
    """Counted from when their entry was seen first, by the time that passed here."""
    clock = FakeClock()
    mine = capacity(clock)
    mine.ask(0)
    clock.advance(5)
    mine.hear(holding(0, OTHER))
    clock.advance(LEASE_SECONDS - 1)
    clock.set_by(1_000)
    assert mine.ask(0).silent == ()
    mine.hear(holding(0, OTHER))
    clock.advance(1)
    assert mine.ask(0).silent == (OTHER,)
    mine.hear(holding(0, Holder("other", 1, 8)))
    clock.advance(LEASE_SECONDS - 1)
    assert mine.ask(0).silent == ()


def test_nothing_may_be_used_of_what_was_given_up() -> None:
    """From the moment on that it is asked for."""
    mine = capacity(FakeClock())
    mine.ask(0)
    mine.hear(holding(2))
    mine.leave()
    assert (mine.usable, mine.held) == (0, 0)
