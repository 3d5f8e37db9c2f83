"""How the carriers are."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.carriers_together import all_together
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.domain.values.times import show_time


async def carriers(visit: Visit) -> Response:
    carriers = all_together(await visit.ask(ask.ReadCarriers()))
    receipts = await visit.ask(ask.ReadReceipts(limit=PAGE))
    return visit.render(
        "carriers.html",
        carriers=carriers,
        receipts=[{"at": show_time(one.received_at), "receipt": one} for one in receipts],
        command="onema carrier status",
    )


SECTION = Section("carriers", "Carriers", {"": carriers}, for_customers=False)
