"""What a far end asks during an outgoing call (RFC 3261 §12.2, §14; RFC 3311, RFC 6086)."""

import pytest

from onema.protocols.sip.call_events import By, Key, MediaChanged, Ringing
from onema.protocols.sip.messages import Request
from tests.unit.protocols.sip.far_end import Wire, ended, up


def test_requests_of_another_dialog_are_answered_481() -> None:
    """RFC 3261 §12.2.2; an ACK is never answered."""
    wire = up()
    wire.ask("BYE", tag="nobody")
    wire.responses(481)
    wire.ask("ACK", tag="nobody")
    assert wire.sent() == []
    assert ended(wire.call.hang_up(1.0)).accepted


def test_before_the_answer_offers_wait_and_keys_count() -> None:
    """RFC 3261 §14.2, RFC 3311 §5.2: our own offer is not answered yet."""
    wire = Wire()
    wire.respond(180)
    for method in ("INVITE", "UPDATE"):
        wire.ask(method, body=b"theirs")
        wire.responses(491)
        if method == "INVITE":
            wire.ask("ACK", number=wire.number)
    assert wire.ask("INFO", body=b"Signal=1\r\nDuration=100\r\n", kind="application/dtmf-relay") == [Key("1")]
    wire.responses(200)
    wire.ask("OPTIONS")
    wire.responses(200)
    wire.ask("MESSAGE", body=b"hi", kind="text/plain")
    wire.responses(481)


def test_a_request_names_where_it_came_from_in_its_answer() -> None:
    """RFC 3261 §18.2.1, RFC 3581 §4: received and rport, and the answer goes there."""
    wire = up()
    wire.ask("OPTIONS")
    (sending,) = wire.call.sendings()
    assert sending.source is not None
    assert (sending.source.ip, sending.source.port) == ("198.51.100.7", 5099)
    assert b";rport=5099;" in sending.data
    assert b";received=198.51.100.7" in sending.data


def test_media_may_move_during_the_call() -> None:
    """The re-INVITE is answered with our unchanged description, from the ACK on."""
    wire = up()
    assert wire.ask("INVITE", ("Contact", "<sip:moved@192.0.2.10>"), body=b"elsewhere") == [
        MediaChanged("elsewhere")
    ]
    (response,) = wire.responses(200)
    assert response.body == b"ours"
    wire.ask("ACK", number=wire.number)
    wire.call.hang_up(1.0)
    (bye,) = wire.requests("BYE")
    assert bye.uri == "sip:moved@192.0.2.10"


def test_a_repeated_re_invite_gets_the_same_answer_until_the_ack() -> None:
    """A called baresip re-INVITEs 80 ms after the ACK, and hangs up after 32 s without an answer."""
    wire = up()
    wire.ask("INVITE", body=b"theirs")
    assert wire.ask("INVITE", body=b"theirs", number=101) == []
    first, again = wire.responses(200, 200)
    assert first == again
    assert wire.ask("ACK", number=101) == []
    assert wire.wait_until(31.0) == []
    assert wire.sent() == []


def test_a_re_invite_that_is_never_acknowledged_ends_the_call() -> None:
    """RFC 3261 §14.2, §13.3.1.4."""
    wire = up()
    wire.ask("INVITE", body=b"theirs")
    end = ended(wire.wait_until(32.0))
    assert (end.by, end.accepted) == (By.TIMEOUT, True)
    assert [message.method for message in wire.sent() if isinstance(message, Request)] == ["BYE"]


def test_an_update_is_answered_like_a_re_invite() -> None:
    """RFC 3311 §5.2; without an offer it only refreshes."""
    wire = up()
    assert wire.ask("UPDATE", body=b"held") == [MediaChanged("held")]
    (response,) = wire.responses(200)
    assert response.body == b"ours"
    assert wire.ask("UPDATE") == []
    (response,) = wire.responses(200)
    assert response.body == b""


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_that_cannot_be_used_is_488_and_changes_nothing(method: str) -> None:
    """RFC 3261 §14.2: the session goes on as it was."""
    wire = up()
    assert wire.ask(method, body=b"bad") == []
    wire.responses(488)
    assert ended(wire.call.hang_up(1.0)).by is By.US


def test_an_offer_of_another_kind_is_415() -> None:
    """RFC 3261 §8.2.3."""
    wire = up()
    wire.ask("INVITE", body=b"x", kind="multipart/mixed;boundary=x")
    (response,) = wire.responses(415)
    assert response.headers.get("Accept") == "application/sdp"


def test_a_re_invite_without_an_offer_gets_ours_and_the_ack_answers_it() -> None:
    """RFC 3261 §14.2; while our offer has no answer, theirs wait."""
    wire = up()
    assert wire.ask("INVITE") == []
    (response,) = wire.responses(200)
    assert response.body == b"ours"
    wire.ask("UPDATE", body=b"theirs")
    wire.responses(491)
    assert wire.ask("ACK", number=101, body=b"elsewhere") == [MediaChanged("elsewhere")]
    wire.ask("UPDATE", body=b"theirs")
    wire.responses(200)


def test_an_ack_whose_answer_cannot_be_used_ends_the_call() -> None:
    """Nobody would be heard."""
    wire = up()
    wire.ask("INVITE")
    wire.responses(200)
    end = ended(wire.ask("ACK", number=101, body=b"bad"))
    assert end.by is By.US
    wire.requests("BYE")


def test_the_same_media_again_are_no_news() -> None:
    """A refresh by the far end."""
    wire = up()
    assert wire.ask("INVITE", body=b"theirs") == []


def test_100rel_is_refused_by_name() -> None:
    """RFC 3261 §8.2.2.3: 420 with what is not understood; and a peer that demands it in its 1xx is not obeyed."""
    wire = Wire()
    assert wire.respond(183, ("Require", "100rel"), ("RSeq", "1")) == [Ringing(183)]
    assert wire.sent() == []
    wire.answer()
    wire.ask("INVITE", ("Require", "100rel, timer, Other"), body=b"theirs")
    (response,) = wire.responses(420)
    assert response.headers.get("Unsupported") == "100rel, other"


def test_a_request_out_of_order_is_refused() -> None:
    """RFC 3261 §12.2.2: 500."""
    wire = up()
    wire.ask("OPTIONS", number=200)
    wire.ask("INFO", number=150)
    wire.responses(200, 500)


@pytest.mark.parametrize(
    ("method", "more", "kind", "body", "status"),
    [
        ("OPTIONS", (), "", b"", 200),
        ("INFO", (), "", b"", 200),
        ("INFO", (), "text/plain", b"x", 415),
        ("INFO", (("Info-Package", "nothing"),), "text/plain", b"x", 469),
        ("NOTIFY", (("Event", "refer"),), "message/sipfrag", b"SIP/2.0 100", 489),
        ("SUBSCRIBE", (("Event", "dialog"),), "", b"", 489),
        ("MESSAGE", (), "text/plain", b"hello", 405),
        ("REFER", (("Refer-To", "<sip:x@y>"),), "", b"", 405),
        ("PRACK", (("RAck", "1 1 INVITE"),), "", b"", 405),
        ("CANCEL", (), "", b"", 481),
        ("DANCE", (), "", b"", 501),
    ],
)
def test_other_requests_are_answered_and_the_call_goes_on(
    method: str, more: tuple[tuple[str, str], ...], kind: str, body: bytes, status: int
) -> None:
    """With what we take instead, where that is the question."""
    wire = up()
    assert wire.ask(method, *more, body=body, kind=kind) == []
    (response,) = wire.responses(status)
    assert ("Allow" in response.headers) == (status in (405, 501) or method == "OPTIONS")
    assert ended(wire.call.hang_up(1.0)).by is By.US


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= *\nDuration= 100", "*"),
        ("application/dtmf-relay", b"signal=11\r\n", "#"),
        ("application/dtmf-relay; charset=utf-8", b"Duration=160\r\nSignal=a\r\n", "A"),
        ("application/dtmf", b"1", "1"),
        ("Application/DTMF", b" #\r\n", "#"),
        ("audio/telephone-event", b"Signal=0", "0"),
    ],
)
def test_keys_by_info_are_heard(kind: str, body: bytes, digit: str) -> None:
    """As gateways send them that hear keys themselves; no RFC says how."""
    wire = up()
    assert wire.ask("INFO", body=body, kind=kind) == [Key(digit)]
    wire.responses(200)


@pytest.mark.parametrize("body", [b"Signal=", b"Signal=16\r\n", b"nothing", b"12345"])
def test_an_info_without_a_key_is_answered_and_no_key(body: bytes) -> None:
    """Such as flash (16), which is none."""
    wire = up()
    assert wire.ask("INFO", body=body, kind="application/dtmf-relay") == []
    wire.responses(200)


def test_after_the_end_requests_in_the_dialog_are_answered_481() -> None:
    """RFC 3261 §15.1.2."""
    wire = up()
    wire.call.hang_up(1.0)
    wire.sent()
    wire.ask("INFO")
    wire.responses(481)
    assert wire.ask("BYE") == []
    wire.responses(200)
