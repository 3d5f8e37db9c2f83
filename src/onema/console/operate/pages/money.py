"""An account's wallet, its ledger, and what it pays."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec
from starlette.responses import Response, StreamingResponse

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.console.operate.spreadsheet import csv_of, not_computed
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration import documents as doc
from onema.domain.ids import LARGEST_ID
from onema.domain.money.top_up import reference_fault
from onema.domain.records import LedgerEntry
from onema.domain.values.money import Minor, format_amount, parse_amount
from onema.domain.values.times import show_time
from onema.storage.contract import NEWEST_ENTRY

_AT_ONCE = 1_000
"""Entries that are read at once for a file."""
_ONCE_BYTES = 8
_COLUMNS = ("at", "kind", "amount", "currency", "subject", "note")


async def money(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    balance = await visit.ask(ask.ReadBalance(account=account.name)) if account else None
    prices = await visit.ask(theirs.ReadPrices(account=account.name)) if account else None
    low = await visit.ask(theirs.ReadLowBalances(account=account.name)) if account else ()
    before = _cursor(visit.told("before"))
    entries = (
        await visit.ask(ask.ReadLedger(account=account.name, before=before, limit=PAGE + 1))
        if account
        else ()
    )
    shown = entries[:PAGE]
    last = shown[-1] if len(entries) > PAGE else None
    return visit.render(
        "money.html",
        accounts=accounts,
        account=account,
        balance=format_amount(balance.balance) if balance else "",
        lowest=format_amount(balance.lowest) if balance and balance.lowest is not None else "",
        expires_at=show_time(balance.expires_at) if balance else "",
        low=_shown_low(low[0]) if low else None,
        rates=prices.rates if prices else (),
        once=visit.token(_ONCE_BYTES).hex(),
        entries=[
            {"at": show_time(one.at), "entry": one, "amount": format_amount(one.amount)} for one in shown
        ],
        older=f"{last.subject}.{last.kind}" if last else "",
        command=f"onema wallet ledger {account.name if account else ''}",
    )


def _shown_low(low: theirs.LowAccount) -> dict[str, str]:
    threshold, since = format_amount(low.threshold), show_time(low.since)
    return {"threshold": threshold, "since": since, "currency": low.currency, "account": low.account}


async def set_low_balance(visit: Visit) -> str:
    """Under which balance the account wants to be told; nothing written: never."""
    account = await _account(visit)
    document, revision = await visit.document(doc.Account, account.name)
    changed = visit.form.document(
        visit.words,
        doc.Account,
        **{**msgspec.structs.asdict(document), "low_balance": visit.form.text("low_balance") or None},
    )
    await visit.put(changed, revision=revision)
    return _back(account)


async def top_up(visit: Visit) -> str:
    """Book money once, however often the form is sent."""
    account = await _account(visit)
    form = visit.form
    amount = _amount(visit, "amount")
    if not amount:
        form.errors["amount"] = _how_amounts_are_written(visit)
        raise Unfit
    reference = form.text("reference") or f"console-{form.text('once')}"
    if fault := reference_fault(reference):
        form.errors["reference"] = visit.words.say("Write 1 to 200 characters that can be seen.")
        raise Unfit from ValueError(fault)
    new = await visit.ask(ask.TopUp(account=account.name, amount=amount, reference=reference))
    if not new:
        form.errors["reference"] = visit.words.say("This was booked before; nothing changed.")
        raise Unfit
    return _back(account)


async def set_terms(visit: Visit) -> str:
    """How an account pays: ahead until the money ends, or later up to a limit."""
    account = await _account(visit)
    form = visit.form
    document, revision = await visit.document(doc.Account, account.name)
    changed = form.document(
        visit.words,
        doc.Account,
        **{
            **msgspec.structs.asdict(document),
            "wallet": form.text("wallet"),
            "floor": form.text("floor") or "0",
            "credit_limit": form.text("credit_limit") or None,
            "wallet_expires_at": form.text("wallet_expires_at"),
        },
    )
    await visit.put(changed, revision=revision)
    return _back(account)


async def _account(visit: Visit) -> doc.Account:
    """Whose page the form stands on. Raises NotForThem."""
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    return account


def _amount(visit: Visit, field: str) -> Minor:
    """Raises Unfit where it is none."""
    try:
        return parse_amount(visit.form.text(field))
    except ValueError as error:
        visit.form.errors[field] = _how_amounts_are_written(visit)
        raise Unfit from error


def _how_amounts_are_written(visit: Visit) -> str:
    return visit.words.say("Write an amount such as 1500 or 12.50; -50 takes money out.")


def _back(account: doc.Account) -> str:
    return f"/console/money?account={quote(account.name)}&done=1"


async def ledger_file(visit: Visit) -> Response:
    """The whole ledger, newest first, for a spreadsheet; it is read while it is sent."""
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    # What may not be asked must be told before the answer begins.
    first = await visit.ask(ask.ReadLedger(account=account.name, limit=_AT_ONCE))

    async def lines() -> AsyncIterator[str]:
        yield csv_of([_COLUMNS])
        entries = first
        while entries:
            yield csv_of([_row(one, account.currency) for one in entries])
            behind = (entries[-1].subject, entries[-1].kind)
            entries = await visit.ask(ask.ReadLedger(account=account.name, before=behind, limit=_AT_ONCE))

    headers = {"content-disposition": f'attachment; filename="ledger-{account.name}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _row(entry: LedgerEntry, currency: str) -> tuple[str, ...]:
    return (
        show_time(entry.at),
        str(entry.kind),
        format_amount(entry.amount),
        currency,
        str(entry.subject),
        not_computed(entry.note),
    )


def _cursor(text: str) -> tuple[int, str]:
    """The entry that a page comes behind, as the page before it wrote it."""
    subject, _, kind = text.partition(".")
    is_one = kind and subject.isascii() and subject.isdigit() and int(subject) <= LARGEST_ID
    return (int(subject), kind) if is_one else NEWEST_ENTRY


SECTION = Section(
    "money",
    "Money",
    {"": money, "/ledger.csv": ledger_file},
    actions={"": {"top-up": top_up, "terms": set_terms, "low-balance": set_low_balance}},
)
