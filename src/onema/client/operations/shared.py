"""`./dev docs` makes this of openapi.yaml."""

import msgspec


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    held: str
    charged: str
