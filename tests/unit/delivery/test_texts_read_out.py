"""Calls that read out a text, from the command to the carrier: the text is sound before the call is placed."""

import asyncio
from typing import Any

import pytest

from onema.delivery.attempt import NOT_READ_OUT
from onema.domain.codes.call_with_text import CallWithText
from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import MessageState
from onema.domain.values.phone import Phone
from onema.speech.making.render import RenderError
from onema.speech.spoken_texts import TooMany
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import ACCOUNT, DeliveryRig

SPOKEN = doc.Template(account="acme", brandname="Acme", text="Kho {P1,9} nóng", name="alarm", spoken=True)


class Preparing:
    """Stands for speech: notes what it was asked for, and raises what is in `raises`, one after the other."""

    def __init__(self, *raises: Exception) -> None:
        self.asked: list[str] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self._raises = list(raises)

    async def __call__(self, call: CallPayload) -> None:
        self.asked.append(call.spoken_text)
        await self.let_go.wait()
        if self._raises:
            raise self._raises.pop(0)


async def read_out(rig: DeliveryRig, **changed: Any) -> int:
    identifier = rig.gateway.next_id()
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "application": "app",
        "id": MessageId(identifier),
        "now": rig.clock.now(),
        "entropy": rig.gateway.token(NONCE_BYTES),
        "dialect": "test",
        "phone": Phone("+84901888484"),
        "home_country": "VN",
        "client_ip": "127.0.0.1",
        "template": "alarm",
        "text": "Kho A1 nóng",
        "voice": "vi-north",
    }
    await rig.gateway.execute(CallWithText(**asked | changed))
    return identifier


async def running(rig: DeliveryRig, prepare: Preparing) -> RecordingCarrier:
    carrier = RecordingCarrier("trunk")
    await rig.configure(carrier, more=(SPOKEN,))
    await rig.start(carrier, prepare=prepare)
    return carrier


async def test_a_text_is_sound_before_its_call_is_placed(rig: DeliveryRig) -> None:
    """No attempt is begun meanwhile: whoever dies leaves the job for others."""
    prepare = Preparing()
    prepare.let_go.clear()
    carrier = await running(rig, prepare)
    message = await read_out(rig)
    await rig.until(lambda: bool(prepare.asked))
    job = await rig.job(message)
    assert (job.in_flight, job.attempt, carrier.sent) == (False, 0, [])
    prepare.let_go.set()
    await rig.reaches(message, MessageState.DELIVERED)
    payload = carrier.sent[0].payload
    assert isinstance(payload, CallPayload)
    assert (payload.spoken_text, payload.code) == ("Kho A1 nóng", "")


@pytest.mark.parametrize("error", [RenderError("it said: Kho A1 nóng"), ValueError("anything")])
async def test_a_text_that_cannot_be_said_costs_nothing(rig: DeliveryRig, error: Exception) -> None:
    """Its message has failed, and its story does not hold the text."""
    carrier = await running(rig, Preparing(error))
    message = await rig.reaches(await read_out(rig), MessageState.FAILED)
    assert (message.reason, message.held, message.charged) == (NOT_READ_OUT, 0, 0)
    assert carrier.sent == []
    assert await rig.balance() == 0
    assert "Kho" not in repr(await rig.story(message.id))


async def test_a_call_waits_its_turn_where_many_are_made(rig: DeliveryRig) -> None:
    """It comes again a little later, and codes go on meanwhile."""
    prepare = Preparing(TooMany())
    carrier = await running(rig, prepare)
    message = await read_out(rig)
    await rig.until(lambda: bool(prepare.asked))
    code = await rig.call()
    await rig.reaches(code, MessageState.DELIVERED)
    assert (await rig.message(message)).state == MessageState.ACCEPTED
    rig.clock.advance(1.0)
    await rig.reaches(message, MessageState.DELIVERED)
    assert len(carrier.sent) == 2


async def test_the_text_rests_sealed(rig: DeliveryRig) -> None:
    """Neither the message's story nor its job says it."""
    prepare = Preparing()
    prepare.let_go.clear()
    await running(rig, prepare)
    message = await read_out(rig, text="Kho Alpha nóng")
    await rig.until(lambda: bool(prepare.asked))
    kept = repr(await rig.story(message)).encode() + (await rig.job(message)).payload
    assert b"Alpha" not in kept
    prepare.let_go.set()
    await rig.reaches(message, MessageState.DELIVERED)
