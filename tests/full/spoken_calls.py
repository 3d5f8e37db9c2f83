"""Codes said over real SIP calls: the product's trunk and engine process, our phones far away, what those recorded."""

import asyncio
import random
import time
from collections.abc import Sequence

from onema.channels.contract import Outgoing
from onema.channels.voice_sip.answering.phone import Recording
from onema.channels.voice_sip.carrier import SipCarrier
from onema.channels.voice_sip.process import SipEngine
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.speech.message import speak
from onema.testing.callee.callee import Callee
from onema.testing.callee.script import script_of
from tests.sip import VOICES, Events, ready, sip_settings, trunk_to

_AT_ONCE = 60
_TRIES = 4
_BETWEEN_SECONDS = 0.05

Said = tuple[str, str]
"""(voice, code)."""


async def recorded(said: Sequence[Said], codec: str, losses: tuple[float, ...] = (0.0,)) -> list[Recording]:
    """What a phone recorded of each, in order, where it takes `codec` alone and loses so much in turn.

    Where this machine stood still in the midst of a call, there is a pause in a word that a person would not mind and
    a matched filter does: then the recording is longer than what was said, and the code is called once more.
    """
    recordings: dict[int, Recording] = {}
    for _ in range(_TRIES):
        left = [number for number in range(len(said)) if number not in recordings]
        again = await _calls([said[number] for number in left], codec, losses)
        recordings |= {
            number: recording
            for number, recording in zip(left, again, strict=True)
            if not _has_pauses(said[number], recording)
        }
        if len(recordings) == len(said):
            return [recordings[number] for number in range(len(said))]
    raise AssertionError(f"this machine stood still in {len(said) - len(recordings)} calls, {_TRIES} times")


def _has_pauses(said: Said, recording: Recording) -> bool:
    voice, code = said
    assert recording.audio is not None
    return len(recording.audio) > len(speak(VOICES.voices[voice], code).pcmu)


async def _calls(said: Sequence[Said], codec: str, losses: tuple[float, ...]) -> list[Recording]:
    rules = [{"every": len(losses) - number, "then": {"loses": loss}} for number, loss in enumerate(losses)]
    script = {"ring_seconds": 0.02, "codecs": [codec], "scripted_numbers": False, "rules": rules}
    # Nothing is understood while calls are up: whoever asked for the recordings does.
    async with Callee(script_of(script), voices={}, chance=random.Random(11)) as phones:
        trunk = sip_settings(**trunk_to(phones.port))
        carrier = SipCarrier("trunk", trunk, SipEngine(), VOICES, Events(), steady=time.monotonic)
        await ready(carrier)
        room = asyncio.Semaphore(_AT_ONCE)

        async def call(number: int, voice: str, code: str) -> None:
            await asyncio.sleep(number % _AT_ONCE * _BETWEEN_SECONDS)
            payload = CallPayload(Phone(_phone(number)), "1900", voice, code, None, 1, 1.0, 60, 0)
            async with room:
                outcome = await carrier.send(Outgoing(AccountId(1), MessageId(number + 1), 1, payload))
            assert outcome.kind is OutcomeKind.DELIVERED
            assert outcome.call is not None
            assert outcome.call.codec == codec

        try:
            async with asyncio.TaskGroup() as calls:
                for number, (voice, code) in enumerate(said):
                    calls.create_task(call(number, voice, code))
            await phones.until(lambda: len(phones.calls) == len(said))
        finally:
            await carrier.stop()
        by_phone = {recording.called.removeprefix("+"): recording for recording in phones.calls}
    return [by_phone[_phone(number).removeprefix("+")] for number in range(len(said))]


def _phone(number: int) -> str:
    return f"+8490{number:07}"
