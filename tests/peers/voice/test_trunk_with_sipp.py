"""A trunk whose far end is sipp: a scenario fails where what we send is not what it expects."""

import asyncio
from pathlib import Path

import pytest

from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.protocols.sip.ladder import ladder
from onema.protocols.sip.trace import read_trace
from tests.peers.voice.calling import trunk_before
from tests.peers.voice.ear import Ear, heard
from tests.peers.voice.scenarios import (
    TAG,
    accepts_credentials,
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
from tests.sip import CODE

RINGING = answers("180 Ringing")
SHORT = "48"
"""A code that is soon said, where what is said does not matter."""


def answered(port: int, *rows: str) -> str:
    return answers("200 Ok", *rows, sdp_port=str(port)) + receives("ACK")


OUR_BYE = receives("BYE") + answers("200 OK", tag="")


async def test_a_code_is_heard(tmp_path: Path) -> None:
    """Exactly, and both sides say the same of the call; 200 without SDP before the ACK is no matter of ours."""
    async with Ear() as ear:
        phone = scenario(receives_invite(), RINGING, pauses(300), answered(ear.port), OUR_BYE)
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
            outcome = await trunk.call()
            await far.succeeds()
        assert ear.codes() == [CODE]
    assert (outcome.kind, outcome.ending) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
    assert trunk.events.states() == [CallState.CALLING, CallState.RINGING, CallState.ANSWERED]
    assert outcome.call is not None
    assert 0.2 < outcome.call.ring_seconds < 1.0
    drawn = ladder(read_trace(outcome.call.trace))
    assert [word for word in ("INVITE", "180", "200", "ACK", "BYE") if word not in drawn] == []


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


async def test_early_media_gets_silence_and_the_answer_the_code(tmp_path: Path) -> None:
    """A network that opens its way by what it hears before the answer."""
    async with Ear() as ear:
        phone = scenario(
            receives_invite(),
            answers("183 Session Progress", sdp_port=str(ear.port)),
            pauses(400),
            answered(ear.port),
            OUR_BYE,
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port, early_media="played") as trunk:
            calling = asyncio.create_task(trunk.call(code=SHORT))
            await ear.hears(3)
            assert CallState.ANSWERED not in trunk.events.states()
            outcome = await calling
            await far.succeeds()
        assert ear.codes() == [SHORT]
    assert outcome.ending is Ending.ANSWERED


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
    assert 0.5 < outcome.seconds < 1.5


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
            pauses(300),
            OUR_BYE,
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
            outcome = await trunk.call(code=SHORT)
            await far.succeeds()
        assert ear.codes() == [SHORT]
        assert deaf.packets == []
    assert outcome.ending is Ending.ANSWERED


async def test_audio_follows_to_another_port(tmp_path: Path) -> None:
    """A re-INVITE moves it in the middle of the code, right after the ACK as phones do; nothing is lost or doubled."""
    async with Ear() as first, Ear() as second:
        phone = scenario(
            receives_invite(),
            answered(first.port),
            pauses(1_800),
            asks("INVITE", 1, sdp_port=str(second.port)),
            receives_answer(200),
            asks("ACK", 1),
            OUR_BYE,
        )
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port) as trunk:
            outcome = await trunk.call(code=SHORT)
            await far.succeeds()
        assert heard([*first.packets, *second.packets]) == SHORT
        assert min(len(first.packets), len(second.packets)) > 70
    assert outcome.ending is Ending.ANSWERED


async def test_keys_are_told_apart_by_their_time_stamps(tmp_path: Path) -> None:
    """One key twice and another: each press is many packets, of which the last is repeated."""
    async with Ear() as ear:
        phone = scenario(receives_invite(), answered(ear.port), OUR_BYE)
        async with Sipp(phone, tmp_path) as far, trunk_before(far.port, repeat_key="") as trunk:
            calling = asyncio.create_task(trunk.call(code=SHORT))
            for key, timestamp in (("5", 16_000), ("5", 32_000), ("pound", 48_000)):
                await ear.press(key, timestamp)
            outcome = await calling
            await far.succeeds()
    assert outcome.call is not None
    assert outcome.call.keys == "55#"


@pytest.mark.full
async def test_all_calls_are_answered_though_three_in_ten_messages_are_lost(tmp_path: Path) -> None:
    """In each direction; a proxy's Record-Route would be kept by this scenario."""
    async with Ear() as ear:
        phone = scenario(receives_invite(), RINGING, answered(ear.port), OUR_BYE)
        async with (
            Sipp(phone, tmp_path, "-lost", "30", "-nd", calls=20) as far,
            trunk_before(far.port) as trunk,
        ):
            calls = (trunk.call(code=SHORT, message=number) for number in range(20))
            outcomes = await asyncio.gather(*calls)
        assert ear.codes() == [SHORT] * 20
    assert {outcome.ending for outcome in outcomes} == {Ending.ANSWERED}
