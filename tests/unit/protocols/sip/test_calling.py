"""An outgoing call against a far end that is written by hand (RFC 3261 §9, §13, §14, §15, §22)."""

import msgspec
import pytest

from onema.protocols.sip.call_events import (
    Answered,
    By,
    EarlyMedia,
    Ringing,
)
from onema.protocols.sip.digest import DigestClient, DigestServer
from onema.protocols.sip.header_values import Reason
from onema.protocols.sip.messages import Response
from tests.unit.protocols.sip.far_end import HERE, PLAN, Wire, counting, ended, up


def test_the_invite_says_who_calls_and_what_we_can_do() -> None:
    """RFC 3261 §8.1.1, §13.2.1, with rport (RFC 3581) and no 100rel."""
    invite = Wire().invite
    assert invite.uri == PLAN.uri
    assert invite.via.parameter("rport") == ""
    assert invite.via.branch.startswith("z9hG4bK")
    assert (invite.from_.display, invite.from_.uri) == ("Shop, Inc.", "sip:1900@shop.example")
    assert invite.from_.tag
    assert not invite.to.tag
    assert invite.headers.get("P-Asserted-Identity") == "<sip:1900@shop.example>"
    assert invite.headers.get("Max-Forwards") == "70"
    assert invite.headers.tokens("Allow") >= {"invite", "ack", "cancel", "bye", "update", "info", "options"}
    assert invite.headers.tokens("Supported") == {"timer"}
    assert "Require" not in invite.headers
    assert (invite.headers.get("Content-Type"), invite.body) == ("application/sdp", b"ours")


def test_a_call_rings_is_answered_and_is_hung_up() -> None:
    """The plain way, with the ACK at once and one Ended."""
    wire = Wire()
    assert wire.respond(100) == []
    assert wire.respond(180) == [Ringing(180)]
    assert wire.respond(180) == []
    assert wire.respond(200, body=b"theirs") == [Answered("theirs")]
    (ack,) = wire.requests("ACK")
    assert (ack.uri, ack.cseq.number) == ("sip:phone@192.0.2.9:5060;ob", wire.invite.cseq.number)
    assert ack.via.branch != wire.invite.via.branch
    end = ended(wire.call.hang_up(5.0, [Reason("Q.850", 16)]))
    assert (end.by, end.status, end.rang, end.accepted) == (By.US, 200, True, True)
    (bye,) = wire.requests("BYE")
    assert bye.headers.get("Reason") == "Q.850;cause=16"
    assert (bye.to.tag, bye.from_.tag) == ("far", wire.invite.from_.tag)
    assert bye.cseq.number == wire.invite.cseq.number + 1
    assert wire.respond(200, to=bye) == []
    assert wire.call.hang_up(6.0) == []
    assert wire.wait_until(100.0) == []
    assert wire.call.is_over


@pytest.mark.parametrize("status", [180, 181, 182, 183])
def test_what_says_that_somebody_is_called_counts_as_ringing(status: int) -> None:
    """Whatever comes after such a response, nobody is called a second time."""
    wire = Wire()
    assert wire.respond(status) == [Ringing(status)]
    assert ended(wire.respond(503)).rang


@pytest.mark.parametrize("status", [100, 199])
def test_what_does_not_say_so_does_not_count(status: int) -> None:
    """100 comes from the next hop; 199 says that a branch ended (RFC 6228)."""
    wire = Wire()
    assert wire.respond(status) == []
    assert not ended(wire.respond(503)).rang


def test_early_media_is_told_once_and_may_be_the_answer() -> None:
    """A 183 with a session description, repeated, and a 200 without one."""
    wire = Wire()
    assert wire.respond(183, body=b"early") == [Ringing(183), EarlyMedia("early")]
    assert wire.respond(183, body=b"early") == []
    assert wire.respond(200) == [Answered("early")]


def test_an_answer_in_the_2xx_goes_before_early_media() -> None:
    """Announcements and people speak from different places."""
    wire = Wire()
    wire.respond(183, body=b"early")
    assert wire.respond(200, body=b"theirs") == [Answered("theirs")]


@pytest.mark.parametrize("body", [b"", b"bad"])
def test_an_answer_that_cannot_be_used_is_acknowledged_and_hung_up(body: bytes) -> None:
    """RFC 3261 §13.2.2.4."""
    wire = Wire()
    end = ended(wire.respond(200, body=body))
    assert (end.by, end.status, end.accepted) == (By.US, 200, True)
    assert end.why
    wire.requests("ACK", "BYE")


@pytest.mark.parametrize("phrase", ["Answering", "Ok", "trying -- your call is important to us", " "])
def test_no_reason_phrase_means_anything(phrase: str) -> None:
    """RFC 3261 §7.2: it is for people."""
    wire = Wire()
    assert wire.respond(200, phrase=phrase, body=b"theirs") == [Answered("theirs")]


def test_every_repeated_2xx_is_acknowledged_again() -> None:
    """RFC 3261 §13.2.2.4: with the same ACK, for as long as one can come."""
    wire = Wire()
    first = wire.answer()
    for _ in range(3):
        assert wire.respond(200, body=b"theirs") == []
        (again,) = wire.requests("ACK")
        assert again == first


def test_record_route_is_the_route_in_reverse() -> None:
    """RFC 3261 §12.1.2, with both of a pair that has r2 (one proxy, two transports), untouched."""
    routes = [
        "<sip:10.0.0.1;r2=on;lr>",
        "<sip:10.0.0.1:5061;transport=tcp;r2=on;lr=on>",
        "<sip:edge.example;lr>",
    ]
    wire = Wire()
    wire.respond(
        200, ("Record-Route", f"{routes[2]}, {routes[1]}"), ("Record-Route", routes[0]), body=b"theirs"
    )
    (sending,) = wire.call.sendings()
    wire.call.hang_up(1.0)
    (bye,) = wire.requests("BYE")
    assert bye.headers.values("Route") == routes
    assert sending.next_hop == "sip:10.0.0.1;r2=on;lr"
    assert bye.uri == "sip:phone@192.0.2.9:5060;ob"


def test_a_strict_router_finds_the_target_last() -> None:
    """RFC 3261 §12.2.1.1."""
    ack = up(("Record-Route", "<sip:old.example>")).call
    ack.hang_up(1.0)
    (sending,) = ack.sendings()
    assert sending.next_hop == "sip:old.example"
    assert sending.data.startswith(b"BYE sip:old.example SIP/2.0")
    assert b"Route: <sip:phone@192.0.2.9:5060;ob>" in sending.data


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:192.0.2.9:5080;transport=UDP>",
        "<sip:84901234567@192.0.2.9;ob;x-id=7>",
        '"A, B" <sip:a@[2001:db8::9]:5062;transport=tcp>;expires=60',
    ],
)
def test_requests_in_the_dialog_go_to_the_whole_contact(contact: str) -> None:
    """RFC 3261 §12.2.1.1: all its parameters, and it may have no user part."""
    wire = Wire()
    response = Response(200, "OK", wire.invite.headers.copy(), b"theirs")
    response.headers.set("To", "<sip:x@y>;tag=far")
    response.headers.set("Contact", contact)
    wire.get(response)
    (ack,) = wire.requests("ACK")
    assert ack.uri == contact[contact.index("<") + 1 : contact.index(">")]


def test_a_second_fork_is_acknowledged_and_hung_up() -> None:
    """RFC 3261 §13.2.2.4: with its own tag, whenever it comes, and the first one is talked to."""
    wire = up()
    assert wire.respond(200, tag="other", body=b"others") == []
    ack, bye = wire.requests("ACK", "BYE")
    assert ack.to.tag == bye.to.tag == "other"
    assert wire.respond(200, to=bye) == []
    assert wire.respond(200, tag="other", body=b"others") == []
    wire.requests("ACK")
    assert wire.ask("BYE", tag="other") == []
    wire.responses(200)
    assert ended(wire.ask("BYE")).by is By.THEM


@pytest.mark.parametrize("status", [300, 302, 404, 420, 421, 480, 486, 487, 488, 503, 603, 608])
def test_a_refusal_is_acknowledged_and_ends_the_call(status: int) -> None:
    """A 3xx too: nobody is called elsewhere; and a 420 or 421 about 100rel, which was never offered."""
    wire = Wire()
    wire.respond(180)
    end = ended(wire.respond(status, ("Contact", "<sip:other@elsewhere.example>"), phrase="Because"))
    assert (end.by, end.status, end.phrase, end.rang, end.accepted) == (
        By.THEM,
        status,
        "Because",
        True,
        False,
    )
    (ack,) = wire.requests("ACK")
    assert (ack.via.branch, ack.uri) == (wire.invite.via.branch, wire.invite.uri)
    assert (ack.to.tag, ack.cseq.number) == ("far", wire.invite.cseq.number)
    assert wire.respond(status) == []
    wire.requests("ACK")
    assert wire.wait_until(32.0) == []
    assert wire.call.is_over


def test_what_a_refusal_says_besides_is_kept() -> None:
    """Reason with blanks around its semicolon and without cause, a carrier's own header, Retry-After."""
    wire = Wire()
    end = ended(
        wire.respond(
            503,
            ("Reason", 'SIP ; text="blocked"'),
            ("Reason", 'Q.850 ;cause=21 ; text="rejected"'),
            ("X-Twilio-Error", "32203 fraud"),
            ("Retry-After", "30 (maintenance)"),
        )
    )
    assert end.reasons == [Reason("SIP", 0, "blocked"), Reason("Q.850", 21, "rejected")]
    assert end.vendor_headers == [("X-Twilio-Error", "32203 fraud")]
    assert end.retry_after == 30


@pytest.mark.parametrize("reason", ["Q.850;cause=16", "SIP", 'Q.850 ; text="x"', None])
def test_a_bye_ends_the_call_with_its_reason_or_without(reason: str | None) -> None:
    """RFC 3326; a BYE of some far ends has a Reason without a cause."""
    wire = up()
    end = ended(wire.ask("BYE", *([("Reason", reason)] if reason else [])))
    assert (end.by, end.status, end.accepted) == (By.THEM, 200, True)
    assert [one.protocol for one in end.reasons] == ([reason.split(";")[0].strip()] if reason else [])
    wire.responses(200)
    assert wire.ask("BYE", number=101) == []
    wire.responses(200)


def test_a_bye_may_come_before_the_2xx_that_was_lost() -> None:
    """It is answered, and the 2xx is acknowledged when it comes again; nothing more is sent."""
    wire = Wire()
    wire.respond(180)
    end = ended(wire.ask("BYE"))
    assert (end.by, end.accepted, end.rang) == (By.THEM, True, True)
    wire.responses(200)
    assert wire.respond(200, body=b"theirs") == []
    wire.requests("ACK")
    assert wire.wait_until(100.0) == []
    assert wire.call.is_over


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_answered_once(status: int) -> None:
    """RFC 3261 §22: a new CSeq and branch, and the rest as it was; the ACK of the 2xx has the same credentials."""
    server = DigestServer("trunk", {"shop": "secret"}, counting("n"), is_proxy=status == 407)
    wire = Wire(digest=DigestClient("shop", "secret", counting("c")))
    first = wire.invite
    assert wire.respond(status, *server.refuse(first, 0.0), tag="proxy") == []
    ack, invite = wire.requests("ACK", "INVITE")
    assert server.refuse(invite, 0.0) == []
    assert invite.cseq.number == first.cseq.number + 1
    assert invite.via.branch != first.via.branch
    assert (invite.call_id, invite.from_.tag, invite.to.tag) == (first.call_id, first.from_.tag, "")
    wire.invite = invite
    wire.respond(200, body=b"theirs")
    (ack,) = wire.requests("ACK")
    name = "Authorization" if status == 401 else "Proxy-Authorization"
    assert ack.headers.get(name) == invite.headers.get(name)
    assert ack.cseq.number == invite.cseq.number


def test_a_second_refusal_of_a_fresh_nonce_is_a_wrong_password() -> None:
    """Whatever it says of stale."""
    server = DigestServer("trunk", {"shop": "secret"}, counting("n"))
    wire = Wire(digest=DigestClient("shop", "wrong", counting("c")))
    wire.respond(401, *server.refuse(wire.invite, 0.0))
    _, wire.invite = wire.requests("ACK", "INVITE")
    end = ended(wire.respond(401, *server.refuse(wire.invite, 0.0)))
    assert (end.by, end.status) == (By.THEM, 401)
    wire.requests("ACK")


def test_a_challenge_without_credentials_ends_the_call() -> None:
    """As any other refusal."""
    assert ended(Wire().respond(407, ("Proxy-Authenticate", 'Digest realm="a", nonce="b"'))).status == 407


def test_a_bye_is_challenged_too() -> None:
    """Some proxies ask again for every request; an old nonce counts as old there."""
    server = DigestServer("trunk", {"shop": "secret"}, counting("n"), nonce_seconds=10.0)
    wire = Wire(digest=DigestClient("shop", "secret", counting("c")))
    wire.respond(401, *server.refuse(wire.invite, 0.0))
    _, wire.invite = wire.requests("ACK", "INVITE")
    assert server.refuse(wire.invite, 0.0) == []
    wire.answer()
    wire.now = 60.0
    wire.call.hang_up(60.0)
    (bye,) = wire.requests("BYE")
    wire.respond(401, *server.refuse(bye, 60.0), to=bye)
    (again,) = wire.requests("BYE")
    assert server.refuse(again, 60.0) == []
    assert again.cseq.number == bye.cseq.number + 1


def test_a_ring_of_the_first_invite_does_not_let_a_cancel_go_before_the_second_has_a_response() -> None:
    """RFC 3261 §9.1 counts for each INVITE."""
    server = DigestServer("trunk", {"shop": "secret"}, counting("n"))
    wire = Wire(digest=DigestClient("shop", "secret", counting("c")))
    wire.respond(100)
    wire.respond(401, *server.refuse(wire.invite, 0.0))
    _, wire.invite = wire.requests("ACK", "INVITE")
    wire.call.hang_up(1.0)
    assert wire.sent() == []
    wire.respond(100)
    wire.requests("CANCEL")


def test_422_raises_the_session_once() -> None:
    """RFC 4028 §7.4: to the Min-SE that it names, and the second refusal ends the call."""
    wire = Wire()
    assert wire.respond(422, ("Min-SE", "3600")) == []
    _, wire.invite = wire.requests("ACK", "INVITE")
    assert wire.invite.headers.get("Session-Expires") == "3600"
    assert wire.invite.headers.get("Min-SE") == "3600"
    end = ended(wire.respond(422, ("Min-SE", "7200")))
    assert (end.by, end.status) == (By.THEM, 422)


def test_422_without_a_number_ends_the_call() -> None:
    """There is nothing to ask again with."""
    assert ended(Wire().respond(422)).status == 422


def test_an_ipv6_trunk_is_called_with_brackets() -> None:
    """RFC 3261 §25.1: IPv6reference in Via."""
    local = msgspec.structs.replace(HERE, host="[2001:db8::1]", contact="<sip:[2001:db8::1]:5060>")
    invite = Wire(local=local).invite
    assert (invite.via.host, invite.via.port) == ("[2001:db8::1]", 5060)
