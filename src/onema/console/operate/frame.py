"""What every page of the console has around it: who looks, where they are, and what goes wrong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from onema.administration.requests import ReadDocuments
from onema.administration.requests import Request as Question
from onema.console.door.access import Doorman, Endpoint
from onema.console.operate.viewer import NotForThem, Questions, Viewer
from onema.console.words import Words, words_for
from onema.domain.configuration.documents import Account, User
from onema.domain.ids import LARGEST_ID
from onema.domain.refusals import Refused
from onema.domain.values.phone import mask

A = TypeVar("A")
AT_THIS_MACHINE = Viewer("", "owner")
"""Whoever a demo lets in without a login."""


class Visit:
    """One request of somebody who may be here."""

    def __init__(self, request: Request, viewer: Viewer, frame: "Frame", section: "Section | None") -> None:
        self.request = request
        self.viewer = viewer
        self.section = section
        """The one that the page belongs to."""
        self.words: Words = words_for(request)
        self._frame = frame

    async def ask(self, question: Question[A]) -> A:
        """Raises NotForThem and Refused."""
        return await self._frame.questions.ask(self.viewer, question)

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
        return self._frame.render(self, template, http, **values)


Page = Callable[[Visit], Awaitable[Response]]


class Section(msgspec.Struct, frozen=True):
    """A part of the console, with an entry in the navigation.

    Its `path` is below /console, those of its pages below its own; `title` is what `Words` says.
    """

    path: str
    title: str
    pages: Mapping[str, Page]
    for_customers: bool = True

    @property
    def address(self) -> str:
        return f"/console/{self.path}".rstrip("/")


class Frame:
    """Makes routes of the pages of sections."""

    def __init__(
        self,
        doorman: Doorman,
        questions: Questions,
        templates: jinja2.Environment,
        users: Callable[[], Mapping[str, User]],
        sections: Sequence[Section],
    ) -> None:
        self.questions = questions
        self._doorman = doorman
        self._templates = templates
        self._users = users
        self._sections = sections

    def routes(self) -> list[Route]:
        return [
            Route(section.address + path, self._endpoint(section, page))
            for section in self._sections
            for path, page in section.pages.items()
        ]

    def render(self, visit: Visit, template: str, http: int, **values: Any) -> Response:
        viewer = visit.viewer
        page = self._templates.get_template(f"operate/{template}").render(
            words=visit.words,
            viewer=viewer,
            visit=visit,
            sections=[one for one in self._sections if one.for_customers or not viewer.account],
            **values,
        )
        return HTMLResponse(page, http)

    def _endpoint(self, section: Section, page: Page) -> Endpoint:
        async def answer(request: Request) -> Response:
            visit = Visit(request, self._viewer(request), self, section)
            try:
                return await page(visit)
            except NotForThem:
                return self._problem(visit, 404, visit.words.say("There is no such page."))
            except Refused as refused:
                return self._problem(visit, 503, refused.detail or visit.words.say("Try again later."))

        return self._doorman.page(answer)

    def _problem(self, visit: Visit, status: int, what: str) -> Response:
        visit.section = None
        return visit.render("problem.html", status, what=what)

    def _viewer(self, request: Request) -> Viewer:
        name = self._doorman.user(request)
        user = self._users().get(name) if name else None
        return Viewer(user.name, user.role, user.customer_of) if user is not None else AT_THIS_MACHINE
