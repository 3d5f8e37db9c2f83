"""uvicorn's protocol with the bounds that it lacks, and with its own mind about whose bytes are whose.

The parser alone says where a message begins and ends: bytes are rewritten, counted and timed by its word.
"""

import asyncio
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

HEAD_LIMIT = 65_536
"""Bytes of a message that are not its body: head, sizes and extensions of chunks, trailers, what stands before it."""

KEEP_ALIVE_SECONDS = 75.0
"""How long a connection stays open on which nothing is asked."""
SENDING_SECONDS = 30.0
READING_SECONDS = 60.0
HANDSHAKE_SECONDS = 10.0

# So much is parsed before bytes and waiting requests are counted again: by so much a head may pass the limit.
_PIECE = 1024
_ASCII = bytes(range(128)).decode()
_REFUSAL = b"%scontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"


class Patience(NamedTuple):
    """How long a connection waits for its client, in seconds: for a request from its first byte to its last one, for
    the client to read what it was sent, for the next request, and before all of them for a TLS handshake.
    """

    sending: float = SENDING_SECONDS
    reading: float = READING_SECONDS
    idle: float = KEEP_ALIVE_SECONDS
    handshake: float = HANDSHAKE_SECONDS


NORMAL_PATIENCE = Patience()


class _InvalidRequest(Exception):
    """The parser would take it, we do not."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        on_lost: Callable[[], None],
        has_room: Callable[[], bool],
        patience: Patience,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._on_lost = on_lost
        self._has_room = has_room
        self._patience = patience
        # From a message's first byte to its last one.
        self._message_is_open = False
        self._reading_head = False
        # How many messages have begun, and what the last of them has had besides its body, in bytes.
        self._messages = 0
        self._overhead = 0
        self._body_bytes = 0
        self._upgrade_is_offered = False
        # What came behind requests that wait for their turn.
        self._unread = b""
        # When the client is late, by the loop's clock: with the message that is open, and with reading.
        self._late_at = inf
        self._stuck_at = inf
        # Set once nothing more is read: the answer that follows those that are still owed.
        self._refusal: bytes | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Transport, transport))
        if not self._has_room():
            self._refuse(503, "Too many connections.")
            return
        self._late_at = self.loop.time() + self._patience.idle

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unread = b""
        self._on_lost()

    def pause_writing(self) -> None:
        self._stuck_at = self.loop.time() + self._patience.reading
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stuck_at = inf
        super().resume_writing()

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self.pipeline:
            # Reading stands still by then, but who waits for a body lets it go on.
            self._unread += data
            self.flow.pause_reading()
            return
        if not self._message_is_open and not data.isascii():
            data = _with_ascii_target(data)
        if len(data) <= _PIECE:
            self._feed(data)
        else:
            self._feed_pieces(data)

    def _feed_pieces(self, data: bytes) -> None:
        """As far as no request waits for its turn: each takes a hundred times the bytes that it came in."""
        for start in range(0, len(data), _PIECE):
            if self.pipeline:
                self._unread = data[start:]
                return
            self._feed(data[start : start + _PIECE])

    def _feed(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        # The message whose bytes these are, unless another one begins among them.
        message = self._messages if self._message_is_open else self._messages + 1
        self._body_bytes = 0
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserError:
                self._refuse(400, "Invalid HTTP request received.")
            break
        if self._messages <= message:
            self._overhead += len(data) - self._body_bytes
            if self._overhead > HEAD_LIMIT:
                self._refuse(400, "Request head too large.")

    def _head_without_upgrade(self) -> bytes:
        """The head that was just read, for a parser that reads the body too.

        We speak nothing but HTTP/1, so an offer of another protocol is ignored (RFC 9110 section 7.8). The parser
        has ended the message at its head and would leave the body for somebody else.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        headers = (b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade")
        head = b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version.encode(), b"".join(headers))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return head

    # What the parser says.

    def on_message_begin(self) -> None:
        self._message_is_open = True
        self._reading_head = True
        self._messages += 1
        self._overhead = 0
        self._late_at = self.loop.time() + self._patience.sending
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if b"#" in self.url:
            # Not in any target (RFC 9112 section 3.2): who cut it off would serve another path than a proxy saw.
            raise _InvalidRequest
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise _InvalidRequest
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _InvalidRequest
            self._upgrade_is_offered = True
            return
        if b"expect" in names and self.parser.get_http_version() == "1.1":
            self.expect_100_continue = any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
            )
        super().on_headers_complete()
        self._reading_head = False
        # Trailers are no headers: what comes after the body was not there when the request was looked at.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._message_is_open = False
        if self._upgrade_is_offered:
            self._upgrade_is_offered = False
            return
        super().on_message_complete()
        self._late_at = self.loop.time() + self._patience.idle if self.cycle.response_complete else inf

    # Having had enough.

    def end_if_late(self, now: float) -> None:
        """Close when the client has kept us waiting for longer than our patience. `now` is the loop's time."""
        if now > self._stuck_at:
            self.transport.abort()
        elif now <= self._late_at:
            return
        elif not self._message_is_open and not self._is_answering:
            self.transport.close()
        elif not self.pipeline:
            self._refuse(408, "The request took too long to arrive.")

    def on_response_complete(self) -> None:
        # In place of uvicorn's, which sets a timer for every request, and which reads on while requests wait.
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._send_refusal()
            return
        if not self.pipeline:
            data, self._unread = self._unread, b""
            self._feed_pieces(data)
        if not self.pipeline and self._refusal is None:
            self.flow.resume_reading()
        if self._message_is_open:
            # While an answer was owed, reading may have stood still: that time was not the client's.
            self._late_at = self.loop.time() + self._patience.sending
        elif not self._is_answering:
            self._late_at = self.loop.time() + self._patience.idle

    @property
    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _refuse(self, status: int, reason: str) -> None:
        """Read nothing more; answer what was asked before, then with this status, and close."""
        self._late_at = inf
        self._refusal = _REFUSAL % (STATUS_LINE[status], len(reason), reason.encode())
        self.transport.pause_reading()
        if self._message_is_open and not self._reading_head:
            # The newest request is the one that cannot be read to its end.
            if self.pipeline:
                self.pipeline.popleft()
            else:
                if self.cycle.response_started:
                    self._refusal = b""
                self._send_refusal()
        elif not self._is_answering:
            self._send_refusal()

    def _send_refusal(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self._refusal or b"")
            self.transport.close()


def _with_ascii_target(data: bytes) -> bytes:
    """Clients that encode nothing put UTF-8 into the request line, which the parser refuses.

    Only for the first bytes of a message: a body that is rewritten has another length than the client told, and what
    is left over would be read as a request that nobody sent.
    """
    line, end, rest = data.partition(b"\r\n")
    return quote(line, safe=_ASCII).encode() + end + rest
