"""`./dev docs` makes this of openapi.yaml."""

import msgspec

from onema.client.call import Call


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    balance: str
    wallet: str
    expires_at: str | None


def get_balance() -> Call[Balance]:
    """What the wallet holds."""
    return Call("GET", "/v1/balance", Balance)
