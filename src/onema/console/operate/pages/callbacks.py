"""How an account was told of its messages."""

import itertools

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.domain.values.times import show_time


async def callbacks(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    page = await visit.ask(ask.ReadCallbacks(account=account.name)) if account else None
    return visit.render(
        "callbacks.html",
        accounts=accounts,
        account=account,
        tries=[
            {"message": one.message, "at": show_time(one.at), "tried": one.tried}
            for one in itertools.islice(page.tries if page else (), PAGE)
        ],
        command=f"onema callback list {account.name if account else ''}",
    )


SECTION = Section("callbacks", "Callbacks", {"": callbacks})
