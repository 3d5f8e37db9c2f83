"""How the carriers are, and what operators do with them and with the routes that lead to them."""

import shlex
from typing import Any

from msgspec.structs import replace
from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.carriers_together import all_together
from onema.administration.statistics_requests import QualityLine, percent
from onema.console.operate.carrier_forms import CarrierKind, fields_of, put_fields
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration import documents as doc
from onema.domain.values.times import show_time

TRIAL_SECONDS = 60
TRIAL_CODE = "482913"
_DONE = "/console/carriers?done=1"


async def carriers(visit: Visit) -> Response:
    receipts = await visit.ask(ask.ReadReceipts(limit=PAGE))
    routes = await visit.ask(ask.ReadDocuments(kind="route"))
    return visit.render(
        "carriers.html",
        carriers=await _carriers(visit),
        routes=sorted(
            (one for one in routes.documents if isinstance(one, doc.Route)),
            key=lambda one: (one.channel, one.prefix, one.priority, one.carrier),
        ),
        types=sorted(visit.carrier_kinds),
        quality=[_quality(one) for one in await visit.ask(ask.ReadQuality())],
        quality_days=ask.ReadQuality().days,
        receipts=[{"at": show_time(one.received_at), "receipt": one} for one in receipts],
        command="onema carrier status",
    )


def _quality(one: QualityLine) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "carrier": one.carrier,
        "tried": one.tried,
        "verified": percent(one.tried_verified, one.tried_codes),
        "told": percent(one.told, one.tried),
        "arrived": percent(one.arrived, one.tried),
        "half_within": f"{one.half_within} s" if one.half_within else "",
    }


async def _carriers(visit: Visit) -> list[dict[str, Any]]:
    """How each is, with its document."""
    found = await visit.ask(ask.ReadDocuments(kind="carrier"))
    documents = {one.name: one for one in found.documents if isinstance(one, doc.Carrier)}
    told = all_together(await visit.ask(ask.ReadCarriers()))
    return [{**one, "document": documents[one["name"]]} for one in told if one["name"] in documents]


async def drain(visit: Visit) -> str:
    return await _change(visit, draining=True)


async def resume(visit: Visit) -> str:
    return await _change(visit, draining=False, state="active")


async def stop(visit: Visit) -> str:
    return await _change(visit, state="inactive")


async def close(visit: Visit) -> str:
    """Close its breaker in all processes."""
    carrier, _ = await visit.document(doc.Carrier, visit.form.text("name"))
    return await _change(visit, breaker_closed=carrier.breaker_closed + 1)


async def _change(visit: Visit, **changes: Any) -> str:
    carrier, revision = await visit.document(doc.Carrier, visit.form.text("name"))
    await visit.put(replace(carrier, **changes), revision=revision)
    return _DONE


async def change_route(visit: Visit) -> str:
    """Change how a route stands among the others, and what it does when nothing is heard; where it leads stays."""
    form = visit.form
    known, revision = await visit.document(doc.Route, form.text("identity"))
    fields = {name: getattr(known, name) for name in known.__struct_fields__}
    for name in ("priority", "weight", "resend_after"):
        fields[name] = _number(form.text(name), fields[name])
    await visit.put(replace(known, **fields), revision=revision)
    return _DONE


async def add_route(visit: Visit) -> str:
    form = visit.form
    route = doc.Route(
        channel="call" if form.text("channel") == "call" else "sms",
        carrier=form.text("carrier"),
        prefix=form.text("prefix") or "+",
        priority=_number(form.text("priority"), 0),
        weight=_number(form.text("weight"), 1),
        resend_after=_number(form.text("resend_after"), 0),
        by_result=form.is_on("by_result"),
        cost_per_mille=_number(form.text("cost_per_mille"), 0),
    )
    await visit.put(route)
    return _DONE


async def remove_route(visit: Visit) -> str:
    await visit.put(remove=(("route", visit.form.text("identity")),))
    return _DONE


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default


async def addition(visit: Visit) -> Response:
    """The form of a new carrier."""
    if not visit.may("put_documents"):
        raise NotForThem
    type_, kind = _kind(visit, visit.request.path_params["type"])
    return visit.render(
        "carrier_add.html",
        type=type_,
        fields=fields_of(kind, {}),
        command=f"onema carrier add {type_} NAME --setting NAME=VALUE",
    )


async def add(visit: Visit) -> str:
    form = visit.form
    type_, kind = _kind(visit, visit.request.path_params["type"])
    carrier = doc.Carrier(
        name=form.text("name"),
        type=type_,
        capacity=_number(form.text("capacity"), 0),
        per_second=_number(form.text("per_second"), 0),
        own_codes=form.is_on("own_codes"),
        settings=put_fields(kind, form, {}),
    )
    if any(one["name"] == carrier.name for one in await _carriers(visit)):
        form.errors["name"] = visit.words.say("Another carrier has this name.")
    form.stop_if_wrong()
    await visit.put(carrier)
    return f"/console/carriers/of/{carrier.name}?done=1"


async def carrier(visit: Visit) -> Response:
    """One carrier: how it is in each process, its settings, and a try."""
    document, _ = await visit.document(doc.Carrier, visit.request.path_params["name"])
    kind = visit.carrier_kinds.get(document.type)
    return visit.render(
        "carrier.html",
        carrier=next((one for one in await _carriers(visit) if one["name"] == document.name), None),
        document=document,
        fields=fields_of(kind, document.settings) if kind else [],
        channels=sorted(kind.channels) if kind else ["sms"],
        accounts=await visit.accounts(),
        command=f"onema carrier set {shlex.quote(document.name)} --setting NAME=VALUE",
    )


async def change(visit: Visit) -> str:
    form = visit.form
    document, revision = await visit.document(doc.Carrier, visit.request.path_params["name"])
    _, kind = _kind(visit, document.type)
    changed = replace(
        document,
        capacity=_number(form.text("capacity"), 0),
        per_second=_number(form.text("per_second"), 0),
        settings=put_fields(kind, form, document.settings),
    )
    await visit.put(changed, revision=revision)
    return f"/console/carriers/of/{document.name}?done=1"


async def send(visit: Visit) -> str:
    """Send a text through it, as a message that costs nothing; its page tells what became of it."""
    form = visit.form
    message = await visit.ask(
        ask.TestCarrier(
            carrier=visit.request.path_params["name"],
            phone=form.text("phone"),
            text=form.text("text"),
            seconds=TRIAL_SECONDS,
            account=form.text("account"),
        )
    )
    return f"/console/messages/{message}"


async def call(visit: Visit) -> str:
    """Call somebody through it and read a code out that is nobody's."""
    form = visit.form
    message = await visit.ask(
        ask.TestCall(
            carrier=visit.request.path_params["name"],
            phone=form.text("phone"),
            code=TRIAL_CODE,
            seconds=TRIAL_SECONDS,
            account=form.text("account"),
        )
    )
    return f"/console/messages/{message}"


def _kind(visit: Visit, type_: str) -> tuple[str, CarrierKind]:
    """Raises NotForThem."""
    kind = visit.carrier_kinds.get(type_)
    if kind is None:
        raise NotForThem
    return type_, kind


SECTION = Section(
    "carriers",
    "Carriers",
    {"": carriers, "/add/{type}": addition, "/of/{name}": carrier},
    for_customers=False,
    actions={
        "": {
            "drain": drain,
            "resume": resume,
            "stop": stop,
            "add_route": add_route,
            "remove_route": remove_route,
            "change_route": change_route,
            "close": close,
        },
        "/add/{type}": {"add": add},
        "/of/{name}": {"change": change, "send": send, "call": call},
    },
)
