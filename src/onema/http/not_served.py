from collections.abc import Sequence
from typing import Protocol

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from onema.http.messages import Request, Response


class _Api(Protocol):
    @property
    def path_segments(self) -> frozenset[str]: ...


def _sentence(role: str) -> str:
    return f"This server does not have the role {role!r}. Ask one that has: it is started with `onema serve --roles`."


def not_served(role: str) -> ASGIApp:
    """Answers every request in place of an application whose role this process does not have."""
    return PlainTextResponse(_sentence(role), 404)


class NotServed:
    """Stands in place of wire APIs whose role this process does not have."""

    name = "not_served"

    def __init__(self, role: str, apis: Sequence[_Api]) -> None:
        self.path_segments = frozenset().union(*(api.path_segments for api in apis))
        self._response = Response(
            404, _sentence(role).encode(), b"text/plain; charset=utf-8", outcome="not_served"
        )

    async def answer(self, request: Request) -> Response:
        return self._response

    def refuse_oversized(self, request: Request) -> Response:
        return self._response

    def fault(self, request: Request, incident: str) -> Response:
        return self._response
