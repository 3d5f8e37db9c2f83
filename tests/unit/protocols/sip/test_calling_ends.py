"""How an outgoing call ends that nobody answers, that is taken back, or whose network is gone (RFC 3261 §9, §17)."""

import msgspec

from onema.protocols.sip.call_events import By
from onema.protocols.sip.header_values import Reason
from tests.unit.protocols.sip.far_end import PLAN, Wire, ended, up


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    """RFC 3261 §9.1; and nothing is repeated while it waits."""
    wire = Wire()
    assert wire.call.hang_up(0.1) == []
    assert wire.wait_until(3.0) == []
    assert wire.sent() == []
    wire.respond(100)
    (cancel,) = wire.requests("CANCEL")
    assert (cancel.via.branch, cancel.uri) == (wire.invite.via.branch, wire.invite.uri)
    assert (cancel.cseq.number, cancel.cseq.method) == (wire.invite.cseq.number, "CANCEL")
    assert cancel.to.tag == ""
    assert wire.respond(200, to=cancel) == []
    end = ended(wire.respond(487))
    assert (end.by, end.status, end.rang, end.accepted) == (By.US, 487, False, False)
    wire.requests("ACK")


def test_a_cancel_goes_at_once_while_it_rings_with_its_reason() -> None:
    """And only once, whatever comes."""
    wire = Wire()
    wire.respond(180)
    wire.call.hang_up(1.0, [Reason("SIP", 408, "gone")])
    (cancel,) = wire.requests("CANCEL")
    assert cancel.headers.get("Reason") == 'SIP;cause=408;text="gone"'
    wire.respond(180)
    wire.respond(200, to=cancel)
    wire.call.hang_up(1.5)
    assert wire.sent() == []


def test_a_2xx_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> None:
    """RFC 3261 §9.1; whoever asked for the end hears that it was accepted."""
    wire = Wire()
    wire.respond(180)
    wire.call.hang_up(1.0)
    wire.requests("CANCEL")
    end = ended(wire.respond(200, body=b"theirs"))
    assert (end.by, end.status, end.accepted) == (By.US, 200, True)
    wire.requests("ACK", "BYE")


def test_a_refusal_that_crosses_the_cancel_says_how_it_was() -> None:
    """A person declined while we gave up."""
    wire = Wire()
    wire.respond(180)
    wire.call.hang_up(1.0)
    end = ended(wire.respond(603))
    assert (end.by, end.status) == (By.THEM, 603)


def test_a_cancelled_invite_that_nobody_ends_is_over_after_64_t1() -> None:
    """RFC 3261 §9.1; a 2xx that comes yet is acknowledged and hung up."""
    wire = Wire()
    wire.respond(180)
    wire.call.hang_up(0.0)
    (cancel,) = wire.requests("CANCEL")
    wire.respond(200, to=cancel)
    assert wire.wait_until(31.9) == []
    end = ended(wire.wait_until(32.0))
    assert (end.by, end.status) == (By.US, 0)
    assert wire.respond(200, body=b"theirs") == []
    wire.requests("ACK", "BYE")
    wire.wait_until(200.0)
    assert wire.call.is_over


def test_nobody_answers_in_time() -> None:
    """CANCEL after the time that it may ring, and the end is told as that."""
    wire = Wire(msgspec.structs.replace(PLAN, ring_seconds=20.0))
    wire.wait_until(5.0)
    wire.sent()
    wire.respond(180)
    assert wire.wait_until(24.9) == []
    assert wire.sent() == []
    assert wire.wait_until(25.0) == []
    wire.requests("CANCEL")
    end = ended(wire.respond(487))
    assert (end.by, end.rang, end.status) == (By.TIMEOUT, True, 487)


def test_a_dead_network_is_over_within_32_seconds() -> None:
    """RFC 3261 §17.1.1.2: seven INVITEs, then timer B."""
    wire = Wire()
    end = ended(wire.wait_until(32.0))
    assert (end.by, end.status, end.rang, end.accepted) == (By.TIMEOUT, 0, False, False)
    assert len(wire.requests(*["INVITE"] * 6)) == 6
    assert wire.call.is_over


def test_another_way_may_be_tried_before_timer_b() -> None:
    """Nothing is repeated then, and what answers late is taken back."""
    wire = Wire(msgspec.structs.replace(PLAN, setup_seconds=4.0))
    end = ended(wire.wait_until(4.0))
    assert (end.by, end.rang) == (By.TIMEOUT, False)
    wire.requests("INVITE", "INVITE", "INVITE")
    assert wire.wait_until(10.0) == []
    assert wire.sent() == []
    assert wire.respond(180) == []
    wire.requests("CANCEL")
    assert wire.respond(487) == []
    wire.requests("ACK")
    wire.wait_until(60.0)
    assert wire.call.is_over


def test_a_call_that_answers_late_after_another_way_was_tried_is_hung_up() -> None:
    """Its person hears nothing twice."""
    wire = Wire(msgspec.structs.replace(PLAN, setup_seconds=4.0))
    wire.wait_until(4.0)
    wire.sent()
    assert wire.respond(200, body=b"theirs") == []
    wire.requests("ACK", "BYE")


def test_a_trunk_that_says_trying_and_nothing_more_is_left() -> None:
    """100 is no sign of ringing."""
    wire = Wire(msgspec.structs.replace(PLAN, setup_seconds=4.0))
    wire.respond(100)
    assert wire.wait_until(4.0) == []
    wire.requests("CANCEL")
    end = ended(wire.respond(487))
    assert (end.by, end.rang) == (By.TIMEOUT, False)


def test_what_could_not_be_sent_fails_at_once() -> None:
    """RFC 3261 §18.4: ICMP refused, or a connection that cannot be made."""
    wire = Wire()
    end = ended(wire.call.transport_failed(0.1))
    assert (end.by, end.rang) == (By.TRANSPORT, False)
    assert wire.call.is_over
    assert wire.call.transport_failed(0.2) == []


def test_a_call_that_is_up_outlives_its_connection() -> None:
    """Media have a way of their own."""
    wire = up()
    assert wire.call.transport_failed(1.0) == []
    assert ended(wire.call.hang_up(2.0)).accepted


def test_over_tcp_nothing_is_repeated() -> None:
    """RFC 3261 §17.1.1.2, and the end still comes."""
    wire = Wire(reliable=True)
    end = ended(wire.wait_until(32.0))
    assert end.by is By.TIMEOUT
    assert wire.sent() == []


def test_a_bye_that_nobody_answers_ends_by_itself() -> None:
    """RFC 3261 §15.1.1: the call Ended with the BYE; that is repeated until timer F."""
    wire = up()
    assert ended(wire.call.hang_up(0.0)).by is By.US
    assert wire.wait_until(32.0) == []
    byes = wire.sent()
    assert len(byes) == 11
    assert wire.call.is_over
