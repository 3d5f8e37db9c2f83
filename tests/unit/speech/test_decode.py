import numpy as np
import pytest

from onema.speech import Law, Voices, speak
from onema.speech.g711 import FRAME_BYTES
from onema.speech.hearing.decode import hear, hear_frames, hear_wav
from onema.speech.samples import from_g711, loudness


@pytest.mark.parametrize("rate", [0.8, 1.0, 1.4])
@pytest.mark.parametrize("voice_id", ["en", "vi-central", "vi-north", "vi-south", "zh"])
def test_fifty_codes_are_heard_exactly(voices: Voices, codes: list[str], voice_id: str, rate: float) -> None:
    """Digits, letters and leading zeros, from the WAV file, by matched filter."""
    voice = voices[voice_id]
    heard = [hear_wav(speak(voice, code, rate=rate).wav(), voice, rate).code for code in codes]
    assert heard == codes


@pytest.mark.parametrize("law", [Law.PCMU, Law.PCMA])
def test_every_repeat_is_heard(voices: Voices, law: Law) -> None:
    """Three repeats are three codes, from the frames of either law."""
    frames = speak(voices["vi-south"], "00481A", times=3).frames(law)
    assert hear_frames(frames, law, voices["vi-south"]).codes == ("00481A",) * 3


@pytest.mark.parametrize("voice_id", ["en", "vi-central", "vi-north", "vi-south", "zh"])
def test_fifty_codes_are_heard_in_spite_of_lost_packets(
    voices: Voices, codes: list[str], voice_id: str
) -> None:
    """The frames of a call, mu-law and A-law in turn, of which 1 to 3 in 100 are replaced by silence, as an RTP
    receiver without concealment plays them.
    """
    choice = np.random.default_rng(3)
    voice = voices[voice_id]
    for number, code in enumerate(codes):
        law = (Law.PCMU, Law.PCMA)[number % 2]
        lost = bytes([law.silence]) * FRAME_BYTES
        loss = choice.uniform(0.01, 0.03)
        frames = [lost if choice.random() < loss else frame for frame in speak(voice, code).frames(law)]
        assert hear_frames(frames, law, voice).code == code


@pytest.mark.parametrize("voice_id", ["en", "vi-central", "zh"])
def test_a_character_is_heard_whose_loudest_packet_was_lost(voices: Voices, voice_id: str) -> None:
    """Of the Central "năm" most of the energy is in one: what came of it is still no other word."""
    voice = voices[voice_id]
    for digit in "0123456789":
        frames = list(speak(voice, f"2{digit}7").frames())
        alone = list(speak(voice, f"2{digit}").frames())
        began = speak(voice, "2").seconds
        place = max(range(round(began * 50), len(alone)), key=lambda at: loudness(from_g711(alone[at])))
        frames[place] = bytes([Law.PCMU.silence]) * FRAME_BYTES
        assert hear_frames(frames, Law.PCMU, voice).code == f"2{digit}7"


def test_code_is_heard_through_noise(voices: Voices, codes: list[str]) -> None:
    """White noise 10 dB below the speech."""
    choice = np.random.default_rng(4)
    for code in codes[:10]:
        speech = from_g711(speak(voices["zh"], code).pcmu)
        noise = choice.normal(0, 0.14 / 10**0.5, len(speech)).astype(np.float32)
        assert hear(speech + noise, voices["zh"]).code == code


def test_nothing_is_heard_in_silence_or_in_a_sentence(voices: Voices) -> None:
    """What is no code is not taken for one."""
    voice = voices["vi-north"]
    assert hear(np.zeros(8000, dtype=np.float32), voice).codes == ()
    assert hear(from_g711(voice.sentence.pcmu), voice).code is None


def test_another_voice_is_not_heard(voices: Voices) -> None:
    """The filter proves which voice spoke, too."""
    wav = speak(voices["vi-south"], "048159").wav()
    assert hear_wav(wav, voices["vi-north"]).code != "048159"


def test_three_vietnamese_voices_are_three_audios(voices: Voices) -> None:
    """North, Central and South say every digit differently."""
    accents = [voices[name] for name in ("vi-north", "vi-central", "vi-south")]
    for digit in "0123456789":
        assert len({accent.characters[digit].pcmu for accent in accents}) == 3
