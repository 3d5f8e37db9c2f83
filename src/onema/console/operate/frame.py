"""What every page of the console has around it: who looks, where they are, and what goes wrong.

How a page changes something: its section names a function in `actions`, and the form of its page has two hidden fields,
`do`, which names the function, and the session's token, `{{ parts.token() }}`. The door has looked at origin and token
before it runs, and it orders what the command line would order:

    async def save(visit: Visit) -> str:
        shop, revision = await visit.document(doc.Application, visit.form.text("application"))
        await visit.put(msgspec.structs.replace(shop, callback_url=visit.form.text("callback_url")), revision=revision)
        return "/console/applications"

    async def top_up(visit: Visit) -> str:
        await visit.ask(ask.TopUp(account=..., amount=...))
        return "/console/money"

`ask` and `put` write the audit log. They raise NotForThem where the viewer may not do that at all; what is wrong with a
field, or is no customer's to set, `put` tells the form. Secrets are read as `***`, and a document that is put with
`***` keeps the stored one. Whether a button is shown, the template asks `visit.may("top_up")`, a request's tag.

Who may make which request, and which fields of which document a customer may set, are the tables of
administration/permissions.py. A new request stands in them, or nobody but the command line may make it.
"""

import functools
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.administration.answers import Administrator
from onema.administration.permissions import Actor, may
from onema.administration.requests import PutDocuments, ReadDocuments
from onema.administration.requests import Request as Question
from onema.console.door.access import Doorman, Endpoint
from onema.console.operate.carrier_forms import CarrierKind
from onema.console.operate.forms import Form, Unfit
from onema.console.operate.live import LiveParts, LiveStream, Make
from onema.console.operate.samples import Samples
from onema.console.operate.speaker import Speaker
from onema.console.operate.viewer import NotForThem, Viewer
from onema.console.words import Words, words_for
from onema.delivery.callback_contract import CallbackRenderer
from onema.domain.configuration.documents import Account, AnyDocument, Document, User
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.ids import LARGEST_ID
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import mask
from onema.http.parameters import parse_form

A = TypeVar("A")
D = TypeVar("D", bound=Document)
AT_THIS_MACHINE = Viewer("", "owner")
"""Whoever a demo lets in without a login."""


class Equipment(NamedTuple):
    """What pages use beside what they ask. Without a `speaker` nobody hears a call, without `samples` nobody sees how a
    key is used; `token` makes random bytes, `carrier_kinds` are the types of carriers that there are.
    """

    token: Callable[[int], bytes]
    speaker: Speaker | None = None
    samples: Samples | None = None
    carrier_kinds: Mapping[str, CarrierKind] = MappingProxyType({})
    renderers: Mapping[str, CallbackRenderer] = MappingProxyType({})
    """What writes the callbacks of each API, by its name."""


class Visit:
    """One request of somebody who may be here."""

    def __init__(self, request: Request, viewer: Viewer, frame: "Frame", section: "Section | None") -> None:
        self.request = request
        self.viewer = viewer
        self.section = section
        """The one that the page belongs to."""
        self.words: Words = words_for(request)
        self.form = Form()
        """What was sent to the page, and what is wrong with it; empty where nothing was."""
        self.outcome: object = None
        """What an action has done that its page shows once."""
        self._frame = frame

    @property
    def speaker(self) -> Speaker | None:
        """Who lets people hear a call; None where nobody can speak."""
        return self._frame.equipment.speaker

    @property
    def samples(self) -> Samples | None:
        """Who shows how a key is used."""
        return self._frame.equipment.samples

    def token(self, n: int) -> bytes:
        """So many random bytes."""
        return self._frame.equipment.token(n)

    @property
    def renderers(self) -> Mapping[str, CallbackRenderer]:
        """What writes the callbacks of each API, by its name."""
        return self._frame.equipment.renderers

    @property
    def carrier_kinds(self) -> Mapping[str, CarrierKind]:
        """The types of carriers that this installation has."""
        return self._frame.equipment.carrier_kinds

    @functools.cached_property
    def nonce(self) -> str:
        """What htmx knows this page's own elements by."""
        return secrets.token_urlsafe(16)

    async def ask(self, question: Question[A]) -> A:
        """Raises NotForThem and Refused."""
        return await self._frame.administrator.answer(question, self.actor)

    @property
    def actor(self) -> Actor:
        """Who asks, as the server is told."""
        client = self.request.client
        return self.viewer.at(client.host if client else "")

    def may(self, request: str) -> bool:
        """Whether the viewer may make requests with this tag."""
        return may(request, self.actor)

    async def document(self, kind: type[D], identity: str) -> tuple[D, int]:
        """A document, its secrets masked, and the revision that it was read at. Raises NotForThem where none is."""
        found = await self.ask(ReadDocuments(kind=str(kind.__struct_config__.tag), identity=identity))
        for one in found.documents:
            if isinstance(one, kind):
                return one, found.revision
        raise NotForThem

    @property
    def form_token(self) -> str:
        """What every form of a page must have."""
        return self._frame.form_token(self.request)

    async def put(
        self,
        *documents: AnyDocument,
        remove: tuple[tuple[str, str], ...] = (),
        revision: int | None = None,
    ) -> None:
        """Change the configuration, as PutDocuments says. Raises NotForThem and Refused; Unfit where the form now says
        what is wrong.
        """
        try:
            await self.ask(PutDocuments(documents=documents, remove=remove, revision=revision))
        except InvalidConfiguration as invalid:
            self.form.blame(self.words, invalid.problems, documents)
            raise Unfit from invalid

    def told(self, name: str) -> str:
        """What the address says of this."""
        return self.request.query_params.get(name, "").strip()[:200]

    def told_id(self, name: str) -> int:
        """The id that the address says, 0 where it says none."""
        text = self.told(name)
        return int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else 0

    async def accounts(self) -> list[Account]:
        """Those that the viewer may look at, by name."""
        found = await self.ask(ReadDocuments(kind="account"))
        return [one for one in found.documents if isinstance(one, Account)]

    def chosen(self, accounts: Sequence[Account]) -> Account | None:
        """The account that the address names, else the first one."""
        named = self.told("account")
        return next((one for one in accounts if one.name == named), accounts[0] if accounts else None)

    def phone(self, number: str) -> str:
        return number if self.viewer.sees_numbers else mask(number)

    def render(self, template: str, http: int = 200, **values: Any) -> Response:
        """A page of the template, within the frame; `http` is the answer's status."""
        return HTMLResponse(self.html(template, **values), http)

    def html(self, template: str, **values: Any) -> str:
        """A template alone, which may be a part of a page."""
        return self._frame.html(self, template, **values)

    def follow(self, make: Make, *alike: str) -> Response:
        """A part of a page, sent anew until the viewer may see it no more. What it shows differs by `alike`, besides
        by what viewers may see and the language they read.
        """
        return self._frame.follow(self, make, alike)


Page = Callable[[Visit], Awaitable[Response]]
Action = Callable[[Visit], Awaitable[str | Response]]
"""Does what the form of a visit asks for. Answer: where to go on, or a page to show. Raises Unfit and Refused where it
did nothing, and the form's page says why.
"""


class Section(msgspec.Struct, frozen=True):
    """A part of the console, with an entry in the navigation.

    Its `path` is below /console, those of its pages below its own; `title` is what `Words` says. `actions` are what the
    forms of a page do, by the page's path and the form's `do`.
    """

    path: str
    title: str
    pages: Mapping[str, Page]
    for_customers: bool = True
    actions: Mapping[str, Mapping[str, Action]] = {}
    in_navigation: bool = True
    without_factor: bool = False
    """Whether it is shown to whoever lacks a second factor that their role needs."""

    @property
    def address(self) -> str:
        return f"/console/{self.path}".rstrip("/")


class Frame:
    """Makes routes of the pages of sections."""

    def __init__(
        self,
        doorman: Doorman,
        administrator: Administrator,
        templates: jinja2.Environment,
        users: Callable[[], Mapping[str, User]],
        sections: Sequence[Section],
        live: LiveParts,
        equipment: Equipment,
    ) -> None:
        self.equipment = equipment
        self.administrator = administrator
        self._doorman = doorman
        self._templates = templates
        self._users = users
        self._sections = sections
        self._live = live

    def routes(self) -> list[Route]:
        pages = [
            Route(
                section.address + path,
                self._doorman.page(self._endpoint(section, page), without_factor=section.without_factor),
            )
            for section in self._sections
            for path, page in section.pages.items()
        ]
        forms = [
            Route(
                section.address + path,
                self._doorman.order(
                    self._endpoint(section, section.pages[path], actions),
                    without_factor=section.without_factor,
                ),
                methods=["POST"],
            )
            for section in self._sections
            for path, actions in section.actions.items()
        ]
        nowhere = self._doorman.page(self._endpoint(self._sections[0], _nowhere))
        return [*pages, *forms, Route("/console/{anything:path}", nowhere)]

    def html(self, visit: Visit, template: str, **values: Any) -> str:
        viewer = visit.viewer
        return self._templates.get_template(f"operate/{template}").render(
            words=visit.words,
            viewer=viewer,
            visit=visit,
            sections=[
                one
                for one in self._sections
                if one.in_navigation and (one.for_customers or not viewer.account)
            ],
            **values,
        )

    def follow(self, visit: Visit, make: Make, alike: tuple[str, ...]) -> Response:
        viewer = visit.viewer
        everything = (viewer.role, viewer.account, visit.words.language, *alike)
        return LiveStream(self._live, everything, make, self._doorman.watch(visit.request))

    def _endpoint(
        self, section: Section, page: Page, actions: Mapping[str, Action] | None = None
    ) -> Endpoint:
        """With `actions` it does one of them before, which the form names that was sent."""

        async def answer(request: Request) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return RedirectResponse("/login", 303)
            visit = Visit(request, viewer, self, section)
            try:
                if visit.viewer.account and not section.for_customers:
                    raise NotForThem
                return await page(visit) if actions is None else await _act(visit, page, actions)
            except NotForThem:
                return self._problem(visit, 404, visit.words.say("There is no such page."))
            except Refused as refused:
                return self._problem(visit, 503, refused.detail or visit.words.say("Try again later."))

        return answer

    def form_token(self, request: Request) -> str:
        return self._doorman.form_token(request)

    def _problem(self, visit: Visit, status: int, what: str) -> Response:
        visit.section = None
        return visit.render("problem.html", status, what=what)

    def _viewer(self, request: Request) -> Viewer | None:
        """None for somebody who was removed while the request was let in."""
        name = self._doorman.user(request)
        if name is None:
            return AT_THIS_MACHINE
        user = self._users().get(name)
        return Viewer(user.name, user.role, user.customer_of) if user is not None else None


async def _nowhere(visit: Visit) -> Response:
    raise NotForThem


async def _act(visit: Visit, page: Page, actions: Mapping[str, Action]) -> Response:
    visit.form = Form(parse_form(await visit.request.body()))
    action = actions.get(visit.form.do)
    if action is None:
        raise NotForThem
    try:
        done = await action(visit)
    except Unfit:
        pass
    except Refused as refused:
        if refused.refusal is Refusal.STORE_UNAVAILABLE:
            raise
        visit.form.fault = refused.detail
    else:
        # 303: what the browser loads anew then is the page, and not the form once more.
        return RedirectResponse(done, 303) if isinstance(done, str) else done
    again = await page(visit)
    again.status_code = 422
    return again
