"""The page where customers sign up, where the installation lets them."""

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.administration.answers import Administrator
from onema.administration.people_requests import SignUp
from onema.administration.permissions import ITSELF
from onema.console.door.login import read_form
from onema.console.door.passwords import Passwords, password_fault
from onema.console.door.tries import network_of
from onema.console.words import Words, words_for
from onema.domain.configuration.document_rules import SHORTEST_PASSWORD
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.refusals import Refusal, Refused


class SigningUp:
    def __init__(
        self, administrator: Administrator, passwords: Passwords, templates: jinja2.Environment
    ) -> None:
        self._administrator = administrator
        self._passwords = passwords
        self._template = templates.get_template("sign_up.html")

    def routes(self) -> list[Route]:
        return [
            Route("/sign-up", self.show, methods=["GET"]),
            Route("/sign-up", self.submit, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        return self._page(words_for(request))

    async def submit(self, request: Request) -> Response:
        form = await read_form(request)
        if isinstance(form, Response):
            return form
        words = words_for(request)
        account, name = form.get("account", "").strip(), form.get("name", "").strip()
        password = form.get("password", "")
        if fault := password_fault(words, password, form.get("again", "")):
            return self._page(words, 422, fault, account, name)
        wanted = SignUp(
            account=account,
            name=name,
            password_hash=await self._passwords.hash(password),
            network=network_of(request),
        )
        address = request.client.host if request.client else ""
        actor = msgspec.structs.replace(ITSELF, name="whoever signs up", address=address)
        try:
            await self._administrator.answer(wanted, actor)
        except InvalidConfiguration:
            error = words.say(
                "A name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit."
            )
            return self._page(words, 422, error, account, name)
        except Refused as refused:
            if refused.refusal is Refusal.DUPLICATE:
                error = words.say("This account or this name is taken. Choose another.")
                return self._page(words, 422, error, account, name)
            if refused.refusal is Refusal.RATE_LIMITED:
                error = words.say("Too many have signed up today. Try again tomorrow.")
                return self._page(words, 429, error, account, name)
            raise
        return RedirectResponse("/login", 303)

    def _page(
        self, words: Words, status: int = 200, error: str = "", account: str = "", name: str = ""
    ) -> Response:
        page = self._template.render(
            words=words, error=error, account=account, name=name, shortest=SHORTEST_PASSWORD
        )
        return HTMLResponse(page, status)
