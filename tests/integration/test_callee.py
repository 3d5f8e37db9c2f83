"""The simulated phones of `onema simulate callee`, called over real sockets."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest

from onema.protocols.sip import call_events as c
from onema.speech.message import speak
from onema.speech.pack import Voice
from onema.speech.voices import Voices
from onema.testing.callee.callee import Callee
from onema.testing.callee.script import script_of
from onema.testing.scripts import ScriptRefused
from tests.integration.sip_caller import Caller

VOICES: Mapping[str, Voice] = Voices.load()
PHONE = "+84901234567"


def frames(code: str, voice: str = "en") -> list[bytes]:
    return list(speak(VOICES[voice], code).frames())


def callee(**table: Any) -> Callee:
    script = script_of({"ring_seconds": 0.0, **table})
    # With other chances the first or the last packet may be lost, which no receiver can know.
    return Callee(script, voices=VOICES, chance=random.Random(5))


@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize("voice", ["en", "vi-north"])
async def test_a_code_is_understood(kind: str, voice: str) -> None:
    """Who called whom, how long, over what, and what was said."""
    headers = (("P-Asserted-Identity", "<sip:+841900@example>"), ("X-Account", "a7"))
    async with (
        callee() as phone,
        Caller(PHONE, phone.port, kind=kind, caller="+842473000000", headers=headers) as caller,
    ):
        await caller.until(c.Answered)
        assert len(phone.up) == 1
        await caller.say(frames("407193", voice))
        caller.hang_up()
        await phone.until(lambda: phone.calls)
        (call,) = phone.calls
        assert (call.called, call.caller, call.transport) == (PHONE, "+842473000000", kind)
        assert (call.status, call.ended_by, call.codec) == (200, "them", "PCMU")
        assert call.code == "407193"
        assert call.heard is not None
        assert call.heard.voice == voice
        assert (call.lost, call.packets) == (0, len(frames("407193", voice)))
        assert call.identities == (
            ("From", call.headers[[name for name, _ in call.headers].index("From")][1]),
            ("P-Asserted-Identity", "<sip:+841900@example>"),
        )
        assert ("X-Account", "a7") in call.headers
        assert phone.counts.invites == phone.counts.answered == 1


@pytest.mark.parametrize(
    ("last", "status", "phrase"),
    [("2", 404, ""), ("5", 486, ""), ("7", 603, ""), ("20", 503, ""), ("22", 503, "CPS limit exceeded")],
)
async def test_the_numbers_of_the_page_refuse(last: str, status: int, phrase: str) -> None:
    """By the last digits of the number called."""
    number = "+84990000000"[: 12 - len(last)] + last
    async with callee() as phone, Caller(number, phone.port) as caller:
        end = await caller.until(c.Ended)
        assert isinstance(end, c.Ended)
        assert end.status == status
        assert not phrase or end.phrase == phrase
        await phone.until(lambda: phone.calls)
        assert phone.calls[0].status == status
        assert phone.calls[0].talk_seconds == 0.0


async def test_a_phone_rings_out() -> None:
    """Until the caller gives up."""
    async with callee() as phone, Caller("+84990000006", phone.port, ring_seconds=0.3) as caller:
        await phone.until(lambda: phone.ringing)
        end = await caller.until(c.Ended)
        assert isinstance(end, c.Ended)
        assert (end.by, end.status, end.rang) == (c.By.TIMEOUT, 487, True)
        await phone.until(lambda: phone.calls)
        assert phone.calls[0].ring_seconds >= 0.3


@pytest.mark.parametrize("by", ["rtp", "info"])
async def test_a_phone_presses_keys(by: str) -> None:
    """As telephone-event and as INFO."""
    async with (
        callee(presses="1#", presses_after=0.0, presses_by=by) as phone,
        Caller(PHONE, phone.port) as caller,
    ):
        await caller.until(c.Answered)
        await caller.until_true(lambda: caller.keys == "1#")
        caller.hang_up()
        await phone.until(lambda: phone.calls)
        assert phone.calls[0].pressed == "1#"


async def test_only_who_knows_the_password_calls() -> None:
    """By digest."""
    async with callee(password="secret") as phone:
        async with Caller(PHONE, phone.port, password="secret") as caller:
            await caller.until(c.Answered)
            caller.hang_up()
            await phone.until(lambda: phone.calls)
        async with Caller(PHONE, phone.port, password="wrong") as caller:
            end = await caller.until(c.Ended)
            assert isinstance(end, c.Ended)
            assert end.status == 401


async def test_lost_packets_are_counted_and_the_code_is_understood() -> None:
    """A matched filter needs no more than most of a sound."""
    async with callee(loses=0.03) as phone, Caller(PHONE, phone.port) as caller:
        await caller.until(c.Answered)
        await caller.say(frames("55102"))
        caller.hang_up()
        await phone.until(lambda: phone.calls)
        (call,) = phone.calls
        assert call.code == "55102"
        assert call.lost > 0
        assert call.lost + call.packets == len(frames("55102"))


async def test_a_phone_moves_to_another_port_and_hears_on() -> None:
    """By a re-INVITE during the call."""
    async with callee(moves_media_after=0.0) as phone, Caller(PHONE, phone.port) as caller:
        await caller.until(c.Answered)
        before = caller.far.port
        await caller.until(c.MediaChanged)
        assert caller.far.port != before
        await caller.say(frames("90210"))
        caller.hang_up()
        await phone.until(lambda: phone.calls)
        assert phone.calls[0].code == "90210"


async def test_a_person_hangs_up() -> None:
    """By script, and by the test."""
    async with callee(hangs_up_after=0.05) as phone, Caller(PHONE, phone.port) as caller:
        end = await caller.until(c.Ended)
        assert isinstance(end, c.Ended)
        assert (end.by, end.accepted) == (c.By.THEM, True)
    async with callee() as phone, Caller(PHONE, phone.port) as caller:
        await caller.until(c.Answered)
        await phone.until(lambda: phone.up)
        phone.up[0].hang_up()
        end = await caller.until(c.Ended)
        assert isinstance(end, c.Ended)
        assert end.by is c.By.THEM


async def test_a_first_rule_that_fits_decides_and_scripts_may_change() -> None:
    """Rules count what they took."""
    rules = [{"to": "8490*", "times": 1, "then": {"answer": 486}}]
    async with callee(rules=rules) as phone:
        for status in (486, 200):
            async with Caller(PHONE, phone.port) as caller:
                event = await caller.until(c.Ended if status != 200 else c.Answered)
                assert not isinstance(event, c.Ended) or event.status == status
        phone.script = script_of({"answer": 480, "ring_seconds": 0.0})
        async with Caller(PHONE, phone.port) as caller:
            end = await caller.until(c.Ended)
            assert isinstance(end, c.Ended)
            assert end.status == 480


async def test_a_callee_that_is_stopped_lets_everybody_go() -> None:
    """Its ports are free again, and it starts on the same one."""
    phone = callee()
    await phone.start()
    port = phone.port
    async with Caller(PHONE, port) as caller:
        await caller.until(c.Answered)
        await phone.stop()
        await phone.stop()
    await phone.start()
    assert phone.port == port
    await phone.stop()


@pytest.mark.parametrize(
    "table",
    [
        {"rings": 100},
        {"answer": 201},
        {"presses": "E"},
        {"anwser": 486},
        {"headers": [{"name": "a b", "value": ""}]},
    ],
)
def test_a_script_that_makes_no_sense_is_refused(table: dict[str, Any]) -> None:
    """With the place."""
    with pytest.raises(ScriptRefused) as refused:
        script_of(table)
    assert refused.value.problems


def test_recordings_show_neither_numbers_nor_codes() -> None:
    """In logs and failures of tests."""

    async def one() -> str:
        async with callee() as phone, Caller(PHONE, phone.port) as caller:
            await caller.until(c.Answered)
            await caller.say(frames("407193"))
            caller.hang_up()
            await phone.until(lambda: phone.calls)
            return repr(phone.calls[0]) + repr(phone.calls[0].heard)

    told = asyncio.run(one())
    assert "407193" not in told
    assert "901234567" not in told
