import pytest

from onema.speech import Voices
from onema.speech.hearing.same_word import Sound, difference, sound_of
from onema.speech.making.take import take_of
from onema.speech.samples import from_g711

from .rooms import spoken, take


def again(voices: Voices, voice_id: str, line: str, pace: float, pitch: float) -> Sound:
    """The line read once more, faster and higher, through the microphone."""
    clip = take_of(take(spoken(voices[voice_id].lines[line], pace=pace, pitch=pitch)), line, "").clip
    assert clip is not None
    return sound_of(from_g711(clip.pcmu))


@pytest.mark.parametrize(("pace", "pitch"), [(0.85, 1.04), (1.2, 0.96)])
@pytest.mark.parametrize("voice_id", ["en", "vi-central", "vi-north", "vi-south", "zh"])
def test_a_second_reading_of_a_digit_is_most_like_the_first(
    voices: Voices, voice_id: str, pace: float, pitch: float
) -> None:
    """At another pace and pitch, among all digits and letters, by a margin."""
    first = {line: sound_of(from_g711(clip.pcmu)) for line, clip in voices[voice_id].characters.items()}
    for digit in "0123456789":
        second = again(voices, voice_id, digit, pace, pitch)
        others = min(difference(second, first[other]) for other in first if other != digit)
        assert difference(second, first[digit]) * 1.05 < others


def test_a_sound_differs_from_itself_by_nothing(voices: Voices) -> None:
    """And as much from another as that from it."""
    six, nine = (sound_of(from_g711(voices["vi-north"].characters[digit].pcmu)) for digit in "69")
    assert difference(six, six) == 0
    assert difference(six, nine) == pytest.approx(difference(nine, six))


def test_even_a_click_has_a_sound() -> None:
    """What is shorter than a window is filled up."""
    click = from_g711(bytes(3))
    assert difference(sound_of(click), sound_of(click)) == 0
