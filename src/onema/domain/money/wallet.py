"""Money of an account: an append-only ledger and its running sum.

Available = sum of entries: top-up +, hold -h, release +r, capture 0, adjust. A message's money is held when it
is accepted; the hold ends exactly once, by a capture (what it cost) and a release (what is left of the hold).
What becomes known after that (a receipt days later) is an adjust.
"""

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.decision import World
from onema.domain.ids import AccountId
from onema.domain.records import EntryKind, LedgerEntry, Row, Wallet
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import NOTHING, Minor


def hold(
    world: World, account: AccountView, subject: int, amount: Minor, now: int
) -> tuple[Wallet, LedgerEntry]:
    """Reserve `amount`. Raises Refused(WALLET_EXPIRED | BALANCE_TOO_LOW)."""
    if account.prepaid and account.wallet_expires_at and now >= account.wallet_expires_at:
        raise Refused(Refusal.WALLET_EXPIRED)
    balance = balance_of(world, account.id) - amount
    if account.lowest_balance is not None and balance < account.lowest_balance:
        raise Refused(Refusal.BALANCE_TOO_LOW)
    return (
        Wallet(account=account.id, balance=Minor(balance)),
        _entry(account.id, subject, EntryKind.HOLD, Minor(-amount), now),
    )


def pay_resend(
    world: World, account: AccountView, subject: int, attempt: int, amount: Minor, now: int
) -> tuple[Wallet, LedgerEntry]:
    """Pay for one more attempt of a message. Raises Refused(WALLET_EXPIRED | BALANCE_TOO_LOW)."""
    wallet, entry = hold(world, account, subject, amount, now)
    return wallet, msgspec.structs.replace(entry, kind=f"{EntryKind.RESEND} {attempt}")


def pay_resend_back(
    world: World, account: AccountId, subject: int, attempt: int, amount: Minor, now: int
) -> tuple[Row, ...]:
    """It certainly did not leave us."""
    wallet, entry = _move(world, account, subject, EntryKind.RESEND_BACK, amount, now)
    return (wallet, msgspec.structs.replace(entry, kind=f"{EntryKind.RESEND_BACK} {attempt}"))


def capture(
    world: World, account: AccountId, subject: int, held: Minor, cost: Minor, now: int
) -> tuple[Row, ...]:
    """End a hold of `held` by charging `cost` of it; the rest is released. First the wallet, if it changes."""
    if cost == held:
        return (_entry(account, subject, EntryKind.CAPTURE, NOTHING, now),)
    return (
        *_move(world, account, subject, EntryKind.RELEASE, Minor(held - cost), now),
        _entry(account, subject, EntryKind.CAPTURE, NOTHING, now),
    )


def release(world: World, account: AccountId, subject: int, held: Minor, now: int) -> tuple[Row, ...]:
    """End a hold without a charge."""
    return _move(world, account, subject, EntryKind.RELEASE, held, now)


def adjust(
    world: World, account: AccountId, subject: int, amount: Minor, now: int, note: str
) -> tuple[Row, ...]:
    """Correct a hold that has already ended. It may pass the wallet's floor: the cost has been made."""
    return _move(world, account, subject, EntryKind.ADJUST, amount, now, note)


def top_up(
    world: World, account: AccountId, subject: int, amount: Minor, now: int, note: str
) -> tuple[Wallet, LedgerEntry]:
    return _move(world, account, subject, EntryKind.TOP_UP, amount, now, note)


def balance_of(world: World, account: AccountId) -> Minor:
    wallet = world.get(Wallet, account)
    return wallet.balance if wallet else NOTHING


def _move(
    world: World, account: AccountId, subject: int, kind: EntryKind, amount: Minor, now: int, note: str = ""
) -> tuple[Wallet, LedgerEntry]:
    wallet = Wallet(account=account, balance=Minor(balance_of(world, account) + amount))
    return (wallet, _entry(account, subject, kind, amount, now, note))


def _entry(
    account: AccountId, subject: int, kind: EntryKind, amount: Minor, now: int, note: str = ""
) -> LedgerEntry:
    return LedgerEntry(account=account, subject=subject, kind=kind, amount=amount, at=now, note=note)
