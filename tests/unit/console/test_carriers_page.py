"""Carriers and routes, run from the console: added, changed, tried, drained; what is secret stays so."""

import re
from typing import Annotated, Literal

import msgspec
import pytest

from onema.administration.answers import Administration
from onema.administration.permissions import ITSELF
from onema.administration.requests import ReadDocuments
from onema.console.operate.carrier_forms import CarrierKind
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, masked, settings_problems
from onema.secret import Secret

from .desk import Answer, Desk
from .office import OURS, Office


class Tls(CarrierSettings, frozen=True, kw_only=True):
    verify: bool = True


class Settings(CarrierSettings, frozen=True, kw_only=True):
    host: Annotated[str, msgspec.Meta(description="Where it is.")]
    password: Secret = Secret("")
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2775
    mode: Literal["one", "two"] = "one"
    hosts: tuple[str, ...] = ()
    tls: Tls = Tls()


class Installation:
    """One that has a type of carrier with these settings."""

    def problems(self, after: object) -> list[object]:
        changed = getattr(after, "changed", {})
        return [
            problem.below(f"carriers[{one.name}]")
            for one in changed.values()
            if isinstance(one, doc.Carrier) and one.type == "gate"
            for problem in settings_problems(Settings, one)
        ]

    def masked(self, document: doc.Document) -> doc.Document:
        return masked(document, Settings)


class Yard:
    """A console before a core with that type."""

    def __init__(self, office: Office) -> None:
        core = office.core
        self.administration = Administration(
            core.gateway,
            core.storage,
            installation=Installation(),  # type: ignore[arg-type]  # of the problems' types nobody asks
        )
        self.core = core
        self.desk = Desk(
            inbox=None,
            open_on_loopback=False,
            administrator=self.administration,
            carrier_kinds={"gate": CarrierKind(Settings, frozenset(("sms", "call")))},
        )

    async def send(self, path: str, do: str, **fields: str) -> Answer:
        page = (await self.desk.get(path)).text
        token = re.findall(r'name="token" value="([^"]+)"', page)[0]
        return await self.desk.post(path, {"token": token, "do": do, **fields})

    async def carrier(self, name: str) -> doc.Carrier:
        request = ReadDocuments(kind="carrier", identity=name, reveal=True)
        (found,) = (await self.administration.answer(request, ITSELF)).documents
        assert isinstance(found, doc.Carrier)
        return found


@pytest.fixture
async def yard(office: Office) -> Yard:
    yard = Yard(office)
    await yard.desk.log_in()
    return yard


GATE = {"name": "gate-1", "settings.host": "smsc.example", "settings.password": "hfTTop83"}


async def test_a_carrier_is_added_and_changed_by_a_form_of_its_types_settings(yard: Yard) -> None:
    """Each setting as its type has it; an empty field is the default, and an empty secret stays as it is."""
    added = await yard.send(
        "/console/carriers/add/gate", "add", **GATE, **{"settings.port": "99", "settings.hosts": "a, b"}
    )
    assert (added.status, added.headers["location"]) == (303, "/console/carriers/of/gate-1?done=1")
    assert (await yard.carrier("gate-1")).settings == {
        "host": "smsc.example",
        "password": "hfTTop83",
        "port": 99,
        "hosts": ["a", "b"],
    }
    page = "/console/carriers/of/gate-1"
    changes = {"settings.port": "", "settings.mode": "two", "settings.tls.verify": "false", "capacity": "7"}
    done = await yard.send(page, "change", **changes)
    assert done.status == 303, re.findall(r'(?:role="alert"|class="error")[^<]*<', done.text)
    changed = await yard.carrier("gate-1")
    assert changed.capacity == 7
    assert changed.settings == {
        "host": "smsc.example",
        "password": "hfTTop83",
        "hosts": ["a", "b"],
        "mode": "two",
        "tls": {"verify": False},
    }


async def test_a_secret_is_never_shown(yard: Yard) -> None:
    """Neither by its form nor when something is wrong with that."""
    await yard.send("/console/carriers/add/gate", "add", **GATE)
    page = "/console/carriers/of/gate-1"
    wrong = await yard.send(page, "change", **{"settings.password": "other-secret", "settings.port": "x"})
    assert wrong.status == 422
    for text in (
        wrong.text,
        (await yard.desk.get(page)).text,
        (await yard.desk.get("/console/carriers")).text,
    ):
        assert "hfTTop83" not in text
        assert "other-secret" not in text


async def test_what_is_wrong_with_a_setting_stands_at_its_field(yard: Yard) -> None:
    """And nothing is saved."""
    wrong = await yard.send("/console/carriers/add/gate", "add", name="gate-1", **{"settings.port": "99999"})
    assert wrong.status == 422
    assert len(re.findall(r'<small class="error" id="add-(?:host|port)-hint">', wrong.text)) == 2
    assert (await yard.desk.get("/console/carriers/of/gate-1")).status == 404
    taken = await yard.send("/console/carriers/add/gate", "add", **{**GATE, "name": "gw-north"})
    assert "Another carrier has this name." in taken.text


async def test_a_carrier_is_drained_and_takes_messages_again(yard: Yard) -> None:
    """By one press each."""
    for do, draining in (("drain", True), ("resume", False)):
        assert (await yard.send("/console/carriers", do, name="gw-north")).status == 303
        assert (await yard.carrier("gw-north")).draining is draining


async def test_routes_are_added_and_removed(yard: Yard) -> None:
    """What is wrong with one is said."""
    told = {"channel": "sms", "carrier": "gw-north", "prefix": "+84", "priority": "2", "weight": "3"}
    assert (await yard.send("/console/carriers", "add_route", **told)).status == 303
    (route,) = (await yard.administration.answer(ReadDocuments(kind="route"), ITSELF)).documents
    assert route == doc.Route(channel="sms", carrier="gw-north", prefix="+84", priority=2, weight=3)
    wrong = await yard.send("/console/carriers", "add_route", **{**told, "prefix": "84"})
    assert (wrong.status, "error" in wrong.text) == (422, True)
    assert (await yard.send("/console/carriers", "remove_route", identity=route.identity)).status == 303
    assert (await yard.administration.answer(ReadDocuments(kind="route"), ITSELF)).documents == ()


async def test_a_route_is_changed_in_its_line(yard: Yard) -> None:
    """What is wrong stands at its field; where it leads stays as it is."""
    told = {"channel": "sms", "carrier": "gw-north", "prefix": "+84", "priority": "2"}
    await yard.send("/console/carriers", "add_route", **told)
    changes = {"identity": "sms/+84/gw-north", "priority": "0", "weight": "7", "resend_after": "20"}
    assert (await yard.send("/console/carriers", "change_route", **changes)).status == 303
    (route,) = (await yard.administration.answer(ReadDocuments(kind="route"), ITSELF)).documents
    assert route == doc.Route(channel="sms", carrier="gw-north", prefix="+84", weight=7, resend_after=20)
    wrong = await yard.send("/console/carriers", "change_route", **{**changes, "weight": "9999999999"})
    assert wrong.status == 422
    assert re.search(r'name="weight"[^>]*value="9999999999"[^>]*aria-invalid="true"', wrong.text)
    gone = await yard.send("/console/carriers", "change_route", **{**changes, "identity": "sms/+1/gw-north"})
    assert gone.status == 404


async def test_a_breaker_is_closed_by_a_press(yard: Yard) -> None:
    """The document counts it, which is how every process hears of it."""
    for times in (1, 2):
        assert (await yard.send("/console/carriers", "close", name="gw-north")).status == 303
        assert (await yard.carrier("gw-north")).breaker_closed == times


async def test_a_text_is_tried_through_one_carrier(yard: Yard) -> None:
    """It leads to the message's page, which tells what became of it."""
    sent = await yard.send("/console/carriers/of/gw-north", "send", phone=OURS, text="Hello", account="acme")
    assert sent.status == 303
    assert OURS in (await yard.desk.get(sent.headers["location"])).text


@pytest.mark.parametrize("page", ["", "/add/gate", "/of/gw-north"])
async def test_a_customer_has_no_carriers_page_of_any_kind(yard: Yard, page: str) -> None:
    """Not even an empty form: what carriers there are is the operators' business."""
    assert (await yard.desk.get(f"/console/carriers{page}")).status == 200
    await yard.desk.log_in("hoa")
    assert (await yard.desk.get(f"/console/carriers{page}")).status == 404


async def test_who_may_only_look_has_nothing_to_press(yard: Yard) -> None:
    """And what is sent all the same is refused."""
    page = (await yard.desk.get("/console/carriers")).text
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    await yard.desk.log_in("mai")
    assert 'method="post"' not in (await yard.desk.get("/console/carriers")).text.replace(
        '<form method="post" action="/logout">', ""
    )
    refused = await yard.desk.post("/console/carriers", {"token": token, "do": "drain", "name": "gw-north"})
    assert refused.status in (403, 404)
    assert not (await yard.carrier("gw-north")).draining
