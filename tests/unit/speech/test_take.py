import numpy as np
import pytest

from onema.speech import Voices
from onema.speech.making.recording import LOUDNESS
from onema.speech.making.take import Fault, peaks_of, take_of
from onema.speech.pack import SENTENCE
from onema.speech.samples import Samples, from_g711, loudness

from .rooms import RATE, spoken, take


def faults(data: bytes, line: str = "6") -> tuple[Fault, ...]:
    return take_of(data, line, "sáu").faults


def six(voices: Voices, level: float = 0.5) -> Samples:
    return spoken(voices["vi-north"].characters["6"], level=level)


@pytest.mark.parametrize("level", [0.06, 0.2, 1.0])
def test_a_good_take_becomes_a_clip_like_all_others(voices: Voices, level: float) -> None:
    """Trimmed to the word, as loud as every clip, at whatever distance it was read."""
    found = take_of(take(six(voices, level)), "6", "sáu")
    assert found.faults == ()
    assert found.clip is not None
    assert found.clip.text == "sáu"
    assert found.clip.seconds == pytest.approx(voices["vi-north"].characters["6"].seconds, abs=0.1)
    assert loudness(from_g711(found.clip.pcmu)) == pytest.approx(LOUDNESS, rel=0.15)


@pytest.mark.parametrize("voice_id", ["en", "vi-central", "vi-north", "vi-south", "zh"])
def test_every_line_of_every_voice_is_a_good_take(voices: Voices, voice_id: str) -> None:
    """None of the bounds is so narrow that a word of a language does not pass."""
    for line, clip in voices[voice_id].lines.items():
        assert faults(take(spoken(clip, pace=0.95)), line) == (), line


def test_what_is_wrong_with_a_take_is_named(voices: Voices) -> None:
    """One fault each, so that the reader knows what to do."""
    word = six(voices)
    sentence = spoken(voices["vi-north"].sentence)
    assert faults(take(word * 0)) == (Fault.NOTHING,)
    assert faults(take(word * 0, noise=0)) == (Fault.NOTHING,)
    assert faults(take(word * np.float32(0.02), noise=0.00004)) == (Fault.QUIET,)
    assert faults(take(word * 8)) == (Fault.CLIPPED,)
    assert faults(take(word, before=0)) == (Fault.CUT_OFF,)
    assert faults(take(word, after=0)) == (Fault.CUT_OFF,)
    assert faults(take(word, noise=0.02)) == (Fault.NOISE,)
    assert faults(take(word, word)) == (Fault.APART,)
    assert faults(take(word[: RATE // 12] * np.float32(1.5))) == (Fault.SHORT,)
    assert Fault.LONG in faults(take(sentence))


def test_a_sentence_may_have_a_breath_in_it(voices: Voices) -> None:
    """Both parts of it are kept."""
    half = spoken(voices["vi-north"].sentence)
    found = take_of(take(half, half, pause=0.5), SENTENCE, "")
    assert found.faults == ()
    assert found.clip is not None
    assert found.clip.seconds > 2 * voices["vi-north"].sentence.seconds


def test_a_click_of_a_key_beside_the_word_is_cut_away(voices: Voices) -> None:
    """Whoever records presses keys; that is neither a fault nor in the clip."""
    click = np.zeros(RATE // 50, dtype=np.float32)
    click[:200] = 0.3 * np.sin(np.arange(200))
    found = take_of(take(click, six(voices), click), "6", "sáu")
    assert found.faults == ()
    assert found.clip is not None
    assert found.clip.seconds < 0.8


def test_mains_hum_is_no_part_of_a_word(voices: Voices) -> None:
    """50 Hz at a tenth of the speech is filtered, and the trimming is not misled."""
    word = six(voices)
    at = np.arange(len(word) + RATE) / RATE
    hum = (0.03 * np.sin(2 * np.pi * 50 * at)).astype(np.float32)
    hum[RATE // 2 : RATE // 2 + len(word)] += word
    found = take_of(take(hum, before=0, after=0), "6", "sáu")
    assert found.faults == ()
    assert found.clip is not None
    assert found.clip.seconds < 0.8


def test_the_picture_of_a_take_has_as_many_bars_as_asked_for(voices: Voices) -> None:
    """None above 1."""
    peaks = peaks_of(voices["vi-north"].characters["6"], 72)
    assert len(peaks) == 72
    assert max(peaks) <= 1
