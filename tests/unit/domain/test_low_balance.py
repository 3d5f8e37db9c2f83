"""A balance under its account's limit, decided on rows alone: docs/api.md#events."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration import documents as doc
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId, MessageId
from onema.domain.money import low_balance, wallet
from onema.domain.money.low_balance import LowBalance, TellLowBalance, low_balance_news
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job, Key, Wallet
from onema.domain.values.money import Minor, parse_amount
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)


class Hold(msgspec.Struct, frozen=True):
    """Reserves money as every send does."""

    id: int
    amount: Minor

    def keys(self, context: Context) -> tuple[Key, ...]:
        return ((Wallet, ACCOUNT), *low_balance.keys(context.directory.accounts[ACCOUNT]))

    def decide(self, world: World, context: Context) -> Decision:
        account = context.directory.accounts[ACCOUNT]
        held, entry = wallet.hold(world, account, self.id, self.amount, self.id)
        low = low_balance.noticed(world, account, held.balance, MessageId(self.id), self.id)
        return Decision(None, puts=(held, *low), inserts=(entry,))


class Release(msgspec.Struct, frozen=True):
    """Gives it back, as for a message that failed."""

    id: int
    amount: Minor

    def keys(self, context: Context) -> tuple[Key, ...]:
        return ((Wallet, ACCOUNT),)

    def decide(self, world: World, context: Context) -> Decision:
        held, *entries = wallet.release(world, ACCOUNT, self.id, self.amount, self.id)
        return Decision(None, puts=(held,), inserts=tuple(entries))


def store_with(limit: str | None) -> PureStore:
    return PureStore(context_of(doc.Account(name="acme", number=1, wallet="postpaid", low_balance=limit)))


def top_up(store: PureStore, number: int, amount: str) -> None:
    store.run(
        TopUpWallet(id=number, now=number, account="acme", reference=str(number), amount=parse_amount(amount))
    )


def low(store: PureStore) -> LowBalance | None:
    row = store.rows.get((LowBalance, ACCOUNT))
    assert row is None or isinstance(row, LowBalance)
    return row


def test_the_hold_that_takes_it_under_the_limit_is_noticed() -> None:
    """With what was left, and which message it was; exactly the limit is enough."""
    store = store_with("100")
    top_up(store, 1, "150")
    store.run(Hold(2, parse_amount("50")))
    assert low(store) is None
    store.run(Hold(3, parse_amount("1")))
    assert low(store) == LowBalance(
        ACCOUNT, 3, parse_amount("99"), parse_amount("100"), message=MessageId(3), event=0
    )


def test_an_account_without_a_limit_loads_nothing_more() -> None:
    """Sending costs it what it did."""
    store = store_with(None)
    assert Hold(2, parse_amount("50")).keys(store.context) == ((Wallet, ACCOUNT),)
    store.run(Hold(2, parse_amount("50")))
    assert low(store) is None


@given(
    st.lists(st.tuples(st.sampled_from(["hold", "release", "top up"]), st.integers(1, 80)), max_size=40),
    st.integers(-50, 100),
)
def test_it_is_told_once_until_money_is_booked(steps: list[tuple[str, int]], limit: int) -> None:
    """Whatever is held and given back meanwhile: beside a model in four lines."""
    store = store_with(str(limit))
    told, is_low, balance = 0, False, 0
    for number, (what, amount) in enumerate(steps, start=1):
        minor = parse_amount(str(amount))
        balance += -amount if what == "hold" else amount
        if what == "hold":
            store.run(Hold(number, minor))
            is_low = is_low or balance < limit
        elif what == "release":
            store.run(Release(number, minor))
        else:
            top_up(store, number, str(amount))
            is_low = is_low and balance < limit
        assert (low(store) is not None) == is_low
        told += store.run(TellLowBalance(account=ACCOUNT, id=1_000 + number, now=number))
        assert not store.run(TellLowBalance(account=ACCOUNT, id=2_000 + number, now=number))
    jobs = [row for row in store.rows.values() if isinstance(row, Job)]
    assert len(jobs) == told
    for job in jobs:
        news = low_balance_news(job)
        assert news is not None
        assert news.balance < news.threshold == parse_amount(str(limit))


@pytest.mark.parametrize(("limit", "stays"), [("100", True), ("10", False), (None, False)])
def test_a_limit_that_was_changed_counts_from_the_next_top_up(limit: str | None, stays: bool) -> None:
    """One that was taken away leaves nothing behind then."""
    store = store_with("100")
    store.run(Hold(1, parse_amount("1")))
    assert low(store) is not None
    store.context = store_with(limit).context
    top_up(store, 2, "50")
    assert (low(store) is not None) is stays
