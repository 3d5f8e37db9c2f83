"""The money that is held for a call, and the time after which it is ended, cover what it has to say."""

import pytest

from onema.domain.codes.call_with_code import longest_call
from onema.speech import Voices, speak
from onema.speech.message import LEAD_IN, LEAD_OUT

VOICES = Voices.load()
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("times", [1, 3])
def test_the_slowest_code_of_a_voice_fits_into_its_call(voice: str, rate: float, times: int) -> None:
    """Codes made of the voice's longest character, from one to twenty of it."""
    pack = VOICES[voice]
    slowest = max(CHARACTERS, key=lambda character: pack.characters[character].seconds)
    for length in (1, 4, 6, 20):
        spoken = speak(pack, slowest * length, times=times, rate=rate).seconds - LEAD_IN - LEAD_OUT
        assert spoken <= longest_call(None, length, times, rate), (slowest, length)


def test_a_call_never_lasts_longer_than_five_minutes() -> None:
    """Whatever is asked for."""
    assert longest_call("a" * 900, 20, 3, 0.5) == 300
