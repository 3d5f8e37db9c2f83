"""Balances under the limits of their accounts, looked for now and then: each has its event made, and is counted."""

from collections.abc import Mapping

from onema.domain.money.low_balance import LowBalance, TellLowBalance
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError

EVERY_SECONDS = 10.0
_AT_ONCE = 500


class LowBalances:
    """Every process looks; who comes first makes the event."""

    def __init__(self, gateway: Gateway, storage: Storage, every_seconds: float = EVERY_SECONDS) -> None:
        self._gateway = gateway
        self._storage = storage
        self._loop = Loop("low-balances", self.refresh, every_seconds=every_seconds)
        self.counted: Mapping[tuple[str, ...], float] = {}
        """How many accounts are low; nothing while the store is away."""

    def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def refresh(self) -> None:
        try:
            found = await read_low_balances(self._gateway, self._storage)
        except StorageError:
            self.counted = {}
            return
        self.counted = {(): float(len(found))}
        for low in found:
            if not low.event:
                command = TellLowBalance(
                    account=low.account, id=self._gateway.next_id(), now=self._gateway.now()
                )
                await self._gateway.execute(command)


async def read_low_balances(gateway: Gateway, storage: Storage, account: str = "") -> list[LowBalance]:
    """Of all accounts that live here and have a limit, or of one; the largest numbers last. Raises StorageError."""
    numbers = [
        one.id
        for one in gateway.directory.accounts.values()
        if one.low_balance is not None and account in ("", one.name) and one.id not in gateway.directory.away
    ]
    found: list[LowBalance] = []
    for start in range(0, len(numbers), _AT_ONCE):
        rows = await storage.read([(LowBalance, number) for number in numbers[start : start + _AT_ONCE]])
        found += [row for row in rows.values() if isinstance(row, LowBalance)]
    return sorted(found, key=lambda one: one.account)
