"""Logging in: a password and what else is wanted, or a passkey, or somebody else's word; few tries, and a session."""

import asyncio
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.console.door import passkeys
from onema.console.door.access import Doorman, refuse_cross_site
from onema.console.door.arriving import Arrivals, author_of
from onema.console.door.authenticator import Authenticators
from onema.console.door.passwords import NOBODYS_HASH, Passwords
from onema.console.door.session import COOKIE, Sessions
from onema.console.door.tickets import Tickets
from onema.console.door.tries import Tries
from onema.console.words import Words, words_for
from onema.domain.configuration.documents import User
from onema.domain.people.access import Access
from onema.domain.people.change_access import EndSessions, UseApp, UsePasskey, UseRecoveryCode
from onema.domain.people.tries import UseOnce
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.http.parameters import parse_form

PasskeyUse = Literal["alone", "second"]
# Nobody has a longer name, or code.
_LONGEST_NAME = 200
_NO_MATCH = "This name and password do not match."
_NO_CODE = "This code is wrong, or was used."
_STEP = "step"
"""The ticket of somebody who has shown who they are; its value is what was shown, and the name."""
CHALLENGE = "challenge"
"""The ticket of a browser that was asked for a passkey; its value is what it was asked to sign."""
_JSON = msgspec.json.Decoder(dict[str, Any])


class Login:
    def __init__(
        self,
        gateway: Gateway,
        users: Callable[[], Mapping[str, User]],
        sessions: Sessions,
        doorman: Doorman,
        templates: jinja2.Environment,
        passwords: Passwords,
        authenticators: Authenticators,
        tickets: Tickets,
        passkeys_are: PasskeyUse = "alone",
    ) -> None:
        self._gateway = gateway
        self._users = users
        self._sessions = sessions
        self._doorman = doorman
        self._template = templates.get_template("login.html")
        self._second_template = templates.get_template("second.html")
        self._tries = Tries(gateway, sessions)
        self._arrivals = Arrivals(gateway, sessions)
        self._passwords = passwords
        self._authenticators = authenticators
        self._tickets = tickets
        self._passkeys_are = passkeys_are
        self.signs_up = False
        """Whether there is a page to sign up on. Wiring sets it."""
        self.providers: tuple[tuple[str, str], ...] = ()
        """Whose word counts, too: where to go for it, and what they are called. Wiring sets it."""

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.submit, methods=["POST"]),
            Route("/login/second", self.show_second, methods=["GET"]),
            Route("/login/second", self.submit_second, methods=["POST"]),
            Route("/login/passkey/ask", self.ask_passkey, methods=["POST"]),
            Route("/login/passkey", self.submit_passkey, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        if await self._doorman.admits(request):
            return RedirectResponse("/", 303)
        return self.form(words_for(request))

    async def submit(self, request: Request) -> Response:
        form = await read_form(request)
        if isinstance(form, Response):
            return form
        words = words_for(request)
        name, password = form.get("name", "").strip(), form.get("password", "")
        if len(name) > _LONGEST_NAME:
            return self.form(words, 401, words.say(_NO_MATCH))
        whose = self._tries.of_name(request, name)
        if wait_ms := await self._tries.begin(whose):
            return self.form(words, 429, too_often(words, wait_ms), name, retry_after(wait_ms))
        user = await self._verified(name, password)
        if user is None:
            return self.form(words, 401, words.say(_NO_MATCH), name)
        await self._tries.succeeded(whose)
        return await self.go_on(request, user, "password")

    async def go_on(self, request: Request, user: User, shown: str) -> Response:
        """The next step of whoever has `shown` who they are: a second factor, where they have one."""
        access = await self._sessions.access(user.name)
        if access.has_second_factor:
            response = RedirectResponse("/login/second", 303)
            self._tickets.give(request, response, _STEP, f"{shown} {user.name}", user.password_hash)
            return response
        return await self._in(request, user, shown)

    async def show_second(self, request: Request) -> Response:
        user = self._half_in(request)
        if user is None:
            return RedirectResponse("/login", 303)
        return self._second(words_for(request), await self._sessions.access(user.name))

    async def submit_second(self, request: Request) -> Response:
        form = await read_form(request)
        if isinstance(form, Response):
            return form
        user = self._half_in(request)
        if user is None:
            return RedirectResponse("/login", 303)
        words, access = words_for(request), await self._sessions.access(user.name)
        whose = self._tries.of_second(user.name)
        if wait_ms := await self._tries.begin(whose):
            return self._second(words, access, 429, too_often(words, wait_ms), retry_after(wait_ms))
        shown = await self._used(request, user, access, form.get("code", "")[:_LONGEST_NAME])
        if not shown:
            return self._second(words, access, 401, words.say(_NO_CODE))
        await self._tries.succeeded(whose)
        return await self._in(request, user, f"{self._first(request)} and {shown}")

    async def ask_passkey(self, request: Request) -> Response:
        """What a script asks the browser to sign: of whoever has shown the password theirs, else any."""
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        user = self._half_in(request)
        if user is None and self._passkeys_are != "alone":
            return JSONResponse({"error": "log in with a password first"}, 403)
        access = await self._sessions.access(user.name) if user is not None else None
        challenge = self._gateway.token(passkeys.CHALLENGE_BYTES)
        options = await asyncio.to_thread(passkeys.request_options, request, access, challenge)
        response = JSONResponse(options)
        give_challenge(self._tickets, request, response, challenge)
        return response

    async def submit_passkey(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        words = words_for(request)
        half = self._half_in(request)
        try:
            answer = _JSON.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return JSONResponse({"error": "no JSON object"}, 400)
        # Whoever shows nothing but a passkey may be anybody.
        whose = self._tries.of_second(half.name) if half else self._tries.of_address(request)
        if wait_ms := await self._tries.begin(whose):
            return JSONResponse({"error": too_often(words, wait_ms)}, 429, retry_after(wait_ms))
        name = half.name if half else await asyncio.to_thread(passkeys.claimed_user, answer)
        user = self._users().get(name)
        alone = half is None
        if user is None or user.state != "active" or (alone and self._passkeys_are != "alone"):
            return JSONResponse({"error": words.say(_NO_PASSKEY)}, 401)
        access = await self._sessions.access(user.name)
        try:
            challenge = shown_challenge(self._tickets, request)
            identifier, count = await asyncio.to_thread(
                passkeys.shown, request, answer, challenge, access, alone=alone
            )
            now = self._gateway.now()
            await self._gateway.execute(UseOnce("challenge", passkeys.digest_of(challenge), now))
            await self._gateway.execute(UsePasskey(user=user.name, id=identifier, count=count, now=now))
        except passkeys.Unproven:
            return JSONResponse({"error": words.say(_NO_PASSKEY)}, 401)
        except Refused as refused:
            if refused.refusal is not Refusal.CODE_INVALID:
                raise
            return JSONResponse({"error": words.say(_NO_PASSKEY)}, 401)
        await self._tries.succeeded(whose)
        response = JSONResponse({"next": "/"})
        first = "" if alone else f"{self._first(request)} and "
        await self._arrivals.come_in(request, response, user, f"{first}passkey")
        return response

    async def log_out(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        visitor = await self._doorman.arrive(request)
        user = self._users().get(visitor.user) if visitor is not None else None
        if visitor is not None and user is not None:
            await author_of(self._gateway, request, user, "log_out").execute(
                EndSessions(user=user.name, id=visitor.session.id), user.customer_of, f"user {user.name}"
            )
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def _in(self, request: Request, user: User, shown: str) -> Response:
        response = RedirectResponse("/", 303)
        await self._arrivals.come_in(request, response, user, shown)
        return response

    def _half_in(self, request: Request) -> User | None:
        """Whoever has shown the password, or a provider's word for it, and nothing else yet."""
        user = self._users().get(self._tickets.value(request, _STEP).partition(" ")[2])
        if user is None or user.state != "active":
            return None
        return user if self._tickets.shown(request, _STEP, user.password_hash) else None

    def _first(self, request: Request) -> str:
        """What whoever is half in has shown."""
        return self._tickets.value(request, _STEP).partition(" ")[0]

    async def _used(self, request: Request, user: User, access: Access, code: str) -> str:
        """What was shown by this code, which is worth nothing from now on; "" when it was worth nothing before."""
        totp = access.app
        if totp is None:
            return ""
        step = self._authenticators.step_of(user.name, totp, code, self._gateway.now())
        try:
            if step is not None:
                await self._gateway.execute(UseApp(user=user.name, seed=totp.seed, step=step))
                return "code"
            digests = self._authenticators.recovery_digests(user.name, code)
            author = author_of(self._gateway, request, user, "use_recovery_code")
            await author.execute(
                UseRecoveryCode(user=user.name, digests=digests), user.customer_of, f"user {user.name}"
            )
        except Refused as refused:
            if refused.refusal is not Refusal.CODE_INVALID:
                raise
            return ""
        return "recovery code"

    async def _verified(self, name: str, password: str) -> User | None:
        user = self._users().get(name)
        password_hash = user.password_hash if user else NOBODYS_HASH
        right = await self._passwords.matches(password_hash, password)
        return user if right and user is not None and user.state == "active" else None

    def form(
        self,
        words: Words,
        status: int = 200,
        error: str = "",
        name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        page = self._template.render(
            words=words,
            error=error,
            name=name,
            passkeys=self._passkeys_are == "alone",
            providers=self.providers,
            signs_up=self.signs_up,
        )
        return HTMLResponse(page, status, headers=headers)

    def _second(
        self,
        words: Words,
        access: Access,
        status: int = 200,
        error: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        page = self._second_template.render(
            words=words, error=error, app=access.app is not None, passkeys=bool(access.passkeys)
        )
        return HTMLResponse(page, status, headers=headers)


_NO_PASSKEY = "This passkey is not known here."


def give_challenge(tickets: Tickets, request: Request, response: Response, challenge: bytes) -> None:
    tickets.give(request, response, CHALLENGE, urlsafe_b64encode(challenge).decode())


def shown_challenge(tickets: Tickets, request: Request) -> bytes:
    """What the browser was asked to sign. Raises Unproven."""
    found = tickets.shown(request, CHALLENGE)
    if not found:
        raise passkeys.Unproven("nothing was asked, or too long ago")
    return urlsafe_b64decode(found)


async def read_form(request: Request) -> dict[str, str] | Response:
    """The form, or why it is not read."""
    refusal = refuse_cross_site(request)
    if refusal is not None:
        return refusal
    try:
        # Not Starlette's parser: it decodes a multipart form as the client says, and Python's codecs include some
        # that take seconds for a body of this length.
        return parse_form(await request.body())
    except ValueError:
        return PlainTextResponse("This form cannot be read.", 400)


def too_often(words: Words, wait_ms: int) -> str:
    seconds = math.ceil(wait_ms / 1000)
    return words.say("Too many failed logins. Try again in {seconds} seconds.", seconds=seconds)


def retry_after(wait_ms: int) -> dict[str, str]:
    return {"retry-after": str(math.ceil(wait_ms / 1000))}
