"""An account's wallet and its ledger."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time


async def money(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    balance = await visit.ask(ask.ReadBalance(account=account.name)) if account else None
    entries = await visit.ask(ask.ReadLedger(account=account.name, limit=PAGE)) if account else ()
    return visit.render(
        "money.html",
        accounts=accounts,
        account=account,
        balance=format_amount(balance.balance) if balance else "",
        lowest=format_amount(balance.lowest) if balance and balance.lowest is not None else "",
        expires_at=show_time(balance.expires_at) if balance else "",
        entries=[
            {"at": show_time(one.at), "entry": one, "amount": format_amount(one.amount)} for one in entries
        ],
        command=f"onema wallet show {account.name if account else ''}",
    )


SECTION = Section("money", "Money", {"": money})
