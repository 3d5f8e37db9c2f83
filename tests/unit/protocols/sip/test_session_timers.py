"""Session timers of an outgoing call (RFC 4028)."""

import msgspec
import pytest

from onema.protocols.sip.call_events import By, MediaChanged
from tests.unit.protocols.sip.far_end import PLAN, Wire, ended, up

UPDATES = ("Allow", "INVITE, ACK, BYE, UPDATE")


def session(seconds: int, refresher: str) -> tuple[str, str]:
    return "Session-Expires", f"{seconds};refresher={refresher}"


def test_a_session_is_asked_for_and_may_be_left_to_the_far_end() -> None:
    """RFC 4028 §7.1: Supported: timer always, Session-Expires by setting and never under 90 s."""
    assert Wire().invite.headers.get("Session-Expires") == "1800"
    none = Wire(msgspec.structs.replace(PLAN, session_seconds=0)).invite
    assert "Session-Expires" not in none.headers
    assert none.headers.tokens("Supported") == {"timer"}
    assert (
        Wire(msgspec.structs.replace(PLAN, session_seconds=5)).invite.headers.get("Session-Expires") == "90"
    )


def test_a_far_end_without_timers_is_left_in_peace() -> None:
    """RFC 4028 §7.2: a 2xx without Session-Expires."""
    wire = up()
    assert wire.wait_until(100_000.0) == []
    assert wire.sent() == []


def test_we_refresh_at_half_the_time_by_update() -> None:
    """RFC 4028 §10, where the far end takes UPDATE: without an offer, again and again."""
    wire = up(UPDATES, ("Require", "timer"), session(200, "uac"))
    for moment in (100.0, 200.0):
        assert wire.wait_until(moment - 0.1) == []
        assert wire.sent() == []
        wire.wait_until(moment)
        (update,) = wire.requests("UPDATE")
        assert update.body == b""
        assert update.headers.get("Session-Expires") == "200;refresher=uac"
        assert update.headers.get("Contact")
        assert wire.respond(200, session(200, "uac"), to=update) == []


def test_we_refresh_by_re_invite_where_update_is_not_taken() -> None:
    """With the same offer as ever, and an ACK; the answer may move media."""
    wire = up(session(200, "uac"))
    wire.wait_until(100.0)
    (invite,) = wire.requests("INVITE")
    assert invite.body == b"ours"
    wire.ask("UPDATE", body=b"theirs")
    wire.responses(491)
    assert wire.respond(200, session(200, "uac"), to=invite, body=b"moved") == [MediaChanged("moved")]
    (ack,) = wire.requests("ACK")
    assert ack.cseq.number == invite.cseq.number
    assert wire.respond(200, session(200, "uac"), to=invite, body=b"moved") == []
    wire.requests("ACK")


def test_update_that_is_not_taken_after_all_becomes_re_invite() -> None:
    """Allow of some far ends promises more than they do."""
    wire = up(UPDATES, session(200, "uac"))
    wire.wait_until(100.0)
    (update,) = wire.requests("UPDATE")
    wire.respond(501, to=update)
    wire.requests("INVITE")


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_that_the_far_end_knows_nothing_of_ends_the_call(status: int) -> None:
    """RFC 4028 §10."""
    wire = up(UPDATES, session(200, "uac"))
    wire.wait_until(100.0)
    (update,) = wire.requests("UPDATE")
    end = ended(wire.respond(status, to=update))
    assert (end.by, end.accepted) == (By.TIMEOUT, True)
    wire.requests("BYE")


def test_a_refresh_that_nobody_answers_ends_the_call() -> None:
    """After timer F."""
    wire = up(UPDATES, session(200, "uac"))
    end = ended(wire.wait_until(132.0))
    assert end.by is By.TIMEOUT


def test_a_refresh_that_crosses_theirs_is_tried_again() -> None:
    """RFC 3261 §14.1: 2.1 s later, since the Call-ID is ours."""
    wire = up(UPDATES, session(200, "uac"))
    wire.wait_until(100.0)
    (update,) = wire.requests("UPDATE")
    assert wire.respond(491, to=update) == []
    wire.wait_until(102.0)
    assert wire.sent() == []
    wire.wait_until(102.2)
    wire.requests("UPDATE")


def test_a_refresh_that_is_refused_for_now_is_tried_until_the_session_ends() -> None:
    """RFC 4028 §10: then BYE, a little before the time."""
    wire = up(UPDATES, session(200, "uac"))
    wire.wait_until(100.0)
    (update,) = wire.requests("UPDATE")
    wire.respond(503, ("Retry-After", "500"), to=update)
    assert wire.wait_until(167.9) == []
    end = ended(wire.wait_until(168.0))
    assert end.by is By.TIMEOUT
    wire.requests("BYE")


def test_a_refresh_may_be_told_to_take_longer() -> None:
    """RFC 4028 §7.4: 422 to an UPDATE."""
    wire = up(UPDATES, session(200, "uac"))
    wire.wait_until(100.0)
    (update,) = wire.requests("UPDATE")
    wire.respond(422, ("Min-SE", "600"), to=update)
    (update,) = wire.requests("UPDATE")
    assert update.headers.get("Session-Expires") == "600;refresher=uac"
    assert update.headers.get("Min-SE") == "600"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_far_end_that_refreshes_is_answered(method: str) -> None:
    """RFC 4028 §9: with the same time; each refresh begins it anew."""
    wire = up(session(200, "uas"))
    wire.wait_until(150.0)
    more = (("Supported", "timer"), session(200, "uac"))
    assert wire.ask(method, *more, body=b"theirs" if method == "INVITE" else b"") == []
    (response,) = wire.responses(200)
    assert response.headers.get("Session-Expires") == "200;refresher=uac"
    assert response.headers.tokens("Require") == {"timer"}
    if method == "INVITE":
        wire.ask("ACK", number=wire.number)
    assert wire.wait_until(317.9) == []
    assert ended(wire.wait_until(318.0)).by is By.TIMEOUT


def test_a_far_end_that_stops_refreshing_loses_the_call() -> None:
    """RFC 4028 §10: a third of the time before its end, at most 32 s."""
    wire = up(session(90, "uas"))
    assert wire.wait_until(59.9) == []
    assert ended(wire.wait_until(60.0)).by is By.TIMEOUT
    wire.requests("BYE")


def test_a_far_end_may_hand_the_refreshing_over() -> None:
    """refresher=uas of its re-INVITE is us."""
    wire = up(UPDATES, session(200, "uas"))
    wire.ask("UPDATE", ("Supported", "timer"), session(200, "uas"))
    (response,) = wire.responses(200)
    assert response.headers.get("Session-Expires") == "200;refresher=uas"
    assert "Require" not in response.headers
    wire.wait_until(100.0)
    wire.requests("UPDATE")


def test_a_far_end_may_drop_the_timer() -> None:
    """A refresh without Session-Expires."""
    wire = up(session(90, "uas"))
    wire.ask("UPDATE")
    wire.responses(200)
    assert wire.wait_until(1_000.0) == []


def test_a_session_that_is_too_short_is_refused() -> None:
    """RFC 4028 §9: 422 with our Min-SE."""
    wire = up()
    wire.ask("UPDATE", ("Supported", "timer"), session(30, "uac"))
    (response,) = wire.responses(422)
    assert response.headers.get("Min-SE") == "90"


def test_an_answer_with_a_time_that_is_too_short_or_without_refresher_is_borne() -> None:
    """As 90 s, refreshed by us."""
    wire = up(UPDATES, ("Session-Expires", "10"))
    wire.wait_until(44.9)
    assert wire.sent() == []
    wire.wait_until(45.0)
    wire.requests("UPDATE")
