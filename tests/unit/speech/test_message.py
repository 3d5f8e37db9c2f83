import io
import subprocess
import sys
import wave

import pytest

from onema.speech import Clip, Law, UnspeakableCodeError, Voices, speak
from onema.speech.message import groups, rounded_rate
from onema.speech.stretched_clips import STRETCHED, StretchedClips

SILENCE = bytes([Law.PCMU.silence]) * 160


def spoken_frames(frames: tuple[bytes, ...]) -> list[bytes]:
    return [frame for frame in frames if frame != SILENCE]


@pytest.mark.parametrize("rate", [0.8, 1.0, 1.4])
def test_twice_as_many_repeats_are_twice_as_much_speech(voices: Voices, rate: float) -> None:
    """Every repeat says the sentence and the code again, the same way."""
    once = spoken_frames(speak(voices["vi-north"], "0493", rate=rate).frames())
    twice = spoken_frames(speak(voices["vi-north"], "0493", rate=rate, times=2).frames())
    assert twice == once * 2


def test_message_is_sentence_characters_and_sentence_after(voices: Voices) -> None:
    """The clips come in order, a leading zero included."""
    voice, after = voices["en"], Clip.padded("thank you", b"\x10" * 320)
    clips = [clip for clip in speak(voice, "07b", after=after).clips if clip.text]
    expected = [voice.sentence, *(voice.characters[key] for key in "07B"), after]
    assert clips == expected


def test_own_sentence_takes_the_place_of_the_voices_own(voices: Voices) -> None:
    """An application's sentence is played instead of the default one."""
    own = Clip.padded("own", b"\x10" * 320)
    clips = speak(voices["zh"], "1", before=own).clips
    assert own in clips
    assert voices["zh"].sentence not in clips


def test_letters_are_read_in_any_case(voices: Voices) -> None:
    """A code is spoken alike in upper and lower case."""
    assert speak(voices["en"], "aZ9").pcmu == speak(voices["en"], "Az9").pcmu


@pytest.mark.parametrize("code", ["", "12 34", "12-34", "mã", "١٢٣", "ß"])
def test_what_has_no_clip_is_refused_without_telling_the_code(voices: Voices, code: str) -> None:
    """The error may be logged; the code may not."""
    with pytest.raises(UnspeakableCodeError) as refusal:
        speak(voices["en"], code)
    assert not code or code not in str(refusal.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1", ["1"]),
        ("123", ["123"]),
        ("1234", ["12", "34"]),
        ("12345", ["123", "45"]),
        ("123456", ["123", "456"]),
        ("1234567", ["123", "45", "67"]),
        ("12345678", ["123", "456", "78"]),
    ],
)
def test_codes_are_grouped_in_threes_and_no_character_stands_alone(code: str, expected: list[str]) -> None:
    """A pause after three, or two and two."""
    assert groups(code) == expected


@pytest.mark.parametrize("law", [Law.PCMU, Law.PCMA])
def test_frames_are_20_ms_of_the_same_audio(voices: Voices, law: Law) -> None:
    """160 bytes each, as many as the seconds say."""
    message = speak(voices["vi-south"], "204817", times=2, rate=1.2)
    frames = message.frames(law)
    assert {len(frame) for frame in frames} == {160}
    assert len(frames) == pytest.approx(message.seconds * 50)


def test_wav_is_the_whole_message_as_any_player_reads_it(voices: Voices) -> None:
    """8 kHz, 16-bit, mono, as long as the frames."""
    message = speak(voices["vi-central"], "204817")
    with wave.open(io.BytesIO(message.wav())) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() == len(message.pcmu)


def test_peaks_show_speech_and_pauses(voices: Voices) -> None:
    """As many bars as asked for, quiet where nothing is said, none above 1."""
    peaks = speak(voices["en"], "204817").peaks(200)
    assert len(peaks) == 200
    assert peaks[0] < 0.01
    assert 0.3 < max(peaks) <= 1.0


@pytest.mark.parametrize(("rate", "expected"), [(1, 1.0), (0.5, 0.5), (0.81, 0.8), (1.43, 1.45), (2.0, 2.0)])
def test_rates_are_rounded_to_steps_of_a_twentieth(rate: float, expected: float) -> None:
    """So that stretched clips are soon all remembered."""
    assert rounded_rate(rate) == expected


@pytest.mark.parametrize("rate", [0.49, 2.01, float("nan"), float("inf"), -1.0])
def test_rates_outside_half_to_double_are_refused(voices: Voices, rate: float) -> None:
    """Dialects check first; the message does not trust them."""
    with pytest.raises(ValueError, match="rate"):
        speak(voices["en"], "1", rate=rate)


@pytest.mark.parametrize("rate", [1.0, 1.4])
def test_joining_costs_no_synthesis(voices: Voices, rate: float) -> None:
    """Once its clips are in memory at that rate, a message is made of them: the very same frames, none computed.
    `./dev bench speech` says what that costs.
    """
    voice = voices["vi-north"]
    first = speak(voice, "0123456789", rate=rate).frames(Law.PCMA)
    stretched_before = STRETCHED.made
    known = set(map(id, first))
    again = speak(voice, "9876543210", times=2, rate=rate).frames(Law.PCMA)
    assert STRETCHED.made == stretched_before
    silence = again[0]
    assert all(id(frame) in known or frame == silence for frame in again)


@pytest.mark.parametrize("rate", [0.5, 0.75, 1.0, 1.35, 2.0])
def test_the_length_is_known_without_stretching(voices: Voices, rate: float) -> None:
    """Placing a call asks for it in the midst of all others; it is the length that is heard."""
    before = STRETCHED.made
    message = speak(voices["vi-south"], "0123456789ABCXYZ", times=2, rate=rate)
    seconds = message.seconds
    assert STRETCHED.made == before
    assert seconds == pytest.approx(sum(clip.seconds for clip in message.clips))


def test_stretched_clips_are_bounded_in_bytes() -> None:
    """The one that was longest unused goes; what is kept is not made again."""
    clips = [Clip("", bytes([number]) * 1_600) for number in range(4)]
    kept = StretchedClips(limit=1_600)
    _, _, third, _ = (kept.at_rate(clip, 2.0) for clip in clips)
    assert kept.bytes_kept == 1_600
    assert kept.at_rate(clips[2], 2.0) is third
    assert kept.made == 4
    kept.at_rate(clips[0], 2.0)
    assert (kept.made, kept.bytes_kept) == (5, 1_600)


def test_speaking_at_the_usual_rate_does_not_load_numpy() -> None:
    """A server that joins clips as they are does not pay numpy's memory, nor does one that never speaks."""
    program = (
        "import sys; from onema.speech import Law, Voices, speak; voices = Voices.load();"
        "message = speak(voices.for_language('vi'), '0481', times=2);"
        "message.frames(Law.PCMA), message.wav(), message.peaks(100);"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
