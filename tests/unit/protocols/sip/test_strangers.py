"""What an open port answers to whom it does not know: little, and never more than came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.answers import response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response, parse
from onema.protocols.sip.strangers import Strangers
from tests.unit.protocols.sip.far_end import Address

SOURCE = Address()


def request(method: str, *, to_tag: str = "", padding: int = 300) -> Request:
    rows = [
        ("Via", "SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1"),
        ("From", "<sip:scanner@10.0.0.1>;tag=a"),
        ("To", f"<sip:100@192.0.2.1>{to_tag and ';tag=' + to_tag}"),
        ("Call-ID", "call"),
        ("CSeq", f"1 {method}"),
        ("User-Agent", "x" * padding),
    ]
    return Request(method, "sip:100@192.0.2.1", Headers(rows))


def answered(message: Request, strangers: Strangers | None = None) -> Response | None:
    octets = (strangers or Strangers(b"secret")).answer(message, 0.0, SOURCE)
    if octets is None:
        return None
    response = parse(octets)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("method", "to_tag", "status"),
    [
        ("OPTIONS", "", 200),
        ("INVITE", "", 403),
        ("REGISTER", "", 403),
        ("MESSAGE", "", 403),
        ("INFO", "", 405),
        ("DANCE", "", 405),
        ("CANCEL", "", 481),
        ("BYE", "x", 481),
        ("INVITE", "x", 481),
        ("OPTIONS", "x", 481),
    ],
)
def test_each_request_has_one_answer(method: str, to_tag: str, status: int) -> None:
    """No call can be placed through us, whoever asks."""
    response = answered(request(method, to_tag=to_tag))
    assert response is not None
    assert response.status == status
    assert response.via.received == "198.51.100.7"
    assert response.to.tag


def test_an_ack_and_a_response_have_none() -> None:
    """RFC 3261 §17.1.1.3, §18.1.2."""
    assert answered(request("ACK")) is None
    stray = response_to(request("OPTIONS"), 200)
    assert Strangers(b"secret").answer(stray, 0.0, SOURCE) is None


def test_a_repeated_request_gets_the_same_tag() -> None:
    """RFC 3261 §8.2.7, though nothing is remembered; another's secret makes another."""
    first, again = answered(request("INVITE")), answered(request("INVITE"))
    assert first is not None
    assert again is not None
    assert first.to.tag == again.to.tag
    other = answered(request("INVITE"), Strangers(b"another"))
    assert other is not None
    assert other.to.tag != first.to.tag


@given(st.integers(0, 200), st.sampled_from(["OPTIONS", "INVITE", "BYE", "X"]))
def test_nothing_is_amplified(padding: int, method: str) -> None:
    """A forged sender's victim gets no more octets than the forger sent."""
    message = request(method, padding=padding)
    octets = Strangers(b"secret").answer(request(method, padding=padding), 0.0, SOURCE)
    assert octets is None or len(octets) <= len(message.encode())


def test_a_flood_is_answered_at_a_bounded_rate() -> None:
    """All strangers share it."""
    strangers = Strangers(b"secret", per_second=10.0)
    answers = [strangers.answer(request("OPTIONS"), number / 1_000, SOURCE) for number in range(2_000)]
    assert 20 <= sum(answer is not None for answer in answers) <= 30


def test_octets_that_are_no_sip_are_refused_where_that_is_possible() -> None:
    """As BadMessage says."""
    bad = request("OPTIONS").encode().replace(b"CSeq: 1 OPTIONS", b"CSeq: x OPTIONS")
    with pytest.raises(BadMessage) as raised:
        parse(bad)
    octets = Strangers(b"secret").refuse(raised.value, 0.0, SOURCE)
    assert octets is None or b"SIP/2.0 400" in octets
    with pytest.raises(BadMessage) as raised:
        parse(b"\0\0\0\0")
    assert Strangers(b"secret").refuse(raised.value, 0.0, SOURCE) is None
