"""Figures that only the store knows, read now and then: how long work has been due, and what wallets hold."""

import asyncio
from collections.abc import Mapping

from onema.domain.configuration.directory import AccountView
from onema.domain.records import JobKind, Wallet
from onema.domain.values.money import SCALE
from onema.engine.committer import Committer
from onema.engine.loops import Loop
from onema.engine.ports import Clock
from onema.storage.contract import Storage, StorageError

EVERY_SECONDS = 10.0
BALANCES_EVERY_ROUNDS = 6
LOOKED_AT = 10_000
"""Of so many due jobs the oldest of each kind is told."""
LOWEST_BALANCES = 50
"""Of so many accounts the balance is told: those nearest to where they may send no more."""
_WALLETS_AT_ONCE = 100


class StoreReadings:
    """Holds the newest figures for whoever exports them; empty until the first round, and while the store is away."""

    def __init__(
        self, committer: Committer, storage: Storage, clock: Clock, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._committer = committer
        self._storage = storage
        self._clock = clock
        self._loop = Loop("store-readings", self.refresh, every_seconds=every_seconds)
        self._rounds = 0
        """How many succeeded since the store was away; `refresh` counts."""
        self.due_seconds: Mapping[tuple[str, ...], float] = {}
        """By kind: for how long the job that waits longest has been due."""
        self.balances: Mapping[tuple[str, ...], float] = {}
        """By account and currency: how much may still be spent before its floor or credit limit."""

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def read_due(self) -> None:
        now = self._clock.now()
        since = await self._storage.oldest_due(now, LOOKED_AT)
        # Zero for what waits for nothing: an alert on a series that comes and goes would never be sure.
        self.due_seconds = {(str(kind),): max(0, now - since.get(kind, now)) / 1000 for kind in JobKind}

    async def read_balances(self) -> None:
        accounts = [
            account
            for account in self._committer.directory.accounts.values()
            if account.lowest_balance is not None and account.active
        ]
        left: list[tuple[int, AccountView]] = []
        for start in range(0, len(accounts), _WALLETS_AT_ONCE):
            some = accounts[start : start + _WALLETS_AT_ONCE]
            rows = await self._storage.read([(Wallet, account.id) for account in some])
            for account in some:
                wallet = rows.get((Wallet, account.id))
                balance = wallet.balance if isinstance(wallet, Wallet) else 0
                left.append((balance - (account.lowest_balance or 0), account))
            await asyncio.sleep(0)
        left.sort(key=lambda each: each[0])
        self.balances = {
            (account.name, account.document.currency): amount / SCALE
            for amount, account in left[:LOWEST_BALANCES]
        }

    async def refresh(self) -> None:
        """One round: balances change slowly, and are many."""
        try:
            await self.read_due()
            if self._rounds % BALANCES_EVERY_ROUNDS == 0:
                await self.read_balances()
        except StorageError:
            self._rounds, self.due_seconds, self.balances = 0, {}, {}
        else:
            self._rounds += 1
