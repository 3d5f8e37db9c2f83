"""One reading of one line: what of it a clip is made from, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from onema.speech import wav
from onema.speech.clip import Clip
from onema.speech.g711 import SAMPLE_RATE
from onema.speech.making import recording
from onema.speech.making.recording import CHARACTER_SECONDS, SENTENCE_SECONDS, RecordingError
from onema.speech.pack import SENTENCE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onema.speech.samples import Samples


class Fault(StrEnum):
    """Why a take is to be read again."""

    NOTHING = "nothing"
    QUIET = "quiet"
    CLIPPED = "clipped"
    CUT_OFF = "cut off"
    NOISE = "noise"
    APART = "apart"
    """Two sounds with a pause between, of which at most one is the line."""
    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True)
class Take:
    """`clip` is what a phone would carry; None where nothing is heard. Without faults it may be kept."""

    clip: Clip | None
    faults: tuple[Fault, ...]


_WINDOW = 0.01
_MUTED = 1e-7
"""-70 dB: no microphone in a room is as silent."""
# Speech at a laptop's microphone is 15 dB louder.
_QUIET = 0.006
_CLIPPED_AT, _CLIPPED_SAMPLES = 0.985, 4
_AT_THE_EDGE = 0.03
_PAUSE = 0.35
# A sound beside the word that is 25 dB weaker, or as short as a click of a key, is cut away and not complained about.
_BESIDE, _CLICK = 10**-2.5, 0.05
_LEAST_SIGNAL_TO_NOISE = 20.0
_LEAST_ROOM = 0.15


def take_of(data: bytes, line: str, text: str) -> Take:
    """A take from a WAV file of `recording.clip_from_wav`'s kinds. Raises RecordingError."""
    import numpy as np

    from onema.speech import samples

    audio = recording.mono_from_wav(data)
    is_clipped = _is_clipped(audio.samples)
    at_8_khz = samples.without_rumble(samples.resampled(audio.samples, audio.sample_rate))
    energy = samples.window_energy(at_8_khz, _WINDOW)
    if not len(energy) or energy.max() < _MUTED:
        return Take(None, (Fault.NOTHING,))
    sounds = _sounds(energy)
    first, end = max(sounds, key=lambda sound: float(energy[sound[0] : sound[1]].sum()))
    apart = [sound for sound in sounds if sound != (first, end) and _is_heard(energy, sound, (first, end))]
    if line == SENTENCE and apart:
        # A sentence may be spoken with a breath in it.
        first, end, apart = min(first, apart[0][0]), max(end, apart[-1][1]), []
    room = np.concatenate([energy[:first], energy[end:]])
    try:
        speech = recording.prepared(_cut(at_8_khz, first, end))
    except RecordingError:
        return Take(None, (Fault.NOTHING,))
    clip = Clip.padded(text, samples.to_pcmu(speech))
    quiet = float(np.sqrt(energy[first:end].max())) < _QUIET
    is_cut = first * _WINDOW < _AT_THE_EDGE or end * _WINDOW > len(at_8_khz) / SAMPLE_RATE - _AT_THE_EDGE
    shortest, longest = SENTENCE_SECONDS if line == SENTENCE else CHARACTER_SECONDS
    found = {
        Fault.CLIPPED: is_clipped,
        Fault.CUT_OFF: is_cut,
        Fault.QUIET: quiet,
        Fault.NOISE: not quiet and _is_noisy(energy[first:end], room),
        Fault.APART: bool(apart),
        # The bounds are those of clips, of which what is around the word is no word.
        Fault.SHORT: (end - first) * _WINDOW < shortest - 2 * _AT_THE_EDGE,
        Fault.LONG: clip.seconds > longest,
    }
    return Take(clip, tuple(fault for fault, is_so in found.items() if is_so))


def _is_clipped(audio: Samples) -> bool:
    """Whether the wave stays at its limit for several samples."""
    import numpy as np

    at_limit = np.abs(audio) >= _CLIPPED_AT
    runs = np.convolve(at_limit, np.ones(_CLIPPED_SAMPLES, dtype=np.int32), "valid")
    return bool(len(runs)) and bool(runs.max() == _CLIPPED_SAMPLES)


def _sounds(energy: NDArray[np.float64]) -> list[tuple[int, int]]:
    """First window and end of each stretch that is louder than the room; a pause within a word belongs to it."""
    import numpy as np

    # The quietest tenth is the room: who reads a line leaves that much around it. -40 dB is breath at any rate.
    floor = max(
        float(energy.max()) * 1e-4, min(float(np.quantile(energy, 0.1)) * 6, float(energy.max()) * 1e-2)
    )
    loud = np.nonzero(energy > floor)[0]
    breaks = np.nonzero(np.diff(loud) > _PAUSE / _WINDOW)[0]
    starts, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(loud) - 1]])
    return [(int(loud[start]), int(loud[end]) + 1) for start, end in zip(starts, ends, strict=True)]


def _is_heard(energy: NDArray[np.float64], sound: tuple[int, int], word: tuple[int, int]) -> bool:
    length = (sound[1] - sound[0]) * _WINDOW
    loudest = float(energy[sound[0] : sound[1]].max())
    return length > _CLICK and loudest > float(energy[word[0] : word[1]].max()) * _BESIDE


def _cut(audio: Samples, first: int, end: int) -> Samples:
    size = round(_WINDOW * SAMPLE_RATE)
    # Soft consonants at both ends drown in the room before they end.
    margin = 5 * size
    return audio[max(0, first * size - margin) : end * size + margin]


def _is_noisy(speech: NDArray[np.float64], room: NDArray[np.float64]) -> bool:
    import numpy as np

    if len(room) * _WINDOW < _LEAST_ROOM:
        return False
    # The median: a click beside the word is no noise.
    noise = max(float(np.median(room)), 1e-12)
    spoken = float(speech[speech > speech.max() / 100].mean())
    return 10 * float(np.log10(spoken / noise)) < _LEAST_SIGNAL_TO_NOISE


def peaks_of(clip: Clip, count: int) -> list[float]:
    """For a picture of the wave."""
    return [round(peak, 3) for peak in wav.peaks(clip.pcmu, count)]
