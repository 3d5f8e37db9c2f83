import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.speech.making.recording import LOUDNESS, RecordingError, clip_from_wav
from onema.speech.samples import from_g711, loudness
from onema.speech.wav import Wav, write


def recording(
    seconds: float = 1.0, sample_rate: int = 16000, channels: int = 1, hertz: float = 440, level: float = 0.05
) -> bytes:
    """Half a second of silence, a tone, half a second of silence."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pause = np.zeros(sample_rate // 2)
    audio = np.concatenate([pause, level * np.sin(2 * np.pi * hertz * time), pause])
    pcm = np.repeat((audio * 32767).astype("<i2"), channels)
    return write(Wav(sample_rate, channels, pcm.tobytes()))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_recording_becomes_a_trimmed_levelled_clip(sample_rate: int, channels: int) -> None:
    """Any usual rate, mono or stereo: 8 kHz, silence cut off, at the loudness of all clips, its tone kept."""
    clip = clip_from_wav(recording(sample_rate=sample_rate, channels=channels), "a tone")
    audio = from_g711(clip.pcmu)
    spectrum = np.abs(np.fft.rfft(audio))
    assert clip.text == "a tone"
    assert clip.seconds == pytest.approx(1.06, abs=0.04)
    assert loudness(audio) == pytest.approx(LOUDNESS, rel=0.05)
    assert int(np.argmax(spectrum)) * 8000 / len(audio) == pytest.approx(440, abs=2)


def test_what_a_telephone_cannot_carry_does_not_fold_back() -> None:
    """A whistle at 6 kHz beside the tone leaves nothing at 2 kHz."""
    time = np.arange(48000) / 48000
    audio = 0.1 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 6000 * time)
    clip = clip_from_wav(write(Wav(48000, 1, (audio * 32767).astype("<i2").tobytes())), "")
    spectrum = np.abs(np.fft.rfft(from_g711(clip.pcmu)))
    at = len(clip.pcmu) * 2000 // 8000
    assert spectrum[at - 20 : at + 20].max() < spectrum.max() / 100


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a WAV file"),
        (b"ID3\x04 an mp3 file", "not a WAV file"),
        (b"RIFF\x04\x00\x00\x00WAVE", "no audio data"),
        (b"RIFF\x0c\x00\x00\x00WAVEdata\x00\x00\x00\x00", "no format"),
        (recording(sample_rate=4000), "sample rate"),
        (recording(sample_rate=96000), "sample rate"),
        (recording(seconds=30), "long"),
        (recording(channels=4), "mono or stereo"),
        (recording(level=0), "nothing is heard"),
        (recording(seconds=0), "nothing is heard"),
        (write(Wav(8000, 1, b"")), "nothing is heard"),
        (recording().replace(struct.pack("<HH", 2, 16), struct.pack("<HH", 3, 24), 1), "16-bit"),
        (recording().replace(b"fmt \x10\x00\x00\x00\x01", b"fmt \x10\x00\x00\x00\x03", 1), "16-bit"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """The person who uploads reads why."""
    with pytest.raises(RecordingError, match=reason):
        clip_from_wav(data, "")


@given(st.binary(max_size=200), st.integers(0, 60))
def test_rubbish_is_refused_and_never_crashes(rubbish: bytes, kept: int) -> None:
    """Whatever follows the beginning of a WAV file, the answer is a clip or a RecordingError."""
    with suppress(RecordingError):
        assert clip_from_wav(recording()[:kept] + rubbish, "").seconds <= 30


def test_extensible_format_and_unknown_chunks_are_read() -> None:
    """Recorders on Windows write WAVE_FORMAT_EXTENSIBLE, others put notes before the audio."""
    plain = recording(sample_rate=8000)
    fmt = b"\xfe\xff" + plain[22:36] + struct.pack("<HHI", 22, 16, 4) + b"\x01\x00" + bytes(14)
    chunks = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"LIST\x03\x00\x00\x00abc\x00" + plain[36:]
    assert clip_from_wav(b"RIFF" + struct.pack("<I", len(chunks)) + chunks, "").seconds > 1
