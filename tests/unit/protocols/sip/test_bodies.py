"""Session descriptions inside bodies (RFC 5621)."""

import pytest

from onema.protocols.sip.bodies import session_description
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Response

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
PARTS = (
    b"for readers without MIME\r\n--b o\r\nContent-Type: application/isup;version=nxv3\r\n\r\n\x01\r\n\x00"
    b"\r\n--b o\r\nContent-Disposition: session\r\ncontent-type : Application / SDP\r\n\r\n"
    + SDP
    + b"\r\n--b o--\r\nx"
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/sdp", SDP),
        ("APPLICATION/SDP; charset=utf-8", SDP),
        ('multipart/mixed; boundary="b o"', PARTS),
        (None, SDP),
    ],
)
def test_a_description_is_found(kind: str | None, body: bytes) -> None:
    """Alone or beside ISUP, as gateways to the telephone network send it."""
    headers = Headers([("c", kind)] if kind else [])
    assert session_description(Response(200, "OK", headers, body)) == SDP


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", SDP),
        ("multipart/mixed", PARTS),
        ("multipart/mixed;boundary=c", PARTS),
        ("multipart/mixed;;boundary", PARTS),
        ('multipart/mixed; boundary="b o"', PARTS[:60]),
        (None, b"hello"),
        (None, b""),
    ],
)
def test_what_is_no_description_is_none(kind: str | None, body: bytes) -> None:
    """Nothing is guessed of another type's body."""
    headers = Headers([("Content-Type", kind)] if kind else [])
    assert session_description(Response(200, "OK", headers, body)) == b""
