import asyncio
import ipaddress
import math
from collections.abc import Callable, Mapping

import argon2
import jinja2
from argon2.exceptions import Argon2Error, InvalidHashError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from onema.console.door.access import Doorman, refuse_cross_site
from onema.console.door.session import COOKIE, SESSION_MS, Sessions
from onema.console.door.throttle import Throttle
from onema.console.words import Words, words_for
from onema.domain.configuration.documents import User
from onema.domain.configuration.log_out import LogOut
from onema.engine.gateway import Gateway
from onema.http.parameters import parse_form

# Verified in place of a user who does not exist, so that both answers take equally long. Made by
# argon2.PasswordHasher() with its defaults; nobody knows a password for it.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$ezuQjGkp0o51XzNkfa7Xkw$u/C0gwYR8xow9qJV5Agqr25dYW98JQMUt5tXn88yRgo"
)
_LONGEST_PASSWORD = 1_024
# Nobody has a longer name; and what is remembered of failures must not grow with what strangers send.
_LONGEST_NAME = 200
# Each verification takes 64 MiB.
_VERIFY_AT_ONCE = 2
_NO_MATCH = "This name and password do not match."
# A name may be blocked by anyone who knows it, so it never waits long.
_ADDRESS_WAITS_MS = (30_000, 900_000)
_NAME_WAITS_MS = (15_000, 60_000)


class Login:
    """The login form: a slow password check, few tries, a signed cookie."""

    def __init__(
        self,
        gateway: Gateway,
        users: Callable[[], Mapping[str, User]],
        sessions: Sessions,
        doorman: Doorman,
        templates: jinja2.Environment,
    ) -> None:
        self._gateway = gateway
        self._users = users
        self._sessions = sessions
        self._doorman = doorman
        self._template = templates.get_template("login.html")
        self._by_address = Throttle(gateway.now, *_ADDRESS_WAITS_MS)
        """Tries by where they come from (`_network`)."""
        self._by_name = Throttle(gateway.now, *_NAME_WAITS_MS)
        """Tries by the name that was given, whether or not somebody has it."""
        self._hasher = argon2.PasswordHasher()
        self._verifying = asyncio.Semaphore(_VERIFY_AT_ONCE)
        """Held while a password is hashed."""

    async def show(self, request: Request) -> Response:
        if self._doorman.admits(request):
            return RedirectResponse("/", 303)
        return self._form(words_for(request))

    async def submit(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        words = words_for(request)
        try:
            # Not Starlette's parser: it decodes a multipart form as the client says, and Python's codecs include some
            # that take seconds for a body of this length.
            form = parse_form(await request.body())
        except ValueError:
            return PlainTextResponse("This form cannot be read.", 400)
        name, password = form.get("name", "").strip(), form.get("password", "")
        if len(name) > _LONGEST_NAME:
            return self._form(words, 401, words.say(_NO_MATCH))
        address = _network(request.client.host if request.client else "")
        wait_ms = max(self._by_address.wait_ms(address), self._by_name.wait_ms(name))
        if wait_ms:
            seconds = math.ceil(wait_ms / 1000)
            error = words.say("Too many failed logins. Try again in {seconds} seconds.", seconds=seconds)
            return self._form(words, 429, error, name, {"retry-after": str(seconds)})
        self._by_address.count(address)
        self._by_name.count(name)
        user = await self._verified(name, password)
        if user is None:
            return self._form(words, 401, words.say(_NO_MATCH), name)
        self._by_address.succeeded(address)
        self._by_name.succeeded(name)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            self._sessions.begin(user),
            max_age=SESSION_MS // 1000,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        user = self._doorman.user(request)
        if user is not None:
            await self._gateway.execute(LogOut(user))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def _verified(self, name: str, password: str) -> User | None:
        user = self._users().get(name)
        password_hash = user.password_hash if user else NOBODYS_HASH
        async with self._verifying:
            right = await asyncio.to_thread(self._matches, password_hash, password[:_LONGEST_PASSWORD])
        return user if right and user is not None and user.state == "active" else None

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _form(
        self,
        words: Words,
        status: int = 200,
        error: str = "",
        name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        page = self._template.render(words=words, error=error, name=name)
        return HTMLResponse(page, status, headers=headers)


def _network(address: str) -> str:
    """What one attacker holds: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))
