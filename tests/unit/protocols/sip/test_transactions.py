"""Each timer and state of RFC 3261 §17 and RFC 6026 §7, by the messages that leave."""

import pytest

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import response_to
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Message, Request, Response, parse
from onema.protocols.sip.transaction import Timing
from tests.unit.protocols.sip.far_end import Address, messages_in


def request(
    method: str, branch: str = "z9hG4bK1", *more: tuple[str, str], host: str = "192.0.2.1"
) -> Request:
    rows = [
        ("Via", f"SIP/2.0/UDP {host}:5060;branch={branch}"),
        ("From", "<sip:a@example>;tag=a"),
        ("To", "<sip:b@example>"),
        ("Call-ID", "call"),
        ("CSeq", f"1 {method}"),
        *more,
    ]
    return Request(method, "sip:b@example", Headers(rows))


class End:
    """One end, at which time is a list of moments when something left."""

    def __init__(self, *, reliable: bool = False, timing: Timing = Timing()) -> None:  # noqa: B008  # frozen
        self.transactions = t.Transactions(timing, reliable=reliable)
        self.now = 0.0

    def left(self) -> list[Message]:
        return messages_in(self.transactions.sendings())

    def get(self, message: Message) -> list[t.Event]:
        return self.transactions.receive(parse(message.encode()), self.now)

    def until(self, then: float) -> tuple[list[float], list[t.Event]]:
        """When something left until `then`, and what the time brought."""
        moments: list[float] = []
        events: list[t.Event] = []
        while self.transactions.due <= then:
            self.now = self.transactions.due
            events += self.transactions.tick(self.now)
            moments += [self.now] * len(self.transactions.sendings())
        self.now = then
        return moments, events


def test_an_invite_is_repeated_at_doubling_times_until_timer_b() -> None:
    """Timers A and B."""
    end = End()
    end.transactions.ask(request("INVITE"), 0.0)
    assert len(end.left()) == 1
    moments, events = end.until(32.0)
    assert moments == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    (event,) = events
    assert isinstance(event, t.Unanswered)
    assert not event.refused
    assert end.transactions.is_idle


def test_another_request_is_repeated_every_t2_in_the_end_until_timer_f() -> None:
    """Timers E and F."""
    end = End()
    end.transactions.ask(request("OPTIONS"), 0.0)
    end.left()
    moments, events = end.until(32.0)
    assert moments == [0.5, 1.5, 3.5, *[7.5 + 4 * n for n in range(7)]]
    assert [type(event) for event in events] == [t.Unanswered]


def test_the_base_values_scale_every_timer() -> None:
    """A lossy or fast network has values of its own."""
    end = End(timing=Timing(t1=0.1, t2=0.4, t4=0.5))
    end.transactions.ask(request("BYE"), 0.0)
    end.left()
    moments, _ = end.until(6.3)
    assert moments[:5] == pytest.approx([0.1, 0.3, 0.7, 1.1, 1.5])
    end.until(6.5)
    assert end.transactions.is_idle


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_over_a_reliable_transport_nothing_is_repeated(method: str) -> None:
    """Timers A and E do not exist there; B and F do."""
    end = End(reliable=True)
    end.transactions.ask(request(method), 0.0)
    end.left()
    moments, events = end.until(32.0)
    assert (moments, len(events)) == ([], 1)


def test_a_provisional_response_stops_the_invite_for_as_long_as_it_rings() -> None:
    """§17.1.1.2: neither timer A nor B in Proceeding; how long is the caller's to say (timer C is a proxy's)."""
    end = End()
    end.transactions.ask(request("INVITE"), 0.0)
    end.left()
    (event,) = end.get(response_to(request("INVITE"), 100))
    assert isinstance(event, t.Answered)
    assert end.until(1_000.0) == ([], [])


def test_a_provisional_response_slows_another_request_down() -> None:
    """§17.1.2.2: every T2, and timer F goes on."""
    end = End()
    end.transactions.ask(request("OPTIONS"), 0.0)
    end.left()
    end.get(response_to(request("OPTIONS"), 100))
    moments, events = end.until(32.0)
    assert moments == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert len(events) == 1


def test_a_refusal_is_acknowledged_each_time_until_timer_d() -> None:
    """Timer D, 32 s over UDP; then a repetition is nobody's."""
    end = End()
    end.transactions.ask(request("INVITE", "z9hG4bK1", ("Route", "<sip:p;lr>")), 0.0)
    end.left()
    busy = response_to(request("INVITE"), 486, tag="b")
    assert [type(event) for event in end.get(busy)] == [t.Answered]
    for _ in range(2):
        (ack,) = end.left()
        assert isinstance(ack, Request)
        assert (ack.method, ack.to.tag, ack.headers.get("Route")) == ("ACK", "b", "<sip:p;lr>")
        assert end.get(busy) == []
    end.left()
    end.until(31.9)
    assert end.get(busy) == []
    end.left()
    end.until(32.0)
    assert [type(event) for event in end.get(busy)] == [t.Stray]
    assert end.left() == []


def test_every_2xx_is_passed_on_until_timer_m() -> None:
    """RFC 6026 §7.2; a refusal after it is none."""
    end = End()
    end.transactions.ask(request("INVITE"), 0.0)
    end.left()
    for tag in ("b", "b", "c"):
        (event,) = end.get(response_to(request("INVITE"), 200, tag=tag))
        assert isinstance(event, t.Answered)
        assert event.response.to.tag == tag
    assert end.get(response_to(request("INVITE"), 486)) == []
    assert end.get(response_to(request("INVITE"), 180)) == []
    assert end.left() == []
    end.until(32.0)
    assert end.transactions.is_idle


@pytest.mark.parametrize("reliable", [False, True])
def test_a_final_response_is_absorbed_until_timer_k(reliable: bool) -> None:
    """T4 over UDP, at once over TCP."""
    end = End(reliable=reliable)
    end.transactions.ask(request("OPTIONS"), 0.0)
    end.left()
    fine = response_to(request("OPTIONS"), 200)
    assert len(end.get(fine)) == 1
    if not reliable:
        assert end.get(fine) == []
        end.until(4.9)
        assert not end.transactions.is_idle
        end.until(5.0)
    assert end.transactions.is_idle


def test_responses_are_told_apart_by_branch_and_method() -> None:
    """§17.1.3: a CANCEL has its INVITE's branch."""
    end = End()
    end.transactions.ask(request("INVITE"), 0.0)
    end.transactions.ask(request("CANCEL"), 0.0)
    (event,) = end.get(response_to(request("CANCEL"), 200))
    assert isinstance(event, t.Answered)
    assert event.request.method == "CANCEL"
    (event,) = end.get(response_to(request("INVITE", "z9hG4bK2"), 200))
    assert isinstance(event, t.Stray)


def test_what_cannot_be_sent_is_told_once() -> None:
    """§17.1.4, §18.4; what had its final response loses nothing."""
    end = End()
    end.transactions.ask(request("INVITE"), 0.0)
    end.transactions.ask(request("OPTIONS", "z9hG4bK2"), 0.0)
    end.get(response_to(request("OPTIONS", "z9hG4bK2"), 200))
    (event,) = end.transactions.transport_failed()
    assert isinstance(event, t.Unanswered)
    assert (event.refused, event.request.method) == (True, "INVITE")
    assert end.transactions.transport_failed() == []


def asked(end: End, method: str, *more: tuple[str, str]) -> t.Key:
    (event,) = end.get(request(method, "z9hG4bK1", *more))
    assert isinstance(event, t.Asked)
    assert event.key is not None
    return event.key


def test_a_repeated_request_gets_the_last_response_again() -> None:
    """§17.2.1, §17.2.2: nothing before the first response."""
    end = End()
    key = asked(end, "INVITE")
    assert end.get(request("INVITE")) == []
    assert end.left() == []
    for status in (100, 180):
        end.transactions.answer(key, response_to(request("INVITE"), status), 0.0)
        assert end.get(request("INVITE")) == []
        first, again = end.left()
        assert first == again
        assert isinstance(first, Response)
        assert first.status == status


def test_a_refusal_is_repeated_until_its_ack_or_timer_h() -> None:
    """Timers G and H: doubling up to T2."""
    end = End()
    key = asked(end, "INVITE")
    end.transactions.answer(key, response_to(request("INVITE"), 486), 0.0)
    end.left()
    moments, events = end.until(32.0)
    assert moments == [0.5, 1.5, 3.5, *[7.5 + 4 * n for n in range(7)]]
    (event,) = events
    assert isinstance(event, t.NotAcknowledged)
    assert event.status == 486
    assert end.transactions.is_idle


def test_the_ack_of_a_refusal_ends_its_repetition_and_timer_i_absorbs_more() -> None:
    """Timer I: T4 over UDP."""
    end = End()
    key = asked(end, "INVITE")
    end.transactions.answer(key, response_to(request("INVITE"), 486), 0.0)
    end.left()
    assert end.get(request("ACK")) == []
    assert end.get(request("ACK")) == []
    assert end.get(request("INVITE")) == []
    assert end.until(4.9) == ([], [])
    assert not end.transactions.is_idle
    end.until(5.0)
    assert end.transactions.is_idle


@pytest.mark.parametrize("reliable", [False, True])
def test_a_2xx_is_repeated_over_every_transport_until_it_is_acknowledged(reliable: bool) -> None:
    """§13.3.1.4: the ACK may be lost behind a proxy; timer L bounds it (RFC 6026 §7.1)."""
    end = End(reliable=reliable)
    key = asked(end, "INVITE")
    end.transactions.answer(key, response_to(request("INVITE"), 200), 0.0)
    end.left()
    moments, _ = end.until(4.0)
    assert moments == [0.5, 1.5, 3.5]
    (event,) = end.get(request("ACK", "z9hG4bK2"))
    assert isinstance(event, t.Asked)
    assert event.key is None
    end.transactions.acknowledged(key, end.now)
    assert end.until(31.9) == ([], [])
    assert end.until(32.0) == ([], [])
    assert end.transactions.is_idle


def test_a_2xx_without_ack_is_told() -> None:
    """§13.3.1.4: whoever answered then hangs up."""
    end = End()
    key = asked(end, "INVITE")
    end.transactions.answer(key, response_to(request("INVITE"), 200), 0.0)
    _, events = end.until(32.0)
    assert [type(event) for event in events] == [t.NotAcknowledged]


@pytest.mark.parametrize("reliable", [False, True])
def test_the_answer_to_another_request_is_kept_until_timer_j(reliable: bool) -> None:
    """64*T1 over UDP, not at all over TCP."""
    end = End(reliable=reliable)
    key = asked(end, "OPTIONS")
    assert end.transactions.answer(key, response_to(request("OPTIONS"), 200), 0.0)
    assert not end.transactions.answer(key, response_to(request("OPTIONS"), 500), 0.0)
    assert len(end.left()) == 1
    if not reliable:
        assert end.until(31.9) == ([], [])
        assert end.get(request("OPTIONS")) == []
        assert len(end.left()) == 1
        end.until(32.0)
    assert end.transactions.is_idle


def test_a_cancel_finds_its_invite() -> None:
    """§9.2: by its branch, and only while it is known."""
    end = End()
    key = asked(end, "INVITE")
    assert end.transactions.invite_of(request("CANCEL")) == key
    assert end.transactions.invite_of(request("CANCEL", "z9hG4bK2")) is None
    assert end.transactions.is_open(key)


def test_requests_with_one_branch_from_two_places_are_two() -> None:
    """§17.2.3: sent-by counts too."""
    end = End()
    asked(end, "OPTIONS")
    assert len(end.get(request("OPTIONS", host="192.0.2.2"))) == 1


def test_peers_of_rfc_2543_are_told_apart_without_a_cookie() -> None:
    """§17.2.3."""
    end = End()
    assert len(end.get(request("INVITE", "1"))) == 1
    assert end.get(request("INVITE", "1")) == []
    other = request("INVITE", "1")
    other.headers.set("Call-ID", "another")
    assert len(end.get(other)) == 1


def test_a_request_notes_where_it_came_from() -> None:
    """§18.2.1, RFC 3581 §4: in its topmost Via only."""
    end = End()
    message = request("OPTIONS", "z9hG4bK1;rport")
    message.headers.set("Via", f"{message.headers.get('Via')}, SIP/2.0/UDP further.example;branch=z9hG4bK0")
    (event,) = end.transactions.receive(message, 0.0, Address())
    assert isinstance(event, t.Asked)
    first, second = event.request.headers.values("Via")
    assert "rport=5099" in first
    assert "received=198.51.100.7" in first
    assert second == "SIP/2.0/UDP further.example;branch=z9hG4bK0"


def test_after_a_stall_one_repetition_is_enough() -> None:
    """What a sleeping machine missed is not made up for."""
    end = End()
    end.transactions.ask(request("OPTIONS"), 0.0)
    end.left()
    end.transactions.tick(20.0)
    assert len(end.left()) == 1
    assert end.transactions.due > 20.0
