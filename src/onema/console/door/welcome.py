"""The page behind a link that makes a user: whoever has the link chooses a name and a password."""

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.administration.answers import Administrator
from onema.administration.people_requests import OpenInvitation, ReadInvitation, TakeInvitation
from onema.administration.permissions import ITSELF, Actor
from onema.console.door.access import refuse_cross_site
from onema.console.door.passwords import Passwords, password_fault
from onema.console.words import Words, words_for
from onema.domain.configuration.document_rules import SHORTEST_PASSWORD
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.refusals import Refusal, Refused
from onema.http.parameters import parse_form

_LONGEST_TOKEN = 200
ROLES = {
    "owner": "You may see and change everything, and say who else may come in.",
    "operator": "You may see and change everything but who the operators are.",
    "admin": "You may see and change what belongs to this account, and invite others.",
    "developer": "You may see and change what the programs of this account need.",
    "viewer": "You may look at everything, without whole phone numbers.",
}
"""What each role is told about itself."""


class Welcome:
    def __init__(
        self, administrator: Administrator, passwords: Passwords, templates: jinja2.Environment
    ) -> None:
        self._administrator = administrator
        self._passwords = passwords
        self._template = templates.get_template("welcome.html")

    def routes(self) -> list[Route]:
        return [
            Route("/welcome/{token}", self.show, methods=["GET"]),
            Route("/welcome/{token}", self.submit, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        words = words_for(request)
        invitation = await self._look_up(request)
        if invitation is None:
            return self._page(words, None, 410)
        return self._page(words, invitation)

    async def submit(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        words = words_for(request)
        try:
            form = parse_form(await request.body())
        except ValueError:
            return PlainTextResponse("This form cannot be read.", 400)
        invitation = await self._look_up(request)
        if invitation is None:
            return self._page(words, None, 410)
        name = invitation.name or form.get("name", "").strip()
        password = form.get("password", "")
        if fault := password_fault(words, password, form.get("again", "")):
            return self._page(words, invitation, 422, fault, name)
        taken = TakeInvitation(
            token=request.path_params["token"], name=name, password_hash=await self._passwords.hash(password)
        )
        try:
            await self._administrator.answer(taken, _stranger(request))
        except InvalidConfiguration:
            error = words.say(
                "A name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit."
            )
            return self._page(words, invitation, 422, error, name)
        except Refused as refused:
            if refused.refusal is Refusal.CREDENTIAL_UNKNOWN:
                return self._page(words, None, 410)
            if refused.refusal is Refusal.DUPLICATE:
                return self._page(words, invitation, 422, words.say("Somebody has this name already."), name)
            raise
        return RedirectResponse("/login", 303)

    async def _look_up(self, request: Request) -> OpenInvitation | None:
        token = request.path_params["token"]
        if len(token) > _LONGEST_TOKEN:
            return None
        return await self._administrator.answer(ReadInvitation(token=token), _stranger(request))

    def _page(
        self,
        words: Words,
        invitation: OpenInvitation | None,
        status: int = 200,
        error: str = "",
        name: str = "",
    ) -> Response:
        page = self._template.render(
            words=words,
            invitation=invitation,
            may=ROLES[invitation.role] if invitation else "",
            error=error,
            name=name,
            shortest=SHORTEST_PASSWORD,
        )
        return HTMLResponse(page, status)


def _stranger(request: Request) -> Actor:
    """The link is all that this page needs: whoever has it need be nobody yet."""
    address = request.client.host if request.client else ""
    return msgspec.structs.replace(ITSELF, name="whoever has the link", address=address)
