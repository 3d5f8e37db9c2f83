from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from onema.delivery.places import Places
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, JobKind

ACCOUNTS = st.integers(1, 5)


def callback(account: int) -> Job:
    return Job(1, JobKind.CALLBACK, AccountId(account), MessageId(1), 0, 1, 0, False, b"")


class Held:
    """Places with a job of each of these accounts in it, as far as they were granted one."""

    def __init__(self, size: int, wanted: list[int]) -> None:
        self.places = Places(size, fairly=True)
        self.of: Counter[int] = Counter()
        for account in wanted:
            if self.places.grants(AccountId(account), self.places.free):
                self.take(account)

    def take(self, account: int) -> None:
        self.places.give(callback(account), object())  # type: ignore[arg-type]  # only told apart
        self.of[account] += 1


@given(st.integers(1, 64), st.lists(ACCOUNTS, max_size=200))
def test_an_account_that_has_nothing_finds_a_place_while_one_is_free(size: int, wanted: list[int]) -> None:
    """Whatever the others want, and whoever came first: with five of them some are left from sixteen places on."""
    held = Held(size, wanted)
    assert held.places.grants(AccountId(99), held.places.free) == (held.places.free > 0)
    if size > 15:
        assert held.places.free > 0


@given(st.integers(0, 64), st.integers(1, 8))
def test_accounts_that_want_everything_get_equal_parts(size: int, accounts: int) -> None:
    """One alone a fifth of the places, n of them an (n + 4)th each; the rest is left for others."""
    held = Held(size, list(range(accounts)) * size)
    part = size // (accounts + 4)
    assert all(part <= held.of[account] <= part + 1 for account in range(accounts))


@given(st.integers(0, 64), st.lists(ACCOUNTS, max_size=100), st.lists(ACCOUNTS, max_size=200))
def test_a_round_gives_nobody_more_than_is_granted(size: int, wanted: list[int], due: list[int]) -> None:
    """In whatever order the store finds due jobs."""
    held = Held(size, wanted)
    limit, share, full = held.places.round()
    taken: Counter[int] = Counter()
    for account in due:
        if account not in full and taken[account] < share and taken.total() < limit:
            assert held.places.grants(AccountId(account), held.places.free)
            held.take(account)
            taken[account] += 1


@given(st.integers(1, 64), st.lists(ACCOUNTS, max_size=100))
def test_a_round_leaves_out_nobody_who_has_nothing(size: int, wanted: list[int]) -> None:
    """As long as a place is free."""
    held = Held(size, wanted)
    limit, share, full = held.places.round()
    if held.places.free:
        assert limit >= 1
        assert share >= 1
        assert {account for account in full if not held.of[account]} == set()


def test_what_is_promised_counts_as_taken() -> None:
    """A batch in flight gives its jobs only once it is durable."""
    places = Places(16, fairly=True)
    assert places.grants(AccountId(1), free=9, promised=2)
    assert not places.grants(AccountId(1), free=8, promised=2)
    assert Places(4).grants(AccountId(1), free=1, promised=3), "other kinds are first come, first served"
