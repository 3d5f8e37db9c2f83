"""A registration against a registrar that is written by hand (RFC 3261 §10)."""

import pytest

from onema.protocols.sip.answers import response_to
from onema.protocols.sip.digest import DigestClient, DigestServer
from onema.protocols.sip.messages import Message, Request, parse
from onema.protocols.sip.registering import (
    NotRegistered,
    Registered,
    Registration,
    RegistrationEvent,
    Unregistered,
)
from tests.unit.protocols.sip.far_end import HERE, counting, messages_in


class Wire:
    """A registration and what it sends."""

    def __init__(self, *, digest: DigestClient | None = None) -> None:
        self.now = 0.0
        self.registration = Registration(
            registrar="sip:trunk.example",
            address="<sip:1900@trunk.example>",
            seconds=300,
            local=HERE,
            tokens=counting("a"),
            digest=digest,
        )
        self.registration.start(0.0)
        self.last = self.asked()

    def sent(self) -> list[Message]:
        return messages_in(self.registration.sendings())

    def asked(self) -> Request:
        (request,) = self.sent()
        assert isinstance(request, Request)
        assert request.method == "REGISTER"
        self.last = request
        return request

    def respond(self, status: int, *more: tuple[str, str]) -> list[RegistrationEvent]:
        return self.registration.receive(
            parse(response_to(self.last, status, tag="far", more=more).encode()), self.now
        )

    def until(self, then: float) -> list[RegistrationEvent]:
        events: list[RegistrationEvent] = []
        while self.registration.due <= then:
            self.now = max(self.now, self.registration.due)
            events += self.registration.tick(self.now)
        self.now = then
        return events


def granted(seconds: int) -> tuple[str, str]:
    return "Contact", f"{HERE.contact};expires={seconds}"


def test_a_registration_says_who_is_where() -> None:
    """RFC 3261 §10.2."""
    request = Wire().last
    assert (request.uri, request.to.uri, request.from_.uri) == (
        "sip:trunk.example",
        "sip:1900@trunk.example",
        "sip:1900@trunk.example",
    )
    assert request.headers.get("Contact") == f"{HERE.contact};expires=300"
    assert request.headers.get("Expires") == "300"


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ([granted(120)], 120),
        ([("Expires", "60"), ("Contact", HERE.contact)], 60),
        ([("Contact", '"x" <sip:other@192.0.2.77>;expires=9, ' + granted(120)[1])], 120),
        ([("Contact", "<sip:1900@203.0.113.9:61000>;expires=50")], 50),
        ([], 300),
    ],
)
def test_the_registrar_says_for_how_long(more: list[tuple[str, str]], seconds: int) -> None:
    """By our Contact among others, by Expires, or as it was asked for (§10.2.4); behind a NAT it shows another."""
    wire = Wire()
    assert wire.respond(200, *more) == [Registered(seconds)]
    assert wire.registration.is_registered


def test_it_is_refreshed_before_it_ends_with_the_next_number() -> None:
    """§10.2.4: the same Call-ID and tag, and time for several tries."""
    wire = Wire()
    first = wire.last
    wire.respond(200, granted(100))
    wire.until(74.9)
    assert wire.sent() == []
    wire.until(75.0)
    again = wire.asked()
    assert (again.call_id, again.from_.tag) == (first.call_id, first.from_.tag)
    assert again.cseq.number == first.cseq.number + 1
    assert wire.respond(200, granted(100)) == [Registered(100)]


def test_a_refresh_that_fails_leaves_it_registered_until_its_time() -> None:
    """And it is tried again meanwhile."""
    wire = Wire()
    wire.respond(200, granted(200))
    (failed,) = wire.until(182.0)
    assert isinstance(failed, NotRegistered)
    assert wire.registration.is_registered
    wire.until(200.0)
    assert not wire.registration.is_registered


def test_a_challenge_is_answered_and_a_wrong_password_is_told() -> None:
    """RFC 3261 §22; it is not hammered."""
    server = DigestServer("trunk", {"shop": "secret"}, counting("n"))
    wire = Wire(digest=DigestClient("shop", "secret", counting("c")))
    assert wire.respond(401, *server.refuse(wire.last, 0.0)) == []
    assert server.refuse(wire.asked(), 0.0) == []
    assert wire.respond(200, granted(60)) == [Registered(60)]
    wire = Wire(digest=DigestClient("shop", "wrong", counting("c")))
    wire.respond(401, *server.refuse(wire.last, 0.0))
    (failed,) = wire.respond(401, *server.refuse(wire.asked(), 0.0))
    assert isinstance(failed, NotRegistered)
    assert (failed.status, failed.after) == (401, 30.0)
    wire.until(29.9)
    assert wire.sent() == []


def test_423_asks_for_longer_once() -> None:
    """§10.2.8."""
    wire = Wire()
    assert wire.respond(423, ("Min-Expires", "3600")) == []
    assert wire.asked().headers.get("Expires") == "3600"
    (failed,) = wire.respond(423, ("Min-Expires", "7200"))
    assert isinstance(failed, NotRegistered)


def test_pauses_grow_and_a_retry_after_is_heeded() -> None:
    """RFC 5626 §4.5: 30 s, doubling, to half an hour."""
    wire = Wire()
    pauses = []
    for _ in range(8):
        (failed,) = wire.respond(503)
        assert isinstance(failed, NotRegistered)
        pauses.append(failed.after)
        wire.until(wire.now + failed.after)
        wire.asked()
    assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1_800.0, 1_800.0]
    (failed,) = wire.respond(503, ("Retry-After", "5000"))
    assert isinstance(failed, NotRegistered)
    assert failed.after == 5_000.0


def test_nobody_answers() -> None:
    """Timer F."""
    wire = Wire()
    (failed,) = wire.until(32.0)
    assert failed == NotRegistered(0, "no response", 30.0)


def test_a_connection_that_is_gone_takes_the_registration_along() -> None:
    """Over TCP the registrar has no other way to us."""
    wire = Wire()
    (failed,) = wire.registration.transport_failed(0.0)
    assert isinstance(failed, NotRegistered)
    wire.until(30.0)
    wire.asked()
    wire.respond(200, granted(100))
    (failed,) = wire.registration.transport_failed(31.0)
    assert isinstance(failed, NotRegistered)


def test_it_is_given_back() -> None:
    """§10.2.2: for no seconds, once."""
    wire = Wire()
    wire.respond(200, granted(100))
    assert wire.registration.stop(10.0) == []
    assert wire.registration.stop(10.0) == []
    assert wire.asked().headers.get("Contact") == f"{HERE.contact};expires=0"
    assert wire.respond(200) == [Unregistered()]
    assert not wire.registration.is_registered
    wire.until(100.0)
    assert wire.registration.is_over


def test_giving_back_what_is_being_asked_for_waits_for_the_answer() -> None:
    """Or it would be granted afterwards."""
    wire = Wire()
    assert wire.registration.stop(0.1) == []
    assert wire.sent() == []
    assert wire.respond(200, granted(100)) == []
    assert wire.asked().headers.get("Expires") == "0"
    assert wire.respond(500) == [Unregistered()]


def test_there_may_be_nothing_to_give_back() -> None:
    """After a refusal."""
    wire = Wire()
    wire.respond(403)
    assert wire.registration.stop(1.0) == [Unregistered()]
    wire.until(1_000.0)
    assert wire.sent() == []


def test_routes_of_the_service_are_remembered() -> None:
    """RFC 3608."""
    wire = Wire()
    wire.respond(200, granted(100), ("Service-Route", "<sip:a;lr>, <sip:b;lr>"))
    assert wire.registration.service_routes == ("<sip:a;lr>", "<sip:b;lr>")
