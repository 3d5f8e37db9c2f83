"""Forms of the console: one way from what somebody filled in to a change, or to what is wrong with it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response

from onema.administration.answers import Administration
from onema.console.assets import Assets, template_environment
from onema.console.door.access import Doorman
from onema.console.operate.forms import Form, Unfit
from onema.console.operate.frame import Equipment, Frame, Section, Visit
from onema.console.operate.live import LiveParts
from onema.console.operate.said import in_words
from onema.console.words import languages
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.problems import Problem
from onema.domain.configuration.rules import After, problems
from onema.domain.refusals import Refusal, Refused

from ...dialects.running_core import RunningCore
from .desk import Desk


async def _page(visit: Visit) -> Response:
    form = visit.form.of("greet")
    return HTMLResponse(f"<p>{form.fault}|{form.errors.get('name', '')}|{form.text('name')}</p>")


async def _greet(visit: Visit) -> str | Response:
    name = visit.form.text("name")
    if name == "nobody":
        visit.form.errors["name"] = "name somebody"
        raise Unfit
    if name in ("away", "taken"):
        refusal = Refusal.STORE_UNAVAILABLE if name == "away" else Refusal.CONFLICT
        raise Refused(refusal, "not now")
    return HTMLResponse("<p>once</p>") if name == "secret" else "/console/greeted"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A console of one page whose form greets somebody."""
    core = RunningCore(tmp_path)
    await core.start()
    desk = Desk(inbox=None)
    section = Section("greetings", "Messages", {"": _page}, actions={"": {"greet": _greet}})
    frame = Frame(
        Doorman(desk.sessions, open_on_loopback=True),
        Administration(core.gateway, core.storage),
        template_environment(Assets()),
        dict,
        [section],
        LiveParts(asyncio.Event()),
        Equipment(bytes),
    )
    desk.app = Starlette(routes=frame.routes())
    yield desk
    await core.stop()


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("nobody", 422, "<p>|name somebody|nobody</p>"),
        ("taken", 422, "<p>not now||taken</p>"),
        ("secret", 200, "<p>once</p>"),
    ],
)
async def test_a_form_that_cannot_be_taken_comes_back_as_it_was_sent(
    desk: Desk, name: str, status: int, said: str
) -> None:
    """With what is wrong at its field, or of the whole; an action may also answer with a page of its own."""
    answer = await desk.post("/console/greetings", {"do": "greet", "name": name})
    assert (answer.status, answer.text) == (status, said)


async def test_a_form_that_was_taken_leads_to_a_page(desk: Desk) -> None:
    """By 303, so that loading anew sends nothing twice."""
    answer = await desk.post("/console/greetings", {"do": "greet", "name": "you"})
    assert (answer.status, answer.headers["location"]) == (303, "/console/greeted")


async def test_a_form_does_what_its_page_knows_and_nothing_else(desk: Desk) -> None:
    """Neither what no form is called, nor what another site sends, nor what is no form."""
    assert (await desk.post("/console/greetings", {"do": "leave", "name": "you"})).status == 404
    assert (await desk.post("/console/greetings", {"name": "you"})).status == 404
    sent = await desk.post("/console/greetings", {"do": "greet"}, origin="https://elsewhere.example")
    assert sent.status == 403
    assert (await desk.post("/console/greetings", {"do": "greet", "token": "another"})).status == 403
    assert (await desk.post_bytes("/console/greetings", b"do=%00", "text/plain")).status == 400


async def test_while_the_store_is_away_nobody_is_blamed_for_the_form(desk: Desk) -> None:
    """It says to try again."""
    answer = await desk.post("/console/greetings", {"do": "greet", "name": "away"})
    assert answer.status == 503
    assert "not now" in answer.text


async def test_a_stranger_does_nothing(desk: Desk) -> None:
    """A form leads to the login, too."""
    desk.client = ("203.0.113.9", 50_000)
    answer = await desk.post("/console/greetings", {"do": "greet", "name": "you"})
    assert (answer.status, answer.headers["location"]) == (303, "/login")


def test_a_form_is_one_of_several_on_its_page() -> None:
    """What was sent stands in the form that it was sent from, and in no other."""
    form = Form({"do": "stop", "key": "k-1", "name": "x"})
    assert form.of("stop", key="k-1").text("name") == "x"
    assert form.of("stop", key="k-2").text("name") == form.of("start").text("name") == ""


def test_boxes_and_lists_are_read_as_browsers_send_them() -> None:
    """A box that is not ticked is left out; members stand apart by commas, spaces and lines."""
    form = Form({"on": "yes", "networks": "10.0.0.0/8,\r\n 192.0.2.1  203.0.113.7"})
    assert (form.is_on("on"), form.is_on("off")) == (True, False)
    assert form.several("networks") == ("10.0.0.0/8", "192.0.2.1", "203.0.113.7")


WRONG: tuple[doc.AnyDocument, ...] = (
    doc.Application(
        account="acme",
        name="no space",
        allowed_ips=("10.0.0.0/99",),
        callback_url="ftp://x",
        call_state_url="https://",
        voice="",
        pool="nowhere",
        sentence="x" * 2_000,
        appid="taken",
    ),
    doc.Brandname(account="acme", name="far too long", expires_at="soon"),
    doc.Brandname(
        account="acme", name="SHOP", registrations=(doc.Registration(country="XX", status="pending"),)
    ),
    doc.Template(account="acme", brandname="ACME", text="{OTP", name="t"),
    doc.Template(account="acme", brandname="ACME", text="{OTP}", spoken=True),
    doc.Template(account="acme", brandname="ACME", text="{OTP} again", name="known"),
    doc.Hotline(pool="south", number="x"),
    doc.Hotline(pool="south", number="842471000001"),
    doc.User(name="u", password_hash="$argon2id$", role="admin"),
    doc.User(name="v", password_hash="$argon2id$", role="owner", customer_of="acme"),
    *(doc.Credential(account="acme", dialect="native", key=f"k{n}", secret="12345678") for n in range(3)),
)
BEFORE: tuple[doc.Document, ...] = (
    doc.Account(name="acme", number=1),
    doc.Tariff(name="default"),
    doc.Application(account="acme", name="other", appid="taken"),
    doc.Brandname(account="acme", name="ACME"),
    doc.Template(account="acme", brandname="ACME", text="{OTP} known", name="known"),
    doc.HotlinePool(name="south"),
    doc.Hotline(pool="south", number="+842471000001"),
)


def _problems() -> list[Problem]:
    before = Directory({(one.kind, one.identity): one for one in BEFORE})
    return list(problems(After(before.documents, {(one.kind, one.identity): one for one in WRONG})))


def test_every_problem_stands_at_the_field_that_it_is_about() -> None:
    """Whatever the document is called; lists count as one field."""
    fields = (
        *("name", "allowed_ips", "callback_url", "call_state_url", "sentence", "pool", "appid"),
        *("expires_at", "country", "number", "customer_of", "role"),
    )
    form = Form(dict.fromkeys(fields, ""))
    form.blame(languages()["en"], _problems(), WRONG)
    assert set(form.errors) == set(fields)
    assert form.errors["country"] == "Write the two letters of a country, such as VN."


def test_what_no_field_is_to_blame_for_is_said_of_the_whole() -> None:
    """So that nothing is wrong in silence."""
    form = Form({"do": "save", "name": "x"})
    form.blame(
        languages()["en"],
        [Problem("accounts[acme].credentials", "x has 3 live y credentials; 2 may live")],
        (),
    )
    assert (form.errors, form.fault) == ({}, "Two keys may live at once. Deactivate one first.")


@pytest.mark.parametrize("language", ["vi", "zh"])
def test_what_is_wrong_is_said_in_the_viewers_language(language: str) -> None:
    """All that these forms can bring about; what nobody has translated stays English."""
    other, english = languages()[language], languages()["en"]
    for problem in _problems():
        assert in_words(other, problem) != in_words(english, problem), problem
    unheard = Problem("x", "it is something new")
    assert in_words(other, unheard) == "It is something new."
