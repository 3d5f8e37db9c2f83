from collections.abc import Callable
from typing import Protocol

from onema.http.messages import Request, Response

_TEXT = b"text/plain; charset=utf-8"
_LIVE = Response(200, b"ok", _TEXT)
_READY = Response(200, b'{"ready":true}')
_NOT_READY = Response(503, b'{"ready":false}', outcome="not_ready")
_NOT_FOUND = Response(404, b"not found", _TEXT, outcome="not_found")
_METHOD_NOT_ALLOWED = Response(
    405, b"method not allowed", _TEXT, ((b"allow", b"GET, HEAD"),), outcome="method_not_allowed"
)
_TOO_LARGE = Response(413, b"request body too large", _TEXT, outcome="oversized")
_METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Health(Protocol):
    """Who tells how the server is; where it is several processes, of all of them."""

    async def ready(self) -> bool:
        """Whether requests can be served."""

    async def metrics(self) -> bytes:
        """In Prometheus' text format."""


class OwnHealth:
    """This process alone."""

    def __init__(self, ready: Callable[[], bool], metrics: Callable[[], bytes]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def ready(self) -> bool:
        return self._ready()

    async def metrics(self) -> bytes:
        return self._metrics()


class Probes:
    """What machines ask about the server: is it alive, is it ready, how is it doing."""

    name = "probes"
    path_segments = frozenset({"health", "metrics"})

    def __init__(self, health: Health) -> None:
        self._health = health

    async def answer(self, request: Request) -> Response:
        if request.method != "GET" and request.method != "HEAD":
            return _METHOD_NOT_ALLOWED
        match request.path.rstrip("/"):
            case "/health/live":
                return _LIVE
            case "/health/ready":
                return _READY if await self._health.ready() else _NOT_READY
            case "/metrics":
                return Response(200, await self._health.metrics(), _METRICS_TYPE)
            case _:
                return _NOT_FOUND

    def refuse_oversized(self, request: Request) -> Response:
        return _TOO_LARGE

    def fault(self, request: Request, incident: str) -> Response:
        return Response(500, f"internal error, incident {incident}".encode(), _TEXT)
