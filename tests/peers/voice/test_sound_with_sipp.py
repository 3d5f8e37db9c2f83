"""What a far end hears of a trunk whose signalling is sipp's, and what it is heard to press."""

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
    OUR_BYE,
    RINGING,
    answered,
    answers,
    asks,
    pauses,
    receives_answer,
    receives_invite,
    scenario,
)
from tests.peers.voice.sipp import Sipp
from tests.sip import CODE

SHORT = "48"
"""A code that is soon said, where what is said does not matter."""


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
    assert 0.2 < outcome.call.ring_seconds < 3
    drawn = ladder(read_trace(outcome.call.trace))
    assert [word for word in ("INVITE", "180", "200", "ACK", "BYE") if word not in drawn] == []


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
