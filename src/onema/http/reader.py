"""What requests the bytes of one connection make; no socket is known here.

The parser alone says where a message begins and ends: bytes are rewritten and counted by its word.
"""

from collections import deque
from collections.abc import Callable

import httptools
import msgspec
from msgspec.structs import replace

from onema.http.messages import Headers, Request
from onema.http.target import split_target, with_ascii_target

BODY_LIMIT = 65_536
HEAD_LIMIT = 65_536
"""Bytes of a message that are not its body: head, sizes and extensions of chunks, trailers, what stands before it."""

# So much is parsed before bytes and requests are counted again: by so much a head may pass the limit.
_PIECE = 1024
_UNTOLD = -1


class MalformedError(Exception):
    """These bytes make no request, and nobody can tell where the next one would begin. The text is for the client."""


class _NotAccepted(Exception):
    """The parser would take it, we do not."""


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A request that came whole, or one whose body is too large to be read, which is left out then."""

    request: Request
    path: str
    """Of the request, with as many slashes before it as were sent."""
    version: str
    """Of HTTP, such as 1.1."""
    keeps_alive: bool
    """Whether the client would ask again on this connection."""
    is_oversized: bool


class RequestReader:
    """Makes requests of what `receive` is given."""

    def __init__(self, client_ip: Callable[[Headers], str]) -> None:
        """`client_ip` tells who sent a request with these headers."""
        self._client_ip = client_ip
        self.incoming: deque[Incoming] = deque()
        """Requests, in order; whoever answers them takes them away."""
        self.begun = 0
        """How many messages have begun."""
        self.is_within = False
        """From a message's first byte to its last one."""
        self.awaits_continue = False
        """The client holds its body back until it is told to go on."""
        self._parser = self._new_parser()
        # Of the message that is being read: bytes besides its body (without those of the piece that it began in),
        # what its head says, what has come of its body; trailers are put where headers were.
        self._overhead = 0
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: Incoming | None = None
        self._body = bytearray()
        # All that has come of the message ends within its target, as far as one can tell.
        self._target_is_cut = False
        # The head has offered another protocol, and is read again without that.
        self._upgrade_is_offered = False

    def receive(self, data: bytes) -> bytes:
        """Read as far as a request has come, since a waiting one takes a hundred times the bytes that it came in; what
        is left of `data`. Raises MalformedError; nothing can be read after it.
        """
        if not data.isascii() and (self._target_is_cut or not self.is_within):
            data = with_ascii_target(data)
        unread = b""
        if len(data) <= _PIECE:
            self._feed(data)
        else:
            for start in range(0, len(data), _PIECE):
                self._feed(data[start : start + _PIECE])
                if self.incoming:
                    data, unread = data[start : start + _PIECE], data[start + _PIECE :]
                    break
        if self.is_within:
            target, nothing_else = self._target, self._head is None and not self._headers
            self._target_is_cut = nothing_else and (data.endswith(target) or target.endswith(data))
        return unread

    def interrupted(self) -> Request | None:
        """The request whose body was being read."""
        return self._head.request if self._head is not None and not self._head.is_oversized else None

    def end(self) -> None:
        """Let go of the parser, which knows us too."""
        del self._parser

    def _feed(self, piece: bytes) -> None:
        self._overhead += len(piece)
        while True:
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                piece = self._head_without_upgrade() + piece[upgrade.args[0] :]
                continue
            except httptools.HttpParserError as error:
                refused = error.__context__
                if refused is not None and not isinstance(refused, _NotAccepted | httptools.HttpParserError):
                    # A fault of ours, which the parser has caught.
                    raise refused from None
                raise MalformedError("Invalid HTTP request received.") from None
            break
        if self._overhead > HEAD_LIMIT:
            raise MalformedError("Request head too large.")

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What follows a request that says `Connection: close` is dropped, and does not take its answer away.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _head_without_upgrade(self) -> bytes:
        """The head that was just read, for a parser that reads the body too.

        We speak nothing but HTTP/1, so an offer of another protocol is ignored (RFC 9110 section 7.8). The parser
        has ended the message at its head and would leave the body for somebody else.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version()
        headers = (b"%b: %b\r\n" % header for header in self._headers if header[0] != b"upgrade")
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._target, version.encode(), b"".join(headers))
        self._parser = self._new_parser()
        return head

    # What the parser says.

    def on_message_begin(self) -> None:
        self.begun += 1
        self.is_within = True
        self._overhead = 0
        self._target = b""
        self._headers = []

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        headers, parser = self._headers, self._parser
        names = [name for name, _ in headers]
        version = parser.get_http_version()
        hosts = names.count(b"host")
        if hosts != 1 and (hosts or version == "1.1"):
            raise _NotAccepted
        method = parser.get_method()
        if parser.should_upgrade():
            if method == b"CONNECT":
                raise _NotAccepted
            self._upgrade_is_offered = True
            return
        try:
            path, query = split_target(self._target)
        except ValueError:
            raise _NotAccepted from None
        request = Request(
            method.decode(), "/" + path.lstrip("/"), query, headers, b"", self._client_ip(headers)
        )
        keeps_alive = version != "1.0" and parser.should_keep_alive()
        length = 0
        if b"content-length" in names:
            length = int(headers[names.index(b"content-length")][1])
        elif b"transfer-encoding" in names:
            length = _UNTOLD
        self._head = Incoming(request, path, version, keeps_alive, length > BODY_LIMIT)
        if self._head.is_oversized:
            self.incoming.append(self._head)
        elif length and version == "1.1" and b"expect" in names:
            self.awaits_continue = (b"expect", b"100-continue") in [(n, v.lower()) for n, v in headers]
        # Trailers are no headers: what comes after the body was not there when the request was looked at.
        self._headers = []

    def on_body(self, body: bytes) -> None:
        self._overhead -= len(body)
        head = self._head
        if head is None or head.is_oversized:
            return
        self.awaits_continue = False
        self._body += body
        if len(self._body) > BODY_LIMIT:
            self._body.clear()
            self._head = replace(head, is_oversized=True)
            self.incoming.append(self._head)

    def on_message_complete(self) -> None:
        self.is_within = False
        self._overhead = 0
        if self._upgrade_is_offered:
            self._upgrade_is_offered = False
            return
        head, body, self._head = self._head, self._body, None
        if head is None or head.is_oversized:
            return
        if body:
            head = replace(head, request=replace(head.request, body=bytes(body)))
            body.clear()
        self.awaits_continue = False
        self.incoming.append(head)
