"""How a page of the console changes something: the form's token, what its sender may, and what is wrong with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response

from onema.administration import requests as ask
from onema.administration.answers import Administration
from onema.console.assets import Assets, template_environment
from onema.console.door.access import Doorman
from onema.console.operate.frame import Equipment, Frame, Section, Visit
from onema.console.operate.live import LiveParts
from onema.domain.configuration import documents as doc

from ...dialects.running_core import RunningCore
from .desk import Desk

DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default"),
    doc.HotlinePool(name="south"),
    *(
        document
        for name in ("acme", "rival")
        for document in (doc.Account(name=name), doc.Application(account=name, name="shop"))
    ),
)


async def show(visit: Visit) -> Response:
    form = visit.form
    return PlainTextResponse(
        f"{visit.form_token}|{visit.may('put_documents')}|{visit.may('top_up')}|{form.errors}|{form.fault}"
    )


async def save(visit: Visit) -> str:
    form = visit.form
    shop, revision = await visit.document(doc.Application, form.text("name"))
    wanted = msgspec.structs.replace(
        shop, callback_url=form.text("callback_url"), pool=form.text("pool"), allowed_ips=form.several("ips")
    )
    await visit.put(wanted, revision=revision)
    return "/console/apps"


class Office:
    def __init__(self, core: RunningCore) -> None:
        self.administration = Administration(core.gateway, core.storage)
        self.desk = Desk(inbox=None, open_on_loopback=False, administrator=self.administration)
        self._console = self.desk.app

    async def log_in(self, name: str) -> None:
        self.desk.app = self._console
        await self.desk.log_in(name)

        def users() -> dict[str, doc.User]:
            return dict(self.desk.directory.directory.users)

        doorman = Doorman(self.desk.sessions, open_on_loopback=False)
        section = Section("apps", "Applications", {"": show}, actions={"": {"save": save}})
        templates = template_environment(Assets())
        live = LiveParts(self.desk.stopping)
        self.desk.app = Starlette(
            routes=Frame(
                doorman, self.administration, templates, users, (section,), live, Equipment(bytes)
            ).routes()
        )

    async def application(self) -> doc.Application:
        found = await self.administration.answer(ask.ReadDocuments(kind="application", identity="acme/shop"))
        (one,) = found.documents
        assert isinstance(one, doc.Application)
        return one


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(*DOCUMENTS)
    yield Office(core)
    await core.stop()


async def test_a_form_changes_what_its_sender_may_change(office: Office) -> None:
    """And the audit log says who sent it, and from where."""
    await office.log_in("hoa")
    token, may_put, may_top_up, *_ = (await office.desk.get("/console/apps")).text.split("|")
    assert (may_put, may_top_up) == ("True", "False")
    form = {
        "token": token,
        "do": "save",
        "name": "acme/shop",
        "callback_url": "https://acme.example/",
        "ips": "192.0.2.1,\n 192.0.2.0/24",
    }
    answer = await office.desk.post("/console/apps", form)
    assert (answer.status, answer.headers["location"]) == (303, "/console/apps")
    assert (await office.application()).allowed_ips == ("192.0.2.1", "192.0.2.0/24")
    (entry,) = (await office.administration.answer(ask.ReadAudit())).entries
    assert (entry.actor, entry.how, entry.role, entry.address) == ("hoa", "user", "developer", "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "form", "status", "said"),
    [
        ("hoa", {"token": "of somebody else"}, 403, "not of this session"),
        ("hoa", {"name": "rival/shop"}, 404, ""),
        ("hoa", {"callback_url": "nonsense"}, 422, "callback_url"),
        ("hoa", {"pool": "south"}, 422, "{'pool': 'Only an operator may set this.'}"),
        ("mai", {"name": "acme/shop"}, 404, ""),
    ],
)
async def test_a_form_that_may_not_be_sent_changes_nothing(
    office: Office, name: str, form: dict[str, str], status: int, said: str
) -> None:
    """Without the session's token, of another's document, with mistakes in it, or from a viewer."""
    await office.log_in(name)
    sent = {"do": "save", "name": "acme/shop", "callback_url": "https://acme.example/", **form}
    answer = await office.desk.post("/console/apps", sent)
    assert answer.status == status
    assert said in answer.text
    assert (await office.application()).callback_url == ""


async def test_tokens_are_of_their_session(office: Office) -> None:
    """Whoever has one cannot use it in another's; a form from another site is refused in any case."""
    await office.log_in("hoa")
    token = (await office.desk.get("/console/apps")).text.partition("|")[0]
    form = {"token": token, "do": "save", "name": "acme/shop"}
    assert (await office.desk.post("/console/apps", form, origin="https://evil.example")).status == 403
    assert (await office.desk.post("/console/apps", form)).status == 303
    office.desk.clock.advance(1000)
    await office.log_in("hoa")
    assert (await office.desk.post("/console/apps", form)).status == 403
    del office.desk.headers["cookie"]
    stranger = await office.desk.post("/console/apps", form)
    assert (stranger.status, stranger.headers["location"]) == (303, "/login")
