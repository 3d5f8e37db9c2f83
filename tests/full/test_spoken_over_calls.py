"""For every language 50 random codes are called, recorded at the far end and decoded exactly."""

import random

import pytest

from onema.speech import Voices
from onema.speech.hearing.decode import hear
from onema.speech.pack import CHARACTERS

from .spoken_calls import Said, recorded

pytestmark = pytest.mark.full

_VOICES = Voices.load()


def codes(voice: str) -> list[Said]:
    """50: digits, letters, and some with leading zeros."""
    choice = random.Random(voice)
    made = ["".join(choice.choices(CHARACTERS[:10], k=choice.randint(4, 8))) for _ in range(25)]
    made += ["".join(choice.choices(CHARACTERS, k=choice.randint(4, 6))) for _ in range(15)]
    made += ["00" + "".join(choice.choices(CHARACTERS[:10], k=4)) for _ in range(10)]
    return [(voice, code) for code in made]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_fifty_codes_of_every_voice_are_heard_at_the_far_end(codec: str) -> None:
    """Over SIP and RTP, with 1, 2 or 3 in 100 packets lost: half of each voice's codes by each law."""
    half = slice(0, None, 2) if codec == "PCMU" else slice(1, None, 2)
    said = [one for voice in _VOICES for one in codes(voice)[half]]
    recordings = await recorded(said, codec, losses=(0.01, 0.02, 0.03))
    for (voice, code), recording in zip(said, recordings, strict=True):
        assert recording.audio is not None
        assert recording.codec == codec
        assert hear(recording.audio, _VOICES[voice]).code == code
    lost, heard = (sum(getattr(one, what) for one in recordings) for what in ("lost", "packets"))
    assert 0.015 < lost / (lost + heard) < 0.025
