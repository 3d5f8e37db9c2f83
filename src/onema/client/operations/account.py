"""`./dev docs` makes this of openapi.yaml."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    balance: str
    wallet: str
    expires_at: str | None


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    kind: str
    amount: str
    at: dt.datetime
    note: str


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[LedgerEntry]
    next_cursor: str | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    prefix: str
    price: str
    period: int


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    rates: list[Rate]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    at: dt.datetime
    actor: str
    how: str
    role: str
    address: str
    what: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[AuditEntry]
    next_cursor: str | None


class WindowLimit(msgspec.Struct, frozen=True, kw_only=True):
    per: str
    seconds: int
    limit: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str
    country: str
    countries: list[str]
    fixed_number: str
    destinations: list[str]
    allowed_ips: list[str]
    windows: list[WindowLimit] | None
    tariff: str
    wallet: str
    currency: str
    floor: str
    credit_limit: str | None
    wallet_expires_at: str
    low_balance: str | None
    capture_on: str
    callback_url: str
    resends: int
    keep_days: int
    sandbox_numbers: dict[str, str]
    safe_numbers: list[str]


def get_balance() -> Call[Balance]:
    """What the wallet holds."""
    return Call("GET", "/v1/balance", Balance)


def list_ledger(*, limit: int | None = None, cursor: str | None = None) -> Call[LedgerPage]:
    """Movements of money, newest first."""
    return Call("GET", "/v1/ledger", LedgerPage, query={"limit": limit, "cursor": cursor})


def get_prices() -> Call[Prices]:
    """What messages cost."""
    return Call("GET", "/v1/prices", Prices)


def list_audit(*, limit: int | None = None, cursor: str | None = None) -> Call[AuditPage]:
    """Who changed what, newest first.

    It takes the scope `admin`.
    """
    return Call("GET", "/v1/audit", AuditPage, query={"limit": limit, "cursor": cursor})


def get_account() -> Call[Account]:
    """The account."""
    return Call("GET", "/v1/account", Account)


def change_account(
    *,
    callback_url: str | UnsetType = UNSET,
    allowed_ips: Sequence[str] | UnsetType = UNSET,
    low_balance: str | UnsetType | None = UNSET,
    safe_numbers: Sequence[str] | UnsetType = UNSET,
) -> Call[Account]:
    """Change the account.

    What is left out stays as it is.
    """
    return Call(
        "PATCH",
        "/v1/account",
        Account,
        body={
            "callback_url": callback_url,
            "allowed_ips": allowed_ips,
            "low_balance": low_balance,
            "safe_numbers": safe_numbers,
        },
    )
