"""What customers read of the store. Reads change nothing, so they need no batch; they may not keep batches waiting.

Only so many run at once, and of one account only so many wait: a customer that polls holds up itself alone.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Message, Wallet
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import NOTHING, Minor
from onema.storage.contract import Storage, StorageError

AT_ONCE = 4
WAITING_OF_AN_ACCOUNT = 16


class CustomerReads:
    """Every read raises Refused(RATE_LIMITED) for an account that has too many under way, and
    Refused(STORE_UNAVAILABLE).
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = Counter[AccountId]()
        """How many reads each account has under way; no entry for one that has none."""

    async def balance(self, account: AccountId) -> Minor:
        """What the account's wallet holds; nothing for one that never moved."""
        key = (Wallet, account)
        async with self._turn(account):
            wallet = (await self._storage.read([key])).get(key)
        return wallet.balance if isinstance(wallet, Wallet) else NOTHING

    async def message(self, account: AccountId, message: MessageId) -> Message | None:
        """The account's message of this id."""
        key = (Message, account, message)
        async with self._turn(account):
            found = (await self._storage.read([key])).get(key)
        return found if isinstance(found, Message) else None

    @contextlib.asynccontextmanager
    async def _turn(self, account: AccountId) -> AsyncIterator[None]:
        if self._waiting[account] >= WAITING_OF_AN_ACCOUNT:
            raise Refused(Refusal.RATE_LIMITED, f"{WAITING_OF_AN_ACCOUNT} reads of the account are under way")
        self._waiting[account] += 1
        try:
            async with self._places:
                yield
        except StorageError as error:
            raise Refused(Refusal.STORE_UNAVAILABLE, str(error)) from error
        finally:
            self._waiting[account] -= 1
            if not self._waiting[account]:
                del self._waiting[account]
