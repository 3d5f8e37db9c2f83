"""Which accounts have less money than they want to be told of."""

from onema.administration.customer_requests import LowAccount
from onema.engine.gateway import Gateway
from onema.engine.low_balances import read_low_balances
from onema.storage.contract import Storage


async def low_accounts(gateway: Gateway, storage: Storage, account: str) -> tuple[LowAccount, ...]:
    """All, or the named one. Raises StorageError."""
    accounts = gateway.directory.accounts
    return tuple(
        LowAccount(
            account=accounts[low.account].name,
            currency=accounts[low.account].document.currency,
            since=low.since,
            balance=low.balance,
            threshold=low.threshold,
        )
        for low in await read_low_balances(gateway, storage, account)
    )
