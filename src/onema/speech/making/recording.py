from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onema.speech import wav
from onema.speech.clip import Clip
from onema.speech.g711 import SAMPLE_RATE

if TYPE_CHECKING:
    from onema.speech.samples import Samples

MAX_SECONDS = 30.0
MIN_SECONDS = 0.1
SAMPLE_RATES = (8_000, 48_000)
CHARACTER_SECONDS = (0.16, 1.2)
"""A character shorter than this is a click, a longer one was cut badly; the longest built-in one is Vietnamese
"em-mờ" or English "double-u".
"""
SENTENCE_SECONDS = (0.5, 10.0)

LOUDNESS = 0.14
"""Root mean square of the speech in a clip, full scale 1.0: -17 dB, so that all clips are equally loud."""
PEAK = 0.95
_FADE = SAMPLE_RATE // 100
# What is 40 dB below the loudest window is breath and room; 30 ms around the speech keep soft consonants.
_FLOOR = 1e-4
_MARGIN = 0.03
_WINDOW = 0.01


class RecordingError(ValueError):
    """The recording cannot be used; the text says why, for the person who uploaded it."""


@dataclass(frozen=True)
class Mono:
    samples: Samples
    sample_rate: int


def clip_from_wav(data: bytes, text: str) -> Clip:
    """A WAV file (8 to 48 kHz, mono or stereo, 16-bit, at most 30 s) as a clip: trimmed, levelled, 8 kHz.

    Raises RecordingError.
    """
    from onema.speech import samples

    mono = mono_from_wav(data)
    return Clip.padded(text, samples.to_pcmu(prepared(samples.resampled(mono.samples, mono.sample_rate))))


def mono_from_wav(data: bytes) -> Mono:
    """One channel of such a file. Raises RecordingError."""
    try:
        audio = wav.read(data)
    except wav.WavError as error:
        raise RecordingError(str(error)) from error
    lowest, highest = SAMPLE_RATES
    if not lowest <= audio.sample_rate <= highest:
        raise RecordingError(f"the sample rate is {audio.sample_rate} Hz, not between {lowest} and {highest}")
    if audio.seconds > MAX_SECONDS:
        raise RecordingError(f"the recording is {audio.seconds:.0f} s long, more than {MAX_SECONDS:.0f} s")

    from onema.speech import samples

    # A stereo file is often one microphone on one side, which the mean halves; levelling makes that good.
    mono = samples.from_pcm(audio.pcm).reshape(-1, audio.channels).mean(axis=1)
    return Mono(mono, audio.sample_rate)


def prepared(audio: Samples) -> Samples:
    """8 kHz samples without the silence around them, faded for 10 ms at both ends, at the common loudness."""
    trimmed = _trimmed(audio)
    if len(trimmed) < MIN_SECONDS * SAMPLE_RATE:
        raise RecordingError("nothing is heard in the recording")
    return _levelled(_faded(trimmed))


def _trimmed(audio: Samples) -> Samples:
    import numpy as np

    from onema.speech import samples

    # A constant offset of a cheap sound card is no sound.
    audio = audio - np.float32(audio.mean() if len(audio) else 0)
    energy = samples.window_energy(audio, _WINDOW)
    # -60 dB: quieter than that is a muted microphone.
    if not len(energy) or energy.max() < 1e-6:
        return audio[:0]
    loud = np.nonzero(energy > energy.max() * _FLOOR)[0]
    start = int((loud[0] * _WINDOW - _MARGIN) * SAMPLE_RATE)
    end = int(((loud[-1] + 1) * _WINDOW + _MARGIN) * SAMPLE_RATE)
    return audio[max(0, start) : end]


def _faded(audio: Samples) -> Samples:
    import numpy as np

    ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
    faded = audio.copy()
    faded[:_FADE] *= ramp
    faded[-_FADE:] *= ramp[::-1]
    return faded


def _levelled(audio: Samples) -> Samples:
    import numpy as np

    from onema.speech import samples

    gain = LOUDNESS / samples.loudness(audio)
    return audio * np.float32(min(gain, PEAK / float(np.abs(audio).max())))


def main() -> int:
    """`python -m onema.speech.making.recording`: a WAV file on stdin, a clip's mu-law bytes on stdout."""
    try:
        clip = clip_from_wav(sys.stdin.buffer.read(), "")
    except RecordingError as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(clip.pcmu)
    return 0


if __name__ == "__main__":
    sys.exit(main())
