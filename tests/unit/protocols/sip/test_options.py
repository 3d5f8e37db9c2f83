"""Whether a far end is there, by OPTIONS (RFC 3261 §11)."""

import pytest

from onema.protocols.sip.answers import response_to
from onema.protocols.sip.messages import Request, parse
from onema.protocols.sip.options import NotReached, Ping, Reached
from tests.unit.protocols.sip.far_end import HERE, counting, messages_in


def started() -> tuple[Ping, Request]:
    ping = Ping(uri="sip:trunk.example", from_="<sip:onema@192.0.2.1>", local=HERE, tokens=counting("a"))
    ping.start(0.0)
    (request,) = messages_in(ping.sendings())
    assert isinstance(request, Request)
    assert (request.method, request.uri) == ("OPTIONS", "sip:trunk.example")
    return ping, request


@pytest.mark.parametrize("status", [200, 401, 404, 405, 483, 501])
def test_any_answer_of_its_own_says_that_it_is_there(status: int) -> None:
    """Many know no OPTIONS."""
    ping, request = started()
    assert ping.receive(parse(response_to(request, status).encode()), 0.2) == [Reached(0.2)]
    assert ping.is_over


@pytest.mark.parametrize("status", [408, 503, 504])
def test_what_a_proxy_says_of_one_that_is_away_does_not(status: int) -> None:
    """Or of itself, out of service."""
    ping, request = started()
    assert ping.receive(parse(response_to(request, status).encode()), 0.2) == [
        NotReached(f"{status} to OPTIONS")
    ]


def test_no_answer_in_time_is_none() -> None:
    """It is repeated meanwhile, and over before timer F."""
    ping, _ = started()
    events = []
    while not ping.is_over:
        now = ping.due
        events += ping.tick(now)
    assert events == [NotReached("no answer to OPTIONS")]
    assert now == 10.0
    assert len(ping.sendings()) == 4


def test_what_cannot_be_sent_is_told_at_once() -> None:
    """ICMP refused."""
    ping, _ = started()
    assert ping.transport_failed(0.1) == [NotReached("OPTIONS could not be sent")]
    assert ping.transport_failed(0.1) == []
