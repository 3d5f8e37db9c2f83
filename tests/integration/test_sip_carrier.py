"""Calls over a trunk: the carrier, its engine process, and phones at the far end."""

from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.speech.g711 import Law
from onema.speech.hearing.decode import hear_frames
from tests.sip import CODE, VOICE, VOICES, Events, FarPhones, before_phones, call, ready


async def test_a_code_is_heard_at_the_far_end() -> None:
    """Frame for frame what the handset would play, and the events and the end say how it went."""
    events = Events()
    async with FarPhones() as far, before_phones(far, events=events, speaker=VOICES) as carrier:
        outcome = await carrier.send(call())
        await far.until(lambda: far.calls[0].ended)
        heard = far.calls[0]
        message = VOICES.message(call().payload)  # type: ignore[arg-type]  # it is a call's
        assert hear_frames(heard.frames, Law.PCMU, VOICES.voices[VOICE]).code == CODE
        played = b"".join(heard.frames)
        assert message.pcmu in played
        assert (outcome.kind, outcome.ending) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert message.seconds - 0.1 < outcome.seconds < message.seconds + 1
        assert outcome.call is not None
        assert outcome.call.codec == "PCMU"
        assert outcome.call.packets_sent >= len(message.frames())
        assert events.states() == [CallState.CALLING, CallState.RINGING, CallState.ANSWERED]
        assert far.requests == ["INVITE", "ACK", "BYE"]


async def test_a_trunk_is_ready_once_it_answers_options() -> None:
    """And not any more once nobody is there: then nothing is handed to it."""
    async with FarPhones() as far, before_phones(far, options_seconds=1) as carrier:
        assert far.requests[0] == "OPTIONS"
        port = far.port
        far.close()
        await ready(carrier, wanted=False)
        assert "Connection refused" in carrier.problem
        await far.open(port)
        await ready(carrier)
        assert carrier.problem == ""
