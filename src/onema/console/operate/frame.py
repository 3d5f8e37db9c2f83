"""What every page of the console has around it: who looks, where they are, and what goes wrong."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from onema.administration.requests import ReadDocuments
from onema.administration.requests import Request as Question
from onema.console.door.access import Doorman, Endpoint
from onema.console.operate.viewer import NotForThem, Questions, Viewer
from onema.console.words import Words, words_for
from onema.domain.configuration.documents import Account, User
from onema.domain.refusals import Refused
from onema.domain.values.phone import mask

A = TypeVar("A")
AT_THIS_MACHINE = Viewer("", "owner")
"""Whoever a demo lets in without a login."""


class Section(msgspec.Struct, frozen=True):
    """A page of the navigation. Its path is below /console; `title` is what `Words` says."""

    path: str
    title: str
    for_customers: bool = True


SECTIONS = (
    Section("", "Overview"),
    Section("messages", "Messages"),
    Section("calls", "Calls"),
    Section("callbacks", "Callbacks"),
    Section("refusals", "Refusals"),
    Section("money", "Money"),
    Section("carriers", "Carriers", for_customers=False),
    Section("system", "System", for_customers=False),
)


class Visit:
    """One request of somebody who may be here."""

    def __init__(self, request: Request, viewer: Viewer, questions: Questions) -> None:
        self.request = request
        self.viewer = viewer
        self.words: Words = words_for(request)
        self._questions = questions

    async def ask(self, question: Question[A]) -> A:
        """Raises NotForThem and Refused."""
        return await self._questions.ask(self.viewer, question)

    def told(self, name: str) -> str:
        """What the address says of this."""
        return self.request.query_params.get(name, "").strip()[:200]

    async def accounts(self) -> list[Account]:
        """Those that the viewer may look at, by name."""
        found = await self.ask(ReadDocuments(kind="account"))
        return [one for one in found.documents if isinstance(one, Account)]

    def phone(self, number: str) -> str:
        return number if self.viewer.sees_numbers else mask(number)


Page = Callable[[Visit], Awaitable[Response]]


class Frame:
    """Makes endpoints of pages."""

    def __init__(
        self,
        doorman: Doorman,
        questions: Questions,
        templates: jinja2.Environment,
        users: Callable[[], Mapping[str, User]],
    ) -> None:
        self._doorman = doorman
        self._questions = questions
        self._templates = templates
        self._users = users

    def endpoint(self, page: Page) -> Endpoint:
        async def answer(request: Request) -> Response:
            visit = Visit(request, self._viewer(request), self._questions)
            try:
                return await page(visit)
            except NotForThem:
                return self.problem(visit, 404, visit.words.say("There is no such page."))
            except Refused as refused:
                return self.problem(visit, 503, refused.detail or visit.words.say("Try again later."))

        return self._doorman.page(answer)

    def render(self, visit: Visit, template: str, section: str, http: int = 200, **values: Any) -> Response:
        """`section` is the path of the section that the page belongs to, `http` the answer's status."""
        viewer = visit.viewer
        page = self._templates.get_template(f"operate/{template}").render(
            words=visit.words,
            viewer=viewer,
            visit=visit,
            section=section,
            sections=[one for one in SECTIONS if one.for_customers or not viewer.account],
            **values,
        )
        return HTMLResponse(page, http)

    def problem(self, visit: Visit, status: int, what: str) -> Response:
        return self.render(visit, "problem.html", "", status, what=what)

    def _viewer(self, request: Request) -> Viewer:
        name = self._doorman.user(request)
        user = self._users().get(name) if name else None
        return Viewer(user.name, user.role, user.customer_of) if user is not None else AT_THIS_MACHINE
