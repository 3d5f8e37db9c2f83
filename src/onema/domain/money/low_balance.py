"""A balance under the limit that its account has set itself: noticed where money is held, and told of once."""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, JobKind, Key, Row
from onema.domain.values.money import Minor


class LowBalance(Row, frozen=True, gc=False):
    """There is one from the hold that takes the balance under the account's `low_balance` until a top-up brings it up
    to that again. `message` is that hold's, `balance` what was left, `threshold` what it was measured by.
    `event` is the job that tells of it; 0 before that is made.
    """

    table = "low_balances"
    key_columns = 1

    account: AccountId
    since: int
    balance: Minor
    threshold: Minor
    message: MessageId
    event: int


def keys(account: AccountView) -> tuple[Key, ...]:
    """What a hold loads besides the wallet: nothing for accounts without a limit."""
    return ((LowBalance, account.id),) if account.low_balance is not None else ()


def noticed(
    world: World, account: AccountView, balance: Minor, message: MessageId, now: int
) -> tuple[Row, ...]:
    """After a hold that leaves `balance`: what is put where that is the first one under the limit."""
    threshold = account.low_balance
    if threshold is None or balance >= threshold or world.get(LowBalance, account.id) is not None:
        return ()
    return (LowBalance(account.id, now, balance, threshold, message, 0),)


def ended(world: World, account: AccountView, balance: Minor) -> tuple[Key, ...]:
    """After a top-up: what is deleted, so that the next time is told again."""
    low = world.get(LowBalance, account.id)
    if low is None or (account.low_balance is not None and balance < account.low_balance):
        return ()
    return (low.key,)


BALANCE_LOW = "balance.low"
"""The event's type."""


class LowBalanceNews(msgspec.Struct, frozen=True, tag=BALANCE_LOW):
    """What its event tells: what was left at `at` (Unix ms), and the limit."""

    at: int
    balance: Minor
    threshold: Minor


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LowBalanceNews)


def low_balance_news(job: Job) -> LowBalanceNews | None:
    """What a callback's job tells of a balance; None for one that is about a message or a call."""
    return _decoder.decode(job.payload) if job.payload.startswith(b"{") else None


class TellLowBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make the callback that tells of it, as the job `id`, once. Result: whether it was not made yet."""

    account: AccountId
    id: int
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LowBalance, self.account),)

    def decide(self, world: World, context: Context) -> Decision:
        low = world.get(LowBalance, self.account)
        if low is None or low.event:
            return Decision(False)
        news = LowBalanceNews(low.since, low.balance, low.threshold)
        job = Job(
            id=self.id,
            kind=JobKind.CALLBACK,
            account=low.account,
            message=low.message,
            due_at=self.now,
            lease=0,
            attempt=0,
            in_flight=False,
            payload=_encoder.encode(news),
        )
        return Decision(True, puts=(msgspec.structs.replace(low, event=self.id),), inserts=(job,))
