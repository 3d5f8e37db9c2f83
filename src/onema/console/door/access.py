"""Who may see the console: people who logged in, and in demo mode whoever sits at this machine."""

import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from onema.console.door.session import COOKIE, Sessions
from onema.http.client_address import FORWARDED_HOST
from onema.http.parameters import parse_form

Endpoint = Callable[[Request], Awaitable[Response]]

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
# A page elsewhere can make its own name resolve to 127.0.0.1 (DNS rebinding); it cannot change the Host
# header, which then still holds that name.
_OWN_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.I | re.ASCII)
FORM_FIELD = "token"
"""The field of a form that has the session's token."""
_SAFE_METHODS = ("GET", "HEAD")


class Doorman:
    """Lets requests in or turns them away. The peer in `scope` is already the real one (HttpApplication)."""

    def __init__(self, sessions: Sessions, open_on_loopback: bool) -> None:
        self._sessions = sessions
        self._open_on_loopback = open_on_loopback

    def user(self, connection: HTTPConnection) -> str | None:
        """The name of the user who is logged in."""
        session = self._sessions.find(connection.cookies.get(COOKIE, ""))
        return session.user if session else None

    def form_token(self, connection: HTTPConnection) -> str:
        """What every form of a page has in its field `token`."""
        return self._sessions.form_token(connection.cookies.get(COOKIE, ""))

    def order(self, endpoint: Endpoint) -> Endpoint:
        """For forms that change something: a stranger is sent to the login; a form that no page of this session had
        in it gets 403.
        """

        async def guarded(request: Request) -> Response:
            if not self.admits(request):
                return RedirectResponse("/login", 303)
            refusal = refuse_cross_site(request)
            if refusal is not None:
                return refusal
            try:
                token = parse_form(await request.body()).get(FORM_FIELD, "")
            except ValueError:
                return PlainTextResponse("This form cannot be read.", 400)
            if not hmac.compare_digest(token.encode(), self.form_token(request).encode()):
                return PlainTextResponse("This form is not of this session. Load its page again.", 403)
            return await endpoint(request)

        return guarded

    def admits(self, connection: HTTPConnection) -> bool:
        return (self._open_on_loopback and is_local(connection)) or self.user(connection) is not None

    def page(self, endpoint: Endpoint) -> Endpoint:
        """For people: a stranger is sent to the login."""

        async def guarded(request: Request) -> Response:
            if not self.admits(request):
                return RedirectResponse("/login", 303)
            return await endpoint(request)

        return guarded

    def data(self, endpoint: Endpoint) -> Endpoint:
        """For scripts: a stranger gets 401, and a POST from another site 403."""

        async def guarded(request: Request) -> Response:
            if not self.admits(request):
                return JSONResponse({"error": "login required"}, 401)
            if request.method not in _SAFE_METHODS and not is_same_origin(request):
                return JSONResponse({"error": "cross-site request"}, 403)
            return await endpoint(request)

        return guarded


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


def refuse_cross_site(request: Request) -> Response | None:
    """The refusal of a form that another site sent, or None."""
    if is_same_origin(request):
        return None
    return PlainTextResponse("This form was sent from another site.", 403)
