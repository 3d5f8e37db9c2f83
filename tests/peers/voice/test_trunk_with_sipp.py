"""A trunk whose far end is sipp: a scenario fails where what we send is not what it expects."""

from pathlib import Path

import pytest

from onema.domain.delivery.outcome import Ending, OutcomeKind
from tests.peers.voice.calling import trunk_before
from tests.peers.voice.ear import Ear
from tests.peers.voice.scenarios import (
    OUR_BYE,
    RINGING,
    TAG,
    accepts_credentials,
    answered,
    answers,
    answers_invite,
    asks,
    checks,
    pauses,
    receives,
    receives_answer,
    receives_invite,
    scenario,
)
from tests.peers.voice.sipp import Sipp


@pytest.mark.parametrize(
    ("status", "rows", "ending"),
    [
        ("404 Not Found", (), Ending.NOT_IN_SERVICE),
        ("480 Temporarily Unavailable", (), Ending.SWITCHED_OFF),
        ("486 Busy Here", (), Ending.BUSY),
        ("503 Service Unavailable", (), Ending.CARRIER_DOWN),
        ("503 Overload", ("Retry-After: 5",), Ending.OUR_LIMIT),
        ("603 Decline", (), Ending.DECLINED),
        ("500 Error", ("Reason: Q.850 ; cause=1 ; text=\"Unallocated\"",), Ending.NOT_IN_SERVICE),
        ("302 Moved Temporarily", ("Contact: <sip:other@127.0.0.1:9>",), Ending.UNREACHABLE),
    ],
)  # fmt: skip
async def test_a_refusal_is_told_and_acknowledged(
    status: str, rows: tuple[str, ...], ending: Ending, tmp_path: Path
) -> None:
    """3xx too: nobody but the operator says where calls go."""
    phone = scenario(
        receives_invite(), answers("100 Trying", tag=""), answers(status, *rows), receives("ACK")
    )
    async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
        outcome = await trunk.call()
        await far.succeeds()
    assert outcome.ending is ending
    assert outcome.call is not None
    assert outcome.call.status == int(status[:3])


async def test_a_phone_that_rings_out_is_cancelled(tmp_path: Path) -> None:
    """CANCEL, and an ACK for the 487 that follows."""
    phone = scenario(
        receives_invite(),
        RINGING,
        receives("CANCEL"),
        answers("200 OK"),
        answers_invite("487 Request Terminated", tag=TAG),
        receives("ACK"),
    )
    async with Sipp(phone, tmp_path) as far, trunk_before(far.port, ring_seconds=1) as trunk:
        outcome = await trunk.call()
        await far.succeeds()
    assert outcome.ending is Ending.NO_ANSWER


async def test_an_answer_that_crosses_the_cancel_is_hung_up(tmp_path: Path) -> None:
    """ACK and BYE (RFC 3261 §9.1): the phone was picked up while we gave up."""
    async with Ear() as ear:
        phone = scenario(
            receives_invite(),
            RINGING,
            receives("CANCEL"),
            answers("200 OK"),
            answers_invite("200 OK", tag=TAG, sdp_port=str(ear.port)),
            receives("ACK"),
            OUR_BYE,
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port, ring_seconds=1) as trunk:
            outcome = await trunk.call()
            await far.succeeds()
    assert outcome.kind is OutcomeKind.UNDELIVERED


@pytest.mark.parametrize(("status", "header"), [("401 Unauthorized", "WWW"), ("407 Proxy Auth", "Proxy")])
async def test_a_challenge_is_answered(status: str, header: str, tmp_path: Path) -> None:
    """Of several qop the plain one, with credentials that sipp computes too."""
    challenge = f'{header}-Authenticate: Digest realm="far", nonce="abc,=", qop="auth-int,auth", opaque="o"'
    right = accepts_credentials("alice", "secret")
    if header == "Proxy":
        # sipp computes those of Authorization alone.
        right = receives_invite(checks('username="alice".*qop=auth,', "Proxy-Authorization"))
    phone = scenario(
        receives_invite(),
        answers(status, challenge),
        receives("ACK"),
        right,
        answers("486 Busy Here"),
        receives("ACK"),
    )
    async with (
        Sipp(phone, tmp_path) as far,
        trunk_before(far.port, auth_user="alice", password="secret") as trunk,
    ):
        outcome = await trunk.call()
        await far.succeeds()
    assert outcome.ending is Ending.BUSY


async def test_a_wrong_password_is_not_tried_again(tmp_path: Path) -> None:
    """Though the second challenge has another nonce and calls the first stale: the trunk is down until it is mended."""
    challenge = 'WWW-Authenticate: Digest realm="far", nonce="{}", qop="auth", stale=true'
    phone = scenario(
        *(
            receives_invite() + answers("401 Unauthorized", challenge.format(nonce)) + receives("ACK")
            for nonce in "ab"
        )
    )
    async with Sipp(phone, tmp_path) as far, trunk_before(far.port, auth_user="a", password="b") as trunk:
        outcome = await trunk.call()
        await far.succeeds()
    assert outcome.ending is Ending.CARRIER_DOWN


async def test_a_session_is_refreshed_by_whoever_should(tmp_path: Path) -> None:
    """422 raises Session-Expires to Min-SE (RFC 4028 §6); the far end's UPDATE is answered with what it asked."""
    async with Ear() as ear:
        phone = scenario(
            receives_invite(checks("timer", "Supported")),
            answers("422 Session Interval Too Small", "Min-SE: 2400"),
            receives("ACK"),
            receives_invite(checks("2[4-9][0-9][0-9]", "Session-Expires"), checks("2400", "Min-SE")),
            answers(
                "200 Ok", "Session-Expires: 2400;refresher=uas", "Require: timer", sdp_port=str(ear.port)
            ),
            receives("ACK"),
            asks("UPDATE", 1, "Session-Expires: 2400;refresher=uac", "Supported: timer"),
            receives_answer(200, checks("2400;refresher=uac", "Session-Expires")),
            asks("BYE", 2, 'Reason: Q.850 ;cause=16 ;text="bye"'),
            receives_answer(200),
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
            outcome = await trunk.call()
            await far.succeeds()
    assert outcome.ending is Ending.HUNG_UP


WAYS = [("udp", "127.0.0.1"), ("tcp", "127.0.0.1"), ("udp", "::1"), ("tcp", "::1")]


@pytest.mark.parametrize(("transport", "host"), WAYS)
async def test_the_far_end_hangs_up(transport: str, host: str, tmp_path: Path) -> None:
    """Talk time is what it was; the BYE is answered. Over each transport, by IPv4 and IPv6."""
    async with Ear(host) as ear:
        phone = scenario(
            receives_invite(), answered(ear.port), pauses(700), asks("BYE", 1), receives_answer(200)
        )
        async with (
            Sipp(phone, tmp_path, "-t", f"{transport[0]}1", host=host) as far,
            trunk_before(far.port, f"[{host}]" if ":" in host else host, transport=transport) as trunk,
        ):
            outcome = await trunk.call()
            await far.succeeds()
        assert len(ear.packets) > 20
    assert outcome.ending is Ending.HUNG_UP
    assert 0.5 < outcome.seconds < 3


async def test_of_two_answers_the_second_is_acknowledged_and_hung_up(tmp_path: Path) -> None:
    """A proxy that forked the call to two phones, both of which answer (RFC 3261 §13.2.2.4)."""
    other = TAG + "other"
    async with Ear() as ear, Ear() as deaf:
        phone = scenario(
            receives_invite(),
            answered(ear.port),
            answers_invite("200 Ok", tag=other, sdp_port=str(deaf.port)),
            receives("ACK", checks("other", "To")),
            receives("BYE", checks("other", "To")),
            answers("200 OK", tag=""),
            pauses(500),
            asks("BYE", 1),
            receives_answer(200),
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
            outcome = await trunk.call()
            await far.succeeds()
        assert len(ear.packets) > 20
        assert deaf.packets == []
    assert outcome.ending is Ending.HUNG_UP
