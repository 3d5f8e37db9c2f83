"""Which part of a body is the session description (RFC 3261 §7.4, RFC 5621)."""

import re

from onema.protocols.sip.header_values import read_parameters
from onema.protocols.sip.messages import BadMessage, Message
from onema.protocols.sip.uris import find_parameter

SDP = "application/sdp"
MOST_PARTS = 20


def session_description(message: Message) -> bytes:
    """The body, or the part of a multipart body, that is one; empty where there is none. Gateways put ISUP beside it.
    A body without a Content-Type that begins as one is one.
    """
    kind, boundary = _content_type(message.headers.get("Content-Type") or "")
    if kind.startswith("multipart/") and boundary:
        return next((body for part, body in _parts(message.body, boundary) if part == SDP), b"")
    if kind == SDP or (not kind and message.body.startswith(b"v=0")):
        return message.body
    return b""


def _content_type(text: str) -> tuple[str, str]:
    """In lower case, and its boundary."""
    kind, semicolon, behind = text.partition(";")
    try:
        boundary = find_parameter(read_parameters(semicolon + behind), "boundary") or ""
    except BadMessage:
        boundary = ""
    return re.sub(r"\s", "", kind).lower(), boundary


def _parts(body: bytes, boundary: str) -> list[tuple[str, bytes]]:
    """Type and octets of each (RFC 2046 §5.1.1), with none of the line end before the boundary."""
    mark = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    found: list[tuple[str, bytes]] = []
    for part in (b"\r\n" + body).split(mark, MOST_PARTS)[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.partition(b"\r\n\r\n")
        kind = ""
        for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                kind = _content_type(value)[0]
        found.append((kind, content))
    return found
