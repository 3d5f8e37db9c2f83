"""Accounts, carriers and the newest messages."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.carriers_together import all_together
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE, shown_message
from onema.domain.records import Message
from onema.domain.values.money import format_amount


async def overview(visit: Visit) -> Response:
    accounts = await visit.accounts()
    balances = [await visit.ask(ask.ReadBalance(account=one.name)) for one in accounts[:PAGE]]
    carriers = [] if visit.viewer.account else all_together(await visit.ask(ask.ReadCarriers()))
    newest: list[tuple[str, Message]] = []
    for one in accounts[:PAGE]:
        found = await visit.ask(ask.ReadMessages(account=one.name, limit=8))
        newest += [(one.name, message) for message in found]
    newest.sort(key=lambda pair: pair[1].id, reverse=True)
    return visit.render(
        "overview.html",
        accounts=[
            (one, format_amount(balance.balance)) for one, balance in zip(accounts, balances, strict=False)
        ],
        carriers=carriers,
        messages=[shown_message(visit, account, message) for account, message in newest[:8]],
        command="onema account list",
    )


SECTION = Section("", "Overview", {"": overview})
