"""Who may see the console: people who logged in, and in demo mode whoever sits at this machine."""

import asyncio
import ipaddress
import re
import time
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from onema.console.door.session import COOKIE, Sessions, Visitor
from onema.http.client_address import FORWARDED_HOST
from onema.http.parameters import parse_form
from onema.storage.contract import StorageError

Endpoint = Callable[[Request], Awaitable[Response]]

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
# A page elsewhere can make its own name resolve to 127.0.0.1 (DNS rebinding); it cannot change the Host
# header, which then still holds that name.
_OWN_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.I | re.ASCII)
FORM_FIELD = "token"
"""The field of a form that has the session's token."""
_FORM_HEADER = "x-form-token"
"""Where scripts say it."""
_SAFE_METHODS = ("GET", "HEAD")
YOUR_ACCOUNT = "/console/you"
"""Where somebody changes what they show to come in."""
_VISITOR = "onema.visitor"
"""Where a scope has who is logged in."""
_LOOK_AGAIN_SECONDS = 2.0


class Doorman:
    """Lets requests in or turns them away. The peer in `scope` is already the real one (HttpApplication)."""

    def __init__(
        self,
        sessions: Sessions,
        open_on_loopback: bool,
        lacks: Callable[[Visitor], bool] = lambda visitor: False,
        only: Callable[[Visitor], bool] = lambda visitor: True,
    ) -> None:
        """`lacks` says of whom a second factor is wanted that they have not got yet: they may but get one. For others
        than those of `only` nothing is behind this door.
        """
        self._sessions = sessions
        self._open_on_loopback = open_on_loopback
        self._lacks = lacks
        self._only = only
        self._looking = set[asyncio.Task[None]]()
        """Looks whether streams may go on; held until they are done."""

    async def arrive(self, connection: HTTPConnection) -> Visitor | None:
        """Whoever is logged in. Raises StorageError."""
        found = await self._sessions.find(connection.cookies.get(COOKIE, ""))
        connection.scope[_VISITOR] = found
        return found

    def visitor(self, connection: HTTPConnection) -> Visitor | None:
        """Whoever was found when the request arrived."""
        found: Visitor | None = connection.scope.get(_VISITOR)
        return found

    def user(self, connection: HTTPConnection) -> str | None:
        """The name of the user who is logged in."""
        visitor = self.visitor(connection)
        return visitor.user if visitor else None

    def form_token(self, connection: HTTPConnection) -> str:
        """What every form of a page has in its field `token`."""
        return self._sessions.form_token(connection.cookies.get(COOKIE, ""))

    def _is_form_token(self, token: str, connection: HTTPConnection) -> bool:
        return self._sessions.is_form_token(token, connection.cookies.get(COOKIE, ""))

    def is_at_this_machine(self, connection: HTTPConnection) -> bool:
        """Whether a demo lets them in without a login."""
        return self._open_on_loopback and is_local(connection)

    def lacks(self, visitor: Visitor) -> bool:
        """Whether a second factor is wanted of them that they have not got."""
        return self._lacks(visitor)

    def only_for(self, these: Callable[[Visitor], bool]) -> "Doorman":
        """One who lets in these alone."""
        return Doorman(self._sessions, self._open_on_loopback, self._lacks, these)

    async def admits(self, connection: HTTPConnection) -> bool:
        visitor = await self.arrive(connection)
        if visitor is not None:
            return self._only(visitor) and not self._lacks(visitor)
        return self.is_at_this_machine(connection)

    def watch(self, connection: HTTPConnection) -> Callable[[], bool]:
        """Whether a stream may go on: what it says is at most some seconds old."""
        latest = [True]
        looked_at = [time.monotonic()]

        async def look() -> None:
            try:
                latest[0] = await self.admits(connection)
            except StorageError:
                latest[0] = False

        def still() -> bool:
            if time.monotonic() - looked_at[0] >= _LOOK_AGAIN_SECONDS:
                looked_at[0] = time.monotonic()
                task = asyncio.ensure_future(look())
                self._looking.add(task)
                task.add_done_callback(self._looking.discard)
            return latest[0]

        return still

    def page(self, endpoint: Endpoint, *, without_factor: bool = False) -> Endpoint:
        """For people: a stranger is sent to the login, and whoever lacks a second factor to where they get one."""

        async def guarded(request: Request) -> Response:
            refusal = await self._turned_away(request, without_factor)
            return refusal or await endpoint(request)

        return guarded

    def order(self, endpoint: Endpoint, *, without_factor: bool = False) -> Endpoint:
        """For forms that change something: a stranger is sent to the login; a form that no page of this session had
        in it gets 403.
        """

        async def guarded(request: Request) -> Response:
            refusal = await self._turned_away(request, without_factor) or refuse_cross_site(request)
            if refusal is not None:
                return refusal
            try:
                token = parse_form(await request.body()).get(FORM_FIELD, "")
            except ValueError:
                return PlainTextResponse("This form cannot be read.", 400)
            if not self._is_form_token(token, request):
                return PlainTextResponse("This form is not of this session. Load its page again.", 403)
            return await endpoint(request)

        return guarded

    def script(self, endpoint: Endpoint) -> Endpoint:
        """For what a page's script changes for who is logged in: the form's token is in a header."""

        async def guarded(request: Request) -> Response:
            if await self.arrive(request) is None:
                return JSONResponse({"error": "login required"}, 401)
            token = request.headers.get(_FORM_HEADER, "")
            if not self._is_form_token(token, request) or not is_same_origin(request):
                return JSONResponse({"error": "not of this session"}, 403)
            return await endpoint(request)

        return guarded

    def data(self, endpoint: Endpoint) -> Endpoint:
        """For scripts: a stranger gets 401, and a POST from another site 403."""

        async def guarded(request: Request) -> Response:
            if not await self.admits(request):
                visitor = self.visitor(request)
                if visitor is not None and not self._only(visitor):
                    return JSONResponse({"error": "not for this role"}, 403)
                return JSONResponse({"error": "login required"}, 401)
            if request.method not in _SAFE_METHODS and not is_same_origin(request):
                return JSONResponse({"error": "cross-site request"}, 403)
            return await endpoint(request)

        return guarded

    async def _turned_away(self, request: Request, without_factor: bool) -> Response | None:
        visitor = await self.arrive(request)
        if visitor is None:
            return None if self.is_at_this_machine(request) else RedirectResponse("/login", 303)
        if self._lacks(visitor) and not without_factor:
            return RedirectResponse(YOUR_ACCOUNT, 303)
        return None if self._only(visitor) else PlainTextResponse("not found", 404)


def is_local(connection: HTTPConnection) -> bool:
    """Whether this comes from a program on this machine, and not through a proxy on it."""
    if connection.client is None or any(name in connection.headers for name in _FORWARDED):
        return False
    if not _OWN_HOST.fullmatch(connection.headers.get("host", "")):
        return False
    try:
        address = ipaddress.ip_address(connection.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_same_origin(request: Request) -> bool:
    """Browsers name the origin of every POST; what names none is no browser, and abuses nobody's cookies."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    ours = {request.headers.get("host", "").lower(), request.scope.get(FORWARDED_HOST, "").lower()}
    # Scheme, host and port are all that an origin has (RFC 6454 section 6.2).
    return origin.lower().partition("://")[2] in ours - {""}


def public_address(request: Request) -> str:
    """Where people reach this console: as it is configured, else as this request came."""
    configured = str(request.app.state.public_url).rstrip("/")
    host = request.scope.get(FORWARDED_HOST, "") or request.headers.get("host", "")
    return configured or f"{request.url.scheme}://{host}"


def refuse_cross_site(request: Request) -> Response | None:
    """The refusal of a form that another site sent, or None."""
    if is_same_origin(request):
        return None
    return PlainTextResponse("This form was sent from another site.", 403)
