"""Capacity of a carrier with a total: never more in use than there is, and shared out fairly."""

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import problems_of
from onema.domain.delivery.capacity import (
    LEASE_SECONDS,
    STOP_SECONDS,
    USE_SECONDS,
    HoldCapacity,
    Holder,
    Holding,
    LeaveCapacity,
    holders_of,
)
from onema.domain.records import CarrierCapacity
from onema.testing.pure_store import PureStore, context_of


def store(total: int) -> PureStore:
    return PureStore(context_of(doc.Carrier(name="trunk", type="test", capacity=total)))


def renew(
    store: PureStore, process: str, in_use: int = 0, now: int = 1, silent: tuple[Holder, ...] = ()
) -> Holding:
    holding: Holding = store.run(
        HoldCapacity(carrier="trunk", process=process, now=now, in_use=in_use, silent=silent)
    )
    return holding


def held(store: PureStore) -> dict[str, int]:
    row = store.rows.get((CarrierCapacity, "trunk"))
    return {
        one.process: one.capacity for one in holders_of(row if isinstance(row, CarrierCapacity) else None)
    }


def test_one_process_gets_all_capacity() -> None:
    """Whoever is alone shares with nobody."""
    trunk = store(30)
    assert renew(trunk, "a").share == 30
    assert renew(trunk, "a", in_use=30).share == 30


def test_a_process_that_joins_gets_its_share_when_the_others_give_it_back() -> None:
    """30 over three: each renews, says what it no longer uses, and 10 are left for each."""
    trunk = store(30)
    renew(trunk, "a")
    assert renew(trunk, "b").share == 0
    told = renew(trunk, "a", in_use=30)
    assert (told.capacity, told.share) == (30, 15), "what may still be in use is nobody else's"
    assert renew(trunk, "a", in_use=18).capacity == 18, "calls that have not ended"
    assert renew(trunk, "b").share == 12
    renew(trunk, "c")
    using = {"a": 10, "b": 10, "c": 0}
    for _ in range(2):
        using = {process: renew(trunk, process, in_use=using[process]).share for process in using}
    assert held(trunk) == {"a": 10, "b": 10, "c": 10}


def test_what_does_not_divide_goes_to_the_earliest() -> None:
    """So nobody loses a bind to a process that came later; who gets none waits in the row."""
    binds = store(2)
    assert [renew(binds, process).share for process in "c"] == [2]
    renew(binds, "b")
    renew(binds, "c", in_use=1)
    assert [renew(binds, process, in_use=1).share for process in "bac"] == [1, 0, 1]
    binds.run(LeaveCapacity(carrier="trunk", process="c"))
    assert [renew(binds, process, in_use=1).share for process in "ba"] == [1, 1]


def test_an_entry_that_was_renewed_meanwhile_is_not_silent() -> None:
    """Only the very entry that was seen unchanged is taken as given up."""
    trunk = store(2)
    renew(trunk, "a", now=5)
    (seen,) = renew(trunk, "b").holders[:1]
    renew(trunk, "a", in_use=2, now=5)
    assert renew(trunk, "b", silent=(seen,)).share == 0
    (seen,) = renew(trunk, "b").holders[:1]
    assert renew(trunk, "b", silent=(seen,)).share == 2
    assert held(trunk) == {"b": 2}


def test_whoever_was_given_up_gets_nothing_for_what_it_believes_to_hold() -> None:
    """A process that was paused comes back: its capacity is others' now."""
    trunk = store(2)
    (seen,) = renew(trunk, "a").holders
    renew(trunk, "b", silent=(seen,))
    assert renew(trunk, "a", in_use=2).share == 0
    assert held(trunk) == {"b": 2, "a": 0}


def test_each_renewal_changes_the_entry_even_when_the_clock_was_set_back() -> None:
    """Others tell a living process by nothing else."""
    trunk = store(1)
    times = [renew(trunk, "a", now=now).holders[0].renewed_at for now in (500, 500, 3)]
    assert len(set(times)) == 3


def test_a_smaller_total_is_kept_as_soon_as_processes_have_renewed() -> None:
    """And a larger one is shared out."""
    trunk = store(30)
    renew(trunk, "a")
    trunk.context = context_of(doc.Carrier(name="trunk", type="test", capacity=20))
    assert renew(trunk, "a", in_use=30).share == 20
    assert renew(trunk, "b").share == 0
    assert renew(trunk, "a", in_use=10).capacity == 10
    assert renew(trunk, "b").share == 10
    trunk.context = context_of(doc.Carrier(name="trunk", type="test", capacity=40))
    assert [renew(trunk, process, in_use=10).share for process in "ab"] == [20, 20]


@pytest.mark.parametrize("state", ["inactive", None])
def test_a_carrier_without_a_total_has_no_capacity(state: doc.State | None) -> None:
    """A process that has not heard of it yet holds on to what it uses, and gets nothing new."""
    trunk = store(2)
    renew(trunk, "a")
    documents = () if state is None else (doc.Carrier(name="trunk", type="test", capacity=2, state=state),)
    trunk.context = context_of(*documents)
    told = renew(trunk, "a", in_use=1)
    assert (told.capacity, told.share) == (1, 0)


def test_the_last_to_leave_takes_the_row_along() -> None:
    """Carriers that are gone leave nothing behind; leaving twice is fine."""
    trunk = store(2)
    renew(trunk, "a")
    for _ in range(2):
        trunk.run(LeaveCapacity(carrier="trunk", process="a"))
    assert trunk.rows == {}


def test_there_is_time_to_stop_before_others_may_take_the_capacity() -> None:
    """With two seconds to spare."""
    assert USE_SECONDS + STOP_SECONDS + 2 <= LEASE_SECONDS


@pytest.mark.parametrize(
    ("capacity", "per_second", "problem"),
    [(2, 100, ""), (0, 0, ""), (-1, 0, "negative"), (1, -1, "negative"), (0, 10, "name how many binds")],
)
def test_a_total_must_make_sense(capacity: int, per_second: int, problem: str) -> None:
    """A pace without capacity could not be shared out."""
    carrier = doc.Carrier(name="c", type="test", capacity=capacity, per_second=per_second)
    found = "; ".join(map(str, problems_of(carrier)))
    assert problem in found
    assert bool(problem) == bool(found)
