from hypothesis import given
from hypothesis import strategies as st

from onema.domain.ids import AccountId
from onema.domain.note_refusals import (
    KEPT_ENTRIES,
    KEPT_MS,
    Noted,
    NoteRefusals,
    RefusedRequest,
    joined,
    noted_in,
)
from onema.domain.records import RecentRefusals
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(7)


def refused(
    at: int, reason: str = "rate_limited", times: int = 1, phone: str = "+84****484"
) -> RefusedRequest:
    return RefusedRequest(at=at, since=at, times=times, dialect="esms", reason=reason, phone=phone)


def note(store: PureStore, now: int, *entries: RefusedRequest) -> None:
    total = sum(entry.times for entry in entries)
    store.run(NoteRefusals(account=ACCOUNT, now=now, total=total, entries=entries))


def kept(store: PureStore, now: int) -> Noted:
    row = store.rows.get((RecentRefusals, ACCOUNT))
    return noted_in(row if isinstance(row, RecentRefusals) else None, now)


def test_alike_refusals_are_one_entry_with_its_first_and_last_time() -> None:
    """A phone that is over its window is one fact, however often it is tried."""
    store = PureStore(context_of())
    note(store, 1_000, refused(1_000, times=3), refused(1_000, "phone_invalid"))
    note(store, 5_000, refused(5_000, times=2))
    first, last = kept(store, 5_000).entries
    assert (first.reason, first.times) == ("phone_invalid", 1)
    assert (last.reason, last.since, last.at, last.times) == ("rate_limited", 1_000, 5_000, 5)
    assert kept(store, 5_000).total == 6


def test_only_the_newest_different_ones_are_kept_but_all_are_counted() -> None:
    """A row stays small whatever a customer sends."""
    store = PureStore(context_of())
    for number in range(3 * KEPT_ENTRIES):
        note(store, number, refused(number, phone=f"{number}"))
    found = kept(store, 100)
    assert [entry.at for entry in found.entries] == list(range(2 * KEPT_ENTRIES, 3 * KEPT_ENTRIES))
    assert found.total == 3 * KEPT_ENTRIES


def test_what_is_old_is_not_told_any_more() -> None:
    """Entries go one by one, and the whole row once nothing new came for as long."""
    store = PureStore(context_of())
    note(store, 0, refused(0, phone="a"))
    note(store, 10, refused(10, phone="b"))
    assert [entry.phone for entry in kept(store, KEPT_MS).entries] == ["b"]
    assert kept(store, KEPT_MS + 10) == Noted()


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abc"), st.integers(1, 9)), max_size=40))
def test_the_order_of_processes_changes_nothing(noted: list[tuple[int, str, int]]) -> None:
    """Several processes add to one row in any order: times, first and last are the same."""
    entries = [refused(at, reason, times) for at, reason, times in noted]
    one_way = {entry.likeness: entry for entry in joined(entries)}
    other_way = {entry.likeness: entry for entry in joined(reversed(entries))}
    assert one_way == other_way
    assert sum(entry.times for entry in one_way.values()) == sum(times for _, _, times in noted)
