"""A trunk before the phones of docs/carriers/callee.md that misbehave on purpose: what becomes of each call."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from onema.channels.voice_sip.answering.phone import Recording
from onema.channels.voice_sip.carrier import SipCarrier
from onema.channels.voice_sip.process import SipEngine
from onema.domain.delivery.outcome import Ending, Outcome
from onema.testing.callee.callee import Callee
from onema.testing.callee.script import script_of
from tests.sip import CODE, VOICES, Events, call, ready, sip_settings, trunk_to

HEARD = {"1": 1, "26": 1, "28": 1, "30": 1, "31": 1, "32": 1}
"""By the number's last digits, how often the code is heard. The key of 30 begins the message anew."""
REFUSED = {
    "2": Ending.NOT_IN_SERVICE,
    "5": Ending.BUSY,
    "6": Ending.NO_ANSWER,
    "7": Ending.DECLINED,
    "20": Ending.OUR_LIMIT,
    "21": Ending.BLOCKED,
    "22": Ending.OUR_LIMIT,
    "27": Ending.NO_ANSWER,
}

Ended = dict[str, tuple[Outcome, Recording | None]]


def number(last: str) -> str:
    return f"+849900000{last:0>2}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ended() -> AsyncIterator[Ended]:
    """What became of a call to each, all at once."""
    script = script_of({"ring_seconds": 0.2})
    async with Callee(script, voices=VOICES.voices, chance=random.Random(7)) as phones:
        settings = sip_settings(**trunk_to(phones.port, ring_seconds=5, answer_seconds=2.0))
        carrier = SipCarrier("trunk", settings, SipEngine(), VOICES, Events(), steady=time.monotonic)
        await ready(carrier)
        found: dict[str, Outcome] = {}

        async def place(last: str, message: int) -> None:
            found[last] = await carrier.send(call(number(last), message=message))

        try:
            async with asyncio.TaskGroup() as calls:
                for message, last in enumerate([*HEARD, *REFUSED, "29"]):
                    calls.create_task(place(last, message))
            told = {number(last) for last in (*HEARD, "29")}
            # A phone says what it heard a moment after its call.
            await phones.until(lambda: told <= {recording.called for recording in phones.calls})
        finally:
            await carrier.stop()
        heard = {recording.called: recording for recording in phones.calls}
        yield {last: (outcome, heard.get(number(last))) for last, outcome in found.items()}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("last", HEARD)
async def test_the_code_is_heard_whatever_the_phone_does(ended: Ended, last: str) -> None:
    """Two phones answer, audio moves, a key asks for it again, the BYE is not answered."""
    outcome, recording = ended[last]
    assert outcome.ending is Ending.ANSWERED
    assert recording is not None
    assert recording.code == CODE
    assert recording.heard is not None
    assert recording.heard.repeats == HEARD[last]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("last", REFUSED)
async def test_a_call_that_is_not_taken_ends_as_what_it_was(ended: Ended, last: str) -> None:
    """Busy, declined, nobody, no such number, fraud, our own limit."""
    outcome, _ = ended[last]
    assert outcome.ending is REFUSED[last], outcome


@pytest.mark.asyncio(loop_scope="module")
async def test_a_person_who_hangs_up_early_heard_less(ended: Ended) -> None:
    """And is charged for what was talked."""
    outcome, recording = ended["29"]
    assert outcome.ending is Ending.HUNG_UP
    assert 1.5 < outcome.seconds < 5
    assert recording is not None
    assert recording.code != CODE
