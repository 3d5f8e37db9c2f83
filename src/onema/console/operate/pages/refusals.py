"""Why requests were refused."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.domain.values.times import show_time


async def refusals(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    strangers = visit.told("account") == "-" and not visit.viewer.account
    name = "" if strangers or account is None else account.name
    found = await visit.ask(ask.ReadRefusals(account=name))
    return visit.render(
        "refusals.html",
        accounts=accounts,
        account=None if strangers else account,
        strangers=strangers,
        total=found.total,
        entries=[{"at": show_time(one.at), "entry": one} for one in reversed(found.entries)],
        command=f"onema account refusals {name}".strip(),
    )


SECTION = Section("refusals", "Refusals", {"": refusals})
