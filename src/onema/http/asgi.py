"""Answering a request by an ASGI application, which the console is."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Scope

from onema.http.answers import CLOSE_LINE, STATUS_LINES, header_lines
from onema.http.connection import Connection
from onema.http.messages import Headers
from onema.http.reader import Incoming

# Applications wait in `receive` for a client that hangs up; from 2.4 on they would hear of it only when they send,
# which is late on an event stream without events.
_ASGI = {"version": "3.0", "spec_version": "2.3"}
# How an answer is framed is between us and the client.
_OURS = frozenset({b"connection", b"transfer-encoding"})
_WITHOUT_BODY = (204, 304)


class AsgiExchange:
    """One request to an ASGI application, and its answer."""

    def __init__(self, incoming: Incoming, connection: Connection, on_begin: Callable[[int], None]) -> None:
        """`on_begin` is called with the status when the first bytes of the answer are sent."""
        self._incoming = incoming
        self._connection = connection
        self._on_begin = on_begin
        self._body_is_due = True
        """The application has not received the request's body."""
        self._change = asyncio.Event()
        """Set when those who wait shall look again, and another one put in its place."""
        self._status = 0
        self._head: bytes | None = None
        """What is sent before the next bytes of the body; None until the application begins to answer."""
        self.is_begun = False
        """Whether the client was sent something."""
        self._is_over = False
        """The answer is finished, or the application has ended."""
        self._is_chunked = False
        self._length_left: int | None = None
        """What of the body is still to come, where the head tells its length."""
        connection.on_change = self._look_again

    def scope(self) -> Scope:
        """What the application is told of the request."""
        request, connection = self._incoming.request, self._connection
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self._incoming.version,
            "method": request.method,
            "scheme": "https" if connection.is_secure else "http",
            "path": self._incoming.path,
            "root_path": "",
            "query_string": request.query,
            "headers": request.headers,
            "client": (request.client_ip, connection.peer[1]),
            "server": connection.server,
        }

    async def run(self, application: ASGIApp, scope: Scope) -> None:
        """Raises what the application raises, and RuntimeError when it does not answer to the end."""
        try:
            await application(scope, self._receive, self._send)
            if not self._is_over and not self._connection.is_gone:
                raise RuntimeError("an answer has no end")
        finally:
            self._end()

    async def _receive(self) -> Message:
        if self._body_is_due:
            self._body_is_due = False
            return {"type": "http.request", "body": self._incoming.request.body, "more_body": False}
        await self._until(lambda: self._is_over or self._connection.is_gone)
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Raises RuntimeError when that is no answer, ValueError for a header that cannot be sent."""
        await self._until(lambda: not self._connection.is_stuck)
        if self._is_over:
            raise RuntimeError("an answer goes on after its end")
        if message["type"] == "http.response.start":
            if self._head is not None:
                raise RuntimeError("an answer has two heads")
            self._begin(message["status"], message.get("headers", ()))
        else:
            self._continue(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: Headers) -> None:
        headers = [header for header in headers if header[0].lower() not in _OURS]
        lengths = [int(value) for name, value in headers if name.lower() == b"content-length"]
        head = [STATUS_LINES[status], b"date: %b\r\n" % self._connection.date, header_lines(headers)]
        if self._connection.closes:
            head.append(CLOSE_LINE)
        if self._incoming.request.method == "HEAD" or status in _WITHOUT_BODY:
            self._length_left = 0
        elif lengths:
            self._length_left = lengths[0]
        elif self._incoming.version == "1.1":
            self._is_chunked = True
            head.append(b"transfer-encoding: chunked\r\n")
        self._status = status
        self._head = b"".join((*head, b"\r\n"))

    def _continue(self, body: bytes, *, more: bool) -> None:
        if self._head is None:
            raise RuntimeError("an answer has a body before its head")
        head, self._head = self._head, b""
        if self._incoming.request.method == "HEAD":
            body = b""
        elif self._is_chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif self._length_left is not None:
            self._length_left -= len(body)
            if self._length_left < 0 or (self._length_left and not more):
                raise RuntimeError("an answer is not as long as its head says")
        if not self.is_begun:
            self.is_begun = True
            self._on_begin(self._status)
        self._connection.write(head + body)
        if not more:
            self._connection.finish()
            self._end()

    def _end(self) -> None:
        self._is_over = True
        self._look_again()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._change.wait()

    def _look_again(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
