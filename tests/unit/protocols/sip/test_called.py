"""The called end, against our own caller over a wire that loses nothing: each thing that a script may say."""

import msgspec
import pytest

from onema.protocols.sip.call_events import (
    Answered,
    By,
    EarlyMedia,
    Ended,
    MediaChanged,
    Ringing,
)
from onema.protocols.sip.called import Script
from onema.protocols.sip.digest import DigestClient, DigestServer
from onema.protocols.sip.header_values import Reason
from onema.protocols.sip.messages import Request, Response
from tests.unit.protocols.sip.far_end import PLAN, counting
from tests.unit.protocols.sip.network import Network, kinds


def test_a_call_is_answered_and_hung_up_by_the_caller() -> None:
    """Both ends tell the same."""
    network = Network(Script(provisional=((1.0, 180),), final_after=3.0))
    assert kinds(network.run(10.0).caller) == ["Ringing", "Answered"]
    network.hang_up()
    network.run(1.0)
    assert (network.end.by, network.end.accepted) == (By.US, True)
    assert (network.far_end.by, network.far_end.status) == (By.THEM, 200)
    assert network.ends_by_itself()


def test_the_called_end_hangs_up_with_its_reason() -> None:
    """Since the answer, and without waiting for an ACK."""
    script = Script(hangs_up_after=2.0, bye_headers=(("Reason", "Q.850 ; cause=16"), ("X-Why", "done")))
    network = Network(script)
    network.run(10.0)
    assert (network.end.by, network.end.reasons) == (By.THEM, [Reason("Q.850", 16)])
    assert network.end.vendor_headers == [("X-Why", "done")]
    assert network.ends_by_itself()


def test_a_bye_before_the_ack_is_a_good_end() -> None:
    """pjsua does so where it does not like the answer."""
    network = Network(Script(hangs_up_after=0.0))
    network.run(10.0)
    assert (network.end.by, network.end.accepted) == (By.THEM, True)
    assert network.ends_by_itself()


@pytest.mark.parametrize(("status", "phrase"), [(486, ""), (603, "Nein"), (503, "CPS limit"), (302, "")])
def test_a_call_is_refused_as_the_script_says(status: int, phrase: str) -> None:
    """With the phrase and headers of the script."""
    headers = (("Retry-After", "7"), ("X-Carrier", "seven"))
    network = Network(Script(status=status, phrase=phrase, final_after=1.0, headers=headers))
    network.run(5.0)
    end = network.end
    assert (end.by, end.status, end.retry_after) == (By.THEM, status, 7)
    assert end.vendor_headers == [("X-Carrier", "seven")]
    assert not phrase or end.phrase == phrase
    assert network.ends_by_itself()


def test_it_rings_until_the_caller_gives_up() -> None:
    """CANCEL, and 487."""
    network = Network(Script(final_after=None), msgspec.structs.replace(PLAN, ring_seconds=20.0))
    network.run(30.0)
    assert (network.end.by, network.end.status, network.end.rang) == (By.TIMEOUT, 487, True)
    assert (network.far_end.by, network.far_end.status) == (By.THEM, 487)
    assert network.ends_by_itself()


def test_a_cancel_may_be_crossed_by_the_answer() -> None:
    """ACK and BYE."""
    network = Network(Script(final_after=None, accepts_after_cancel=True))
    network.run(1.0)
    network.hang_up()
    network.run(1.0)
    assert (network.end.by, network.end.accepted) == (By.US, True)
    assert (network.far_end.by, network.far_end.accepted) == (By.THEM, True)
    assert network.ends_by_itself()


def test_early_media_are_offered() -> None:
    """A 183 with a session description."""
    network = Network(Script(provisional=((0.0, 183),), final_after=1.0))
    assert network.run(5.0).caller == [Ringing(183), EarlyMedia("ours"), Answered("ours")]


def test_two_phones_that_accept_leave_one_call() -> None:
    """The second gets ACK and BYE."""
    network = Network(Script(forks=2))
    assert kinds(network.run(5.0).caller) == ["Ringing", "Answered"]
    assert network.methods_of_caller() == ["INVITE", "ACK", "ACK", "BYE"]
    network.hang_up()
    assert network.ends_by_itself()


def test_media_move_by_re_invite() -> None:
    """The caller answers and hears where to."""
    network = Network(Script())
    network.run(1.0)
    network.media.offer = b"elsewhere"
    network.far.move_media(network.now)
    assert network.run(1.0).caller == [MediaChanged("elsewhere")]
    network.hang_up()
    assert network.ends_by_itself()


def test_a_short_session_is_refused_and_asked_for_again() -> None:
    """RFC 4028 §9."""
    network = Network(Script(min_session=3_600))
    assert kinds(network.run(1.0).caller) == ["Ringing", "Answered"]
    assert network.methods_of_caller() == ["INVITE", "ACK", "INVITE", "ACK"]


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_lives_by_refreshes(refresher: str) -> None:
    """Whoever sends them, for as long as both are there."""
    network = Network(Script(session_seconds=100, refresher=refresher))
    network.run(1_000.0)
    assert kinds(network.caller) == ["Ringing", "Answered"]
    assert kinds(network.called) == ["Answered"]
    network.hang_up()
    assert network.ends_by_itself()


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_dies_with_the_network(refresher: str) -> None:
    """Both ends hear of it within the session's time."""
    network = Network(Script(session_seconds=100, refresher=refresher))
    network.run(10.0)
    network.is_cut = True
    network.run(120.0)
    assert network.end.by is By.TIMEOUT
    assert network.far_end.by is By.TIMEOUT
    assert network.ends_by_itself()


def test_a_bye_that_nobody_answers_leaves_nobody_hanging() -> None:
    """The caller's end does not wait for it."""
    network = Network(Script(answers_bye=False))
    network.run(1.0)
    network.hang_up()
    assert network.end.by is By.US
    assert network.ends_by_itself()


@pytest.mark.parametrize("is_proxy", [False, True])
def test_only_who_knows_the_password_is_let_in(is_proxy: bool) -> None:
    """By digest, as a proxy or as the far end."""
    server = DigestServer("phone", {"shop": "secret"}, counting("n"), is_proxy=is_proxy)
    for password, answered in (("secret", True), ("wrong", False)):
        network = Network(
            Script(),
            digest=DigestClient("shop", password, counting("c")),
            door=lambda request: (server.status, server.refuse(request, 0.0)),
        )
        network.run(5.0)
        assert ("Answered" in kinds(network.caller)) is answered
        if not answered:
            assert network.end.status == server.status
            assert network.ends_by_itself()


def test_a_silent_phone_is_a_dead_network() -> None:
    """32 s by RFC 3261."""
    network = Network(Script(silent=True))
    network.run(32.0)
    assert (network.end.by, network.end.rang) == (By.TIMEOUT, False)


def test_the_called_end_declines_or_hangs_up_when_told_to() -> None:
    """A person puts the phone down."""
    network = Network(Script(final_after=None))
    network.run(1.0)
    network.called += network.far.hang_up(network.now)
    network.run(1.0)
    assert (network.end.by, network.end.status) == (By.THEM, 480)
    network = Network(Script())
    network.run(1.0)
    network.called += network.far.hang_up(network.now, (Reason("SIP", 200, "bye"),))
    network.run(1.0)
    assert (network.end.by, network.end.reasons) == (By.THEM, [Reason("SIP", 200, "bye")])
    assert network.ends_by_itself()


def test_an_invite_that_requires_what_is_not_there_is_420() -> None:
    """RFC 3261 §8.2.2.3."""
    network = Network(Script(), msgspec.structs.replace(PLAN, headers=(("Require", "100rel"),)))
    network.run(1.0)
    assert network.end.status == 420
    assert isinstance(network.end.message, Response)
    assert network.end.message.headers.get("Unsupported") == "100rel"


def test_the_same_invite_by_another_way_is_a_loop() -> None:
    """RFC 3261 §8.2.2.2: 482, and the first one goes on."""
    network = Network(Script(final_after=None))
    network.run(1.0)
    invite = network.sent[0]
    assert isinstance(invite, Request)
    again = Request(invite.method, invite.uri, invite.headers.copy(), invite.body)
    again.headers.set("Via", "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKother")
    network.far.receive(again, network.now)
    assert b"SIP/2.0 482" in network.far.sendings()[0].data
    assert not any(isinstance(event, Ended) for event in network.called)
