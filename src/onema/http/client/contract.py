"""What whoever sends HTTP requests may rely on."""

from typing import Protocol

import msgspec

from onema.http.messages import Headers


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, complete: it is sent as it stands. Host, User-Agent, Content-Length and the authorization that
    a user in the URL stands for are the client's to add.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


class HttpAnswer(msgspec.Struct, frozen=True, gc=False):
    """What came back, in full. Header names are lower-case; the body is as it was sent, never unpacked."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """The first value of the header with this lower-case name; empty without one."""
        return next((value for key, value in self.headers if key == name), b"")


class NotSent(Exception):
    """Certainly not a byte of the request left us: it may be sent again. The text is for operators, without secrets."""


class TargetRefused(NotSent):
    """And none will: the request's URL is not one that may be called."""


class MayHaveLeft(Exception):
    """Some of the request may have left us, and there is no whole answer. The text is for operators, without secrets.
    `answer` is what came of one whose head was whole; None where there is no such head.
    """

    def __init__(self, why: str, answer: HttpAnswer | None = None) -> None:
        super().__init__(why)
        self.answer = answer


class HttpClient(Protocol):
    """Sends requests; whoever answers, however it answers, each costs a bounded time and a bounded memory."""

    async def exchange(self, request: HttpRequest, seconds: float | None = None) -> HttpAnswer:
        """Send it once: never again by itself, and to no other place. It may take `seconds`, or the client's usual
        time. Raises NotSent and MayHaveLeft, nothing else.
        """

    async def close(self) -> None:
        """Break off what is under way. Safe twice."""
