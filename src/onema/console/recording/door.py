import hmac
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from onema.console.door.access import Endpoint, is_local, is_same_origin
from onema.console.words import words_for

_COOKIE = "onema_record"


class OneTimeDoor:
    """Lets in the one browser on this machine that was shown the address, which is good for a single visit."""

    def __init__(self, token: str, new_token: Callable[[], str], landing: str) -> None:
        """`new_token` makes what the browser keeps, which is shown nowhere; `landing` is where it is sent."""
        self._new_token = new_token
        self._landing = landing
        self._token: str | None = token
        """None once it was used."""
        self._kept: str | None = None
        """What the browser that came in sends with each request."""

    def user(self, connection: HTTPConnection) -> str | None:
        return None

    def admits(self, connection: HTTPConnection) -> bool:
        sent = connection.cookies.get(_COOKIE, "")
        return (
            self._kept is not None
            and is_local(connection)
            and hmac.compare_digest(sent.encode(), self._kept.encode())
        )

    async def enter(self, request: Request) -> Response:
        """The address that the command printed."""
        if self.admits(request):
            return RedirectResponse(self._landing, 303)
        sent = request.query_params.get("token", "")
        if self._token is None or not is_local(request) or not _same(sent, self._token):
            said = words_for(request).say(
                "This address was used before, or is not the one that the command printed. Run it again."
            )
            return PlainTextResponse(said, 403)
        self._token, self._kept = None, self._new_token()
        response = RedirectResponse(self._landing, 303)
        response.set_cookie(_COOKIE, self._kept, httponly=True, samesite="strict")
        return response

    def page(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            return await (endpoint(request) if self.admits(request) else self.enter(request))

        return guarded

    def data(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if not self.admits(request):
                return JSONResponse({"error": "login required"}, 401)
            if request.method != "GET" and not is_same_origin(request):
                return JSONResponse({"error": "cross-site request"}, 403)
            return await endpoint(request)

        return guarded


def _same(sent: str, token: str) -> bool:
    return hmac.compare_digest(sent.encode(), token.encode())
