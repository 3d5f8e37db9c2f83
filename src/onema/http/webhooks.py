"""The way in for carriers that report over HTTP: /carriers/NAME/..., whatever the carrier likes behind it."""

from collections.abc import Awaitable, Callable

from onema.http.messages import Request, Response

Webhook = Callable[[Request], Awaitable[Response]]

_SEGMENT = "carriers"
_TEXT = b"text/plain; charset=utf-8"
_NO_SUCH_PATH = Response(404, b"Not Found", _TEXT, outcome="not_found")
"""As any path is answered that there is not: nobody can find out what carriers there are."""


class CarrierWebhooks:
    """Gives each request to the webhook of the carrier that its path names."""

    name = _SEGMENT
    path_segments = frozenset((_SEGMENT,))

    def __init__(self, find: Callable[[str], Webhook | None]) -> None:
        """`find` has the webhooks by carriers' names."""
        self._find = find

    async def answer(self, request: Request) -> Response:
        webhook = self._of(request)
        return _NO_SUCH_PATH if webhook is None else await webhook(request)

    def refuse_oversized(self, request: Request) -> Response:
        if self._of(request) is None:
            return _NO_SUCH_PATH
        return Response(413, b"request body too large", _TEXT, outcome="oversized")

    def fault(self, request: Request, incident: str) -> Response:
        return Response(500, f"internal error, incident {incident}".encode(), _TEXT, outcome="fault")

    def _of(self, request: Request) -> Webhook | None:
        segments = request.path.split("/", 3)
        return self._find(segments[2]) if len(segments) > 2 else None
