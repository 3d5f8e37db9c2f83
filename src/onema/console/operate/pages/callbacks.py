"""How an account was told of its messages, and telling it again."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.domain.ids import LARGEST_ID, MessageId
from onema.domain.values.times import show_time

_EVENTS = 150
"""So many of what happened to messages are looked through for a page."""


async def callbacks(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    before = (visit.told_id("before") or LARGEST_ID, visit.told_id("event") or LARGEST_ID)
    page = (
        await visit.ask(ask.ReadCallbacks(account=account.name, before=before, limit=_EVENTS))
        if account
        else None
    )
    return visit.render(
        "callbacks.html",
        accounts=accounts,
        account=account,
        tries=[
            {"message": one.message, "at": show_time(one.at), "tried": one.tried}
            for one in (page.tries if page else ())
        ],
        next=page.next if page else None,
        command=f"onema callback list {account.name if account else ''}",
    )


async def replay(visit: Visit) -> str:
    """Tell once more how a message ended: the same request is made anew."""
    text = visit.form.text("message")
    number = int(text) if text.isascii() and text.isdigit() else 0
    account = visit.form.text("account")
    await visit.ask(ask.ReplayCallbacks(messages=(MessageId(min(number, LARGEST_ID)),), account=account))
    return f"/console/callbacks?account={account}&done=1"


SECTION = Section("callbacks", "Callbacks", {"": callbacks}, actions={"": {"replay": replay}})
