"""Requests and responses: octets to fields and back (RFC 3261 §7).

`parse(octets)` raises BadMessage and nothing else. What it returns has its Via, From, To, Call-ID and CSeq, each once
and well formed (Via at least once), and no Contact, Route or Record-Route that cannot be read.
"""

import re
from dataclasses import dataclass, field

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.header_values import TOKEN, CSeq, NameAddr, Via, split_values
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.uris import SipUri, parse_uri

__all__ = ["BadMessage", "Headers", "Message", "Request", "Response", "parse", "parse_head"]

LONGEST_MESSAGE = 65_535
"""Octets of a message, which is what UDP can carry."""
MOST_ROWS = 256
"""Header rows of a message. An INVITE that crossed many proxies has about 40."""

_END_OF_HEAD = b"\r\n\r\n"
_FOLD = re.compile(r"\r\n[ \t]+")
_REQUEST_LINE = re.compile(r"([^ ]+) ([^ <>\"]+) (SIP/[0-9]+\.[0-9]+)", re.IGNORECASE)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE)
_ONCE = ("Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Type")
_LONE_END = re.compile(r"[\r\n]")
"""Half of a line's end stands in no header field (RFC 3261 §25.1), and could not go back in an answer."""
_MANDATORY = ("Via", "From", "To", "Call-ID", "CSeq")


class _Fields:
    """What both kinds of message have. The properties raise BadMessage where a message was made by hand without."""

    __slots__ = ()

    headers: Headers

    @property
    def call_id(self) -> str:
        """RFC 3261 §20.8."""
        return self.headers.get("Call-ID") or ""

    @property
    def cseq(self) -> CSeq:
        return CSeq.parse(self.headers.get("CSeq") or "")

    @property
    def from_(self) -> NameAddr:
        return NameAddr.parse(self.headers.get("From") or "")

    @property
    def to(self) -> NameAddr:
        return NameAddr.parse(self.headers.get("To") or "")

    @property
    def via(self) -> Via:
        """The topmost: where the message was last."""
        return Via.parse(next(iter(split_values(self.headers.get("Via") or "")), ""))

    @property
    def contact(self) -> NameAddr | None:
        """The first, if there is one; `*` is none."""
        return next((NameAddr.parse(value) for value in self.headers.values("Contact") if value != "*"), None)


@dataclass(slots=True)
class Request(_Fields):
    """RFC 3261 §7.1. `uri` is the Request-URI as written."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __repr__(self) -> str:
        """Without the numbers in it."""
        return f"<Request {self.method}, {len(self.headers)} headers, {len(self.body)} octets>"

    def encode(self) -> bytes:
        """With the Content-Length of its body. Raises ValueError for what cannot stand in a message."""
        line = f"{self.method} {self.uri} SIP/2.0"
        if not _REQUEST_LINE.fullmatch(line) or not TOKEN.fullmatch(self.method):
            raise ValueError("a request line that cannot be sent")
        return _encode(line, self.headers, self.body)


@dataclass(slots=True)
class Response(_Fields):
    """RFC 3261 §7.2."""

    status: int
    reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __repr__(self) -> str:
        """Without the numbers in it."""
        return f"<Response {self.status}, {len(self.headers)} headers, {len(self.body)} octets>"

    def encode(self) -> bytes:
        """With the Content-Length of its body. Raises ValueError for what cannot stand in a message."""
        line = f"SIP/2.0 {self.status} {self.reason}"
        if not _STATUS_LINE.fullmatch(line):
            raise ValueError("a status line that cannot be sent")
        return _encode(line, self.headers, self.body)


Message = Request | Response


def _encode(line: str, headers: Headers, body: bytes) -> bytes:
    rows = headers.copy()
    rows.set("Content-Length", str(len(body)))
    return f"{line}\r\n{rows.encode()}\r\n".encode("utf-8", "surrogateescape") + body


def parse(octets: bytes) -> Message:
    """The message of one datagram. Octets behind its Content-Length are cut off, a body shorter than that is an error
    (RFC 3261 §18.3), and without a Content-Length the body is all that follows. Raises BadMessage.
    """
    if len(octets) > LONGEST_MESSAGE:
        raise BadMessage("a message that is too long", 513)
    octets = octets.lstrip(b"\r\n")
    head, end, behind = octets.partition(_END_OF_HEAD)
    message = parse_head(head)
    if not end:
        raise _answerable(message, "a message without the end of its headers")
    length = content_length(message)
    if length is not None and length > len(behind):
        raise _answerable(message, "a body shorter than its Content-Length")
    message.body = behind if length is None else behind[:length]
    return message


def parse_head(head: bytes) -> Message:
    """Start line and headers, without the empty line that ends them; the body is the caller's. Raises BadMessage."""
    line, _, rest = head.decode("utf-8", "surrogateescape").partition("\r\n")
    headers, fault = _parse_headers(rest)
    message = _parse_start(line, headers)
    if fault:
        raise _answerable(message, fault)
    try:
        _check(message)
    except BadMessage as bad:
        raise _answerable(message, str(bad)) from None
    return message


def content_length(message: Message) -> int | None:
    """None where the message does not say. Raises BadMessage for what is no length, and where two disagree."""
    lengths = {row.strip() for row in message.headers.rows("Content-Length")}
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not length.isascii() or not length.isdigit() or len(length) > 9:
        raise _answerable(message, "a Content-Length that is none")
    return int(length)


def _parse_start(line: str, headers: Headers) -> Message:
    if line[:4].upper() == "SIP/":
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            raise BadMessage("a status line that is none")
        return Response(int(found[1]), found[2] or "", headers)
    found = _REQUEST_LINE.fullmatch(line)
    if found is None or not TOKEN.fullmatch(found[1]):
        # What the method and URI were is not needed to answer (RFC 3261 §8.2.6.2).
        method, *_ = line.split(" ", 1)
        request = Request(method if TOKEN.fullmatch(method) else "BAD", "", headers)
        raise _answerable(request, "a request line that is none")
    request = Request(found[1], found[2], headers)
    if found[3].upper() != "SIP/2.0":
        raise _answerable(request, "another version of SIP", 505)
    return request


def _parse_headers(text: str) -> tuple[Headers, str]:
    """The rows that can be read, and what is wrong with the first that cannot."""
    headers, fault = Headers(), ""
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if len(lines) > MOST_ROWS:
        return headers, "too many headers"
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if colon and TOKEN.fullmatch(name) and not _LONE_END.search(value):
            headers.add(name, value.strip(" \t"))
        elif line or text:
            fault = fault or "a header that is none"
    return headers, fault


def _check(message: Message) -> None:
    headers = message.headers
    for name in _ONCE:
        if len(headers.rows(name)) > 1:
            raise BadMessage(f"more than one {name}")
    if not message.call_id:
        raise BadMessage("no Call-ID")
    for value in headers.values("Via"):
        Via.parse(value)
    _ = message.via, message.from_, message.to
    cseq = message.cseq
    if isinstance(message, Request):
        _check_request_uri(message.uri)
        if cseq.method != message.method:
            raise BadMessage("a CSeq of another method")
        hops = headers.get("Max-Forwards")
        if hops is not None and not (hops.isascii() and hops.isdigit() and int(hops[:9]) <= 255):
            raise BadMessage("a Max-Forwards that is none")
    for name in ("Contact", "Route", "Record-Route"):
        for value in headers.values(name):
            if value != "*" or name != "Contact":
                NameAddr.parse(value)


def _check_request_uri(text: str) -> None:
    """What has headers may stand in a Contact, but not here (RFC 3261 §19.1.1)."""
    uri = parse_uri(text)
    if isinstance(uri, SipUri) and uri.headers:
        raise BadMessage("a Request-URI with headers")


def _answerable(message: Message, why: str, status: int = 400) -> BadMessage:
    """With the request, where it can be answered: nobody answers an ACK or a response (RFC 3261 §17.1.1.3)."""
    if not isinstance(message, Request) or message.method == "ACK":
        return BadMessage(why, status)
    if not all(message.headers.get(name) for name in _MANDATORY):
        return BadMessage(why, status)
    try:
        Via.parse(split_values(message.headers.rows("Via")[0])[0])
    except (BadMessage, IndexError):
        return BadMessage(why, status)
    return BadMessage(why, status, message)
