"""The calls of an account."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE, shown_call


async def calls(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    before = visit.told_id("before")
    found = (
        await visit.ask(ask.ReadCalls(account=account.name, before=before, limit=PAGE + 1)) if account else ()
    )
    return visit.render(
        "calls.html",
        accounts=accounts,
        account=account,
        calls=[(visit.phone(one.phone), one.caller, shown_call(visit, one.call)) for one in found[:PAGE]],
        older=found[PAGE - 1].call.message if len(found) > PAGE else 0,
        command=f"onema call list {account.name if account else ''}",
    )


SECTION = Section("calls", "Calls", {"": calls})
