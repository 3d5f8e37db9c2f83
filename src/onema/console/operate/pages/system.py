"""The running server."""

from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.domain.ids import time_of_id
from onema.domain.values.times import show_time


async def system(visit: Visit) -> Response:
    status = await visit.ask(ask.Status())
    dead = await visit.ask(ask.ReadDeadJobs(limit=PAGE))
    settings = await visit.ask(ask.ReadSettings())
    return visit.render(
        "system.html",
        status=status,
        now=show_time(status.now),
        dead=[{"at": show_time(time_of_id(one.id)), "job": one} for one in dead],
        settings=sorted(settings.items()),
        command="onema settings",
    )


SECTION = Section("system", "System", {"": system}, for_customers=False)
