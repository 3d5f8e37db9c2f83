"""Whatever octets a far end sends during a call, nothing is raised, and the call still ends."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.protocols.sip.answers import response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.call_events import Ended
from onema.protocols.sip.called import IncomingCall, Script
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Message, Request, parse
from onema.protocols.sip.sdp import AudioEnd
from onema.protocols.sip.strangers import Strangers
from tests.unit.protocols.sip.far_end import THERE, Address, Wire, counting

SDP = AudioEnd("192.0.2.9", 4_000, session=2).offer
PIECES = [
    b"\0",
    b"\r",
    b"\n",
    b"\xff\xfe",
    b'"',
    b"<",
    b">",
    b";",
    b",",
    b"=",
    b"%00",
    b"tag=",
    b"99999999999",
    b"-1",
    b"",
    b" ",
    b"sip:",
    b"\r\n ",
    b"*",
    b"\xc2\xa0",
]


def responses(invite: Request) -> list[Message]:
    more = [
        ("Contact", THERE.contact),
        ("Record-Route", "<sip:10.0.0.1;r2=on;lr>, <sip:10.0.0.1;lr>"),
        ("Allow", "INVITE, UPDATE"),
        ("Session-Expires", "90;refresher=uac"),
        ("Require", "timer"),
        ("Reason", 'Q.850 ;cause=16;text="x"'),
        ("Retry-After", "5 (soon)"),
        ("WWW-Authenticate", 'Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256'),
        ("Min-SE", "1800"),
        ("X-Why", "because"),
        ("Content-Type", "application/sdp"),
    ]
    return [
        response_to(invite, status, tag=tag, more=more[:-1], body=SDP)
        for status in (100, 180, 183, 199, 200, 302, 401, 422, 486, 503)
        for tag in ("far", "other")
    ]


def requests(invite: Request) -> list[Message]:
    found: list[Message] = []
    for number, method in enumerate(("BYE", "INVITE", "ACK", "UPDATE", "INFO", "OPTIONS", "CANCEL", "X")):
        headers = Headers(
            [
                ("Via", f"SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKx{number}, SIP/2.0/TCP a.example"),
                ("From", "<sip:b@example>;tag=far"),
                ("To", invite.headers.get("From") or ""),
                ("Call-ID", invite.call_id),
                ("CSeq", f"{number + 5} {method}"),
                ("Contact", "<sip:moved@192.0.2.10;ob>"),
                ("Require", "timer"),
                ("Supported", "timer"),
                ("Session-Expires", "90;refresher=uas"),
                ("Content-Type", "application/dtmf-relay" if method == "INFO" else "application/sdp"),
            ]
        )
        found.append(
            Request(method, "sip:a@192.0.2.1", headers, b"Signal=1\r\n" if method == "INFO" else SDP)
        )
    return found


changes = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.sampled_from(PIECES)), max_size=3)
messages = st.lists(st.tuples(st.integers(0, 10_000), changes, st.floats(0, 20)), min_size=1, max_size=8)


def changed(octets: bytes, how: list[tuple[float, int, bytes]]) -> bytes:
    for at, length, piece in how:
        place = int(at * len(octets))
        octets = octets[:place] + piece + octets[place + length :]
    return octets


@settings(max_examples=200, deadline=None)
@given(messages)
def test_an_outgoing_call_outlives_what_it_hears(
    said: list[tuple[int, list[tuple[float, int, bytes]], float]],
) -> None:
    """Responses and requests in any order, with octets changed; then it is hung up."""
    wire = Wire(digest=DigestClient("a", "b", counting("c")))
    kinds = [*responses(wire.invite), *requests(wire.invite)]
    events = []
    for which, how, seconds in said:
        with contextlib.suppress(BadMessage):
            message = parse(changed(kinds[which % len(kinds)].encode(), how))
            events += wire.call.receive(message, wire.now, Address())
        events += wire.wait_until(wire.now + seconds)
        wire.call.sendings()
    events += wire.call.hang_up(wire.now)
    wire.wait_until(wire.now + 40.0)
    events += wire.wait_until(wire.now + 200.0)
    assert wire.call.is_over
    assert sum(isinstance(event, Ended) for event in events) <= 1


@settings(max_examples=200, deadline=None)
@given(messages)
def test_a_called_phone_outlives_what_it_hears(
    said: list[tuple[int, list[tuple[float, int, bytes]], float]],
) -> None:
    """The same for the other end, whose INVITE may be wrong too."""
    invite = Wire().invite
    invite.headers.set("Content-Type", "application/sdp")
    invite.body = SDP
    far = IncomingCall(
        Script(final_after=1.0),
        local=THERE,
        media=AudioEnd("192.0.2.1", 5_000, session=1),
        tokens=counting("b"),
    )
    kinds: list[Message] = [invite, *requests(invite)]
    now = 0.0
    for which, how, seconds in [(0, [], 0.0), *said]:
        with contextlib.suppress(BadMessage):
            far.receive(parse(changed(kinds[which % len(kinds)].encode(), how)), now, Address())
        now += seconds
        while far.due <= now:
            far.tick(far.due)
        far.sendings()
    far.hang_up(now)
    while far.due <= now + 400.0:
        far.tick(far.due)
    assert far.is_over


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 100), changes)
def test_strangers_may_say_anything(which: int, how: list[tuple[float, int, bytes]]) -> None:
    """What cannot be answered is not."""
    invite = Wire().invite
    kinds: list[Message] = [invite, *requests(invite), *responses(invite)]
    octets = changed(kinds[which % len(kinds)].encode(), how)
    strangers = Strangers(b"secret")
    try:
        answer = strangers.answer(parse(octets), 0.0, Address())
    except BadMessage as bad:
        answer = strangers.refuse(bad, 0.0, Address())
    assert answer is None or len(answer) <= len(octets) + 64


def bye_with(wire: Wire, header: str, value: str) -> bytes:
    (bye, *_) = requests(wire.invite)
    bye.headers.set(header, value)
    rows = "".join(f"{name}: {value}\r\n" for name, value in bye.headers)
    return f"BYE sip:a@192.0.2.1 SIP/2.0\r\n{rows}\r\n".encode()


@pytest.mark.parametrize("end", ["\r", "\n"])
@pytest.mark.parametrize("header", ["From", "To", "Call-ID", "Subject"])
def test_half_of_a_line_end_is_refused(header: str, end: str) -> None:
    """It could not go back in an answer (RFC 3261 §25.1)."""
    with pytest.raises(BadMessage):
        parse(bye_with(Wire(), header, f"<sip:x{end}y@example>;tag=far"))


@pytest.mark.parametrize("header", ["From", "To", "Call-ID"])
def test_a_null_octet_goes_back_as_it_came(header: str) -> None:
    """RFC 4475 §3.1.1.2 has one; it breaks no line."""
    wire = Wire()
    wire.answer()
    wire.get(parse(bye_with(wire, header, "<sip:x\0y@example>;tag=far")))
    (response,) = wire.sent()
    assert "\0" in (response.headers.get(header) or "")
