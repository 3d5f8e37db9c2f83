"""One process with two batches in flight."""

import asyncio
from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.keyring import Keyring
from onema.domain.records import Event, Key, Wallet
from onema.domain.values.money import Minor
from onema.engine.command_queue import WORTH_A_BATCH
from onema.engine.committer import Committer
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource, SystemClock

from .conftest import OpenStorage

WALLETS = 3 * WORTH_A_BATCH
ADDITIONS = Minor(10)


class Add(msgspec.Struct, frozen=True):
    """One more in a wallet, and an event that says so. Result: what is in it now."""

    account: int
    id: int

    def keys(self, context: Context) -> Iterable[Key]:
        return [(Wallet, self.account)]

    def decide(self, world: World, context: Context) -> Decision:
        wallet = world.get(Wallet, self.account)
        balance = wallet.balance + 1 if wallet else 1
        return Decision(
            balance,
            puts=(Wallet(AccountId(self.account), Minor(balance)),),
            inserts=(Event(AccountId(self.account), self.account, self.id, "added", ""),),
        )


async def test_two_batches_in_flight_lose_nothing(open_storage: OpenStorage) -> None:
    """Many wallets at once, each again and again: whichever writer takes it, an addition builds on the one before."""
    storage = await open_storage()
    ids = IdSource(SystemClock(), 1)
    committer = Committer(
        storage, Keyring(b"k" * 32), SystemClock(), ids, batch_limit=512, lease_ms=1, observer=Unobserved()
    )
    await committer.start()

    async def add_to(account: int) -> list[int]:
        return [await committer.execute(Add(account, ids.next())) for _ in range(ADDITIONS)]

    results = await asyncio.gather(*(add_to(account) for account in range(1, WALLETS + 1)))
    await committer.stop()
    assert results == [list(range(1, ADDITIONS + 1))] * WALLETS
    keys: list[Key] = [(Wallet, account) for account in range(1, WALLETS + 1)]
    assert set((await storage.read(keys)).values()) == {Wallet(key[1], ADDITIONS) for key in keys}
    sessions = await storage._fetch(
        "SELECT DISTINCT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'onema writer %'"
    )
    assert len(sessions) == 2, "both writers had batches"
