"""The running server, jobs that it gave up, and who changed what."""

from typing import Any

import msgspec
from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.audit_requests import ReadAudit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.domain.audit import AuditEntry
from onema.domain.compliance.check import Verdict
from onema.domain.compliance.profiles import PROFILES
from onema.domain.ids import time_of_id
from onema.domain.values.times import show_time


async def system(visit: Visit) -> Response:
    status = await visit.ask(ask.Status())
    dead = await visit.ask(ask.ReadDeadJobs(before=visit.told_id("before"), limit=PAGE + 1))
    settings = await visit.ask(ask.ReadSettings())
    carriers = await visit.ask(ask.ReadCarriers())
    processes = {one.process: one.reported_at for one in carriers if one.process}
    return visit.render(
        "system.html",
        status=status,
        now=show_time(status.now),
        address_countries=show_time(status.address_countries) if status.address_countries else "",
        processes=sorted((name, show_time(at) if at else "") for name, at in processes.items()),
        dead=[{"at": show_time(time_of_id(one.id)), "job": one} for one in dead[:PAGE]],
        older=dead[PAGE - 1].id if len(dead) > PAGE else 0,
        settings=sorted(settings.items()),
        command="onema settings",
    )


async def requeue(visit: Visit) -> str:
    await visit.ask(ask.RequeueJob(dead=_job(visit)))
    return "/console/system?done=1"


async def drop(visit: Visit) -> str:
    await visit.ask(ask.DropJob(dead=_job(visit)))
    return "/console/system?done=1"


def _job(visit: Visit) -> int:
    text = visit.form.text("job")
    return int(text) if text.isascii() and text.isdigit() else 0


async def audit(visit: Visit) -> Response:
    """Who changed what by hand."""
    accounts = await visit.accounts()
    account = visit.told("account")
    before = (visit.told_id("before") or 2**63 - 1, visit.told_id("part") or 2**63 - 1)
    page = await visit.ask(ReadAudit(account=account, before=before, limit=PAGE))
    return visit.render(
        "audit.html",
        accounts=accounts,
        account=account,
        entries=[_shown(one) for one in page.entries],
        next=page.next,
        command=f"onema audit {account}".strip(),
    )


def _shown(entry: AuditEntry) -> dict[str, Any]:
    before, after = (msgspec.json.decode(one) if one else {} for one in (entry.before, entry.after))
    names = sorted({*(before or {}), *(after or {})})
    return {
        "at": show_time(entry.at),
        "entry": entry,
        "changes": [
            {"name": name, "before": _said(before, name), "after": _said(after, name)} for name in names
        ],
    }


def _said(values: dict[str, Any] | None, name: str) -> str:
    if not values or name not in values:
        return "–"
    value = values[name]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def compliance(visit: Visit) -> Response:
    """Whether the configuration is as a standard or a country asks."""
    told = visit.told("profile")
    profile = told if told in PROFILES else next(iter(PROFILES))
    report = await visit.ask(ask.ReadCompliance(profile=profile))
    return visit.render(
        "compliance.html",
        profiles=[(one.name, one.title) for one in PROFILES.values()],
        report=report,
        verdicts=VERDICTS,
        counts=[
            (VERDICTS[verdict], sum(line.verdict is verdict for line in report.lines)) for verdict in Verdict
        ],
        command=f"onema doctor --profile {profile}",
    )


VERDICTS = {
    Verdict.HOLDS: "holds",
    Verdict.FAILS: "does not hold",
    Verdict.ELSEWHERE: "not ours to check",
}
"""What the page says of each."""

SECTION = Section(
    "system",
    "System",
    {"": system, "/audit": audit, "/compliance": compliance},
    for_customers=False,
    actions={"": {"requeue": requeue, "drop": drop}},
)
