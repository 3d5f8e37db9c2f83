"""What was said, by matched filter: each clip of the voice is looked for in the audio.

The likeness is the normalised cross-correlation, 1.0 for the same wave at any loudness. It is how tests and
the self-test call know that a listener got the code; it hears only the voice and rate that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from onema.speech import samples, wav
from onema.speech.clip import Clip
from onema.speech.g711 import SAMPLE_RATE, Law
from onema.speech.message import BETWEEN_GROUPS, BETWEEN_REPEATS, rounded_rate
from onema.speech.pack import Voice
from onema.speech.samples import Samples
from onema.speech.stretched_clips import STRETCHED

THRESHOLD = 0.75
_BLOCK = 16384
# 1 s; longer characters do not occur (onema.speech.hearing.verify).
_LONGEST = SAMPLE_RATE
_SENTENCE = ""
# Below this the window is silence or comfort noise, where likeness means nothing.
_QUIET = 0.003
# Packets that were lost are silence of 10 to 120 ms in both laws; pauses between characters are longer.
_SILENT = 16 / 32768
_SHORTEST_GAP, _LONGEST_GAP = SAMPLE_RATE // 100, SAMPLE_RATE * 12 // 100
_AT_PAUSES = SAMPLE_RATE * 4 // 100
# What came of a clip must be so much of its energy to be known by.
_LEAST_SHARE = 0.3


@dataclass(frozen=True)
class Heard:
    """One character, where it begins, and how alike it is (0.0 to 1.0)."""

    character: str
    seconds: float
    likeness: float


@dataclass(frozen=True)
class Transcript:
    """All characters in order, and the codes that they make: one for each repeat."""

    characters: tuple[Heard, ...]
    codes: tuple[str, ...]

    @property
    def code(self) -> str | None:
        """The code, where all repeats agree."""
        return self.codes[0] if len(set(self.codes)) == 1 else None


def hear_wav(data: bytes, voice: Voice, rate: float = 1.0, beside: Sequence[Clip] = ()) -> Transcript:
    """From a WAV file as `SpokenMessage.wav()` makes it, or a recording of a call."""
    audio = wav.read(data)
    channels = samples.from_pcm(audio.pcm).reshape(-1, audio.channels).mean(axis=1, dtype=np.float32)
    return hear(samples.resampled(channels, audio.sample_rate), voice, rate, beside)


def hear_frames(
    frames: Iterable[bytes], law: Law, voice: Voice, rate: float = 1.0, beside: Sequence[Clip] = ()
) -> Transcript:
    """From the G.711 frames of a call."""
    return hear(samples.from_g711(b"".join(frames), law), voice, rate, beside)


def hear(audio: Samples, voice: Voice, rate: float = 1.0, beside: Sequence[Clip] = ()) -> Transcript:
    """From 8 kHz samples. `rate` is the one that the message was spoken at.

    `beside` are the sentences before and after the code, where they are not the voice's own: they are
    recognised and left out, for a sentence may well have the sound of a letter in it.
    """
    pace = rounded_rate(rate)
    templates = _templates((voice.sentence, *beside), tuple(voice.characters.items()), pace)
    heard = _without_overlaps(_candidates(audio, templates), templates)
    # Between two repeats lie the pause and a sentence; within a code no pause is longer than between groups.
    split = (BETWEEN_GROUPS + BETWEEN_REPEATS) / 2 / pace
    codes: list[str] = []
    ended = float("-inf")
    for one in heard:
        if one.seconds - ended > split:
            codes.append("")
        codes[-1] += one.character
        ended = one.seconds + templates.covers[templates.names.index(one.character)] / SAMPLE_RATE
    return Transcript(tuple(heard), tuple(codes))


@dataclass(frozen=True)
class _Templates:
    """Unit waves as conjugate spectra. A sentence is found by its first second but covers all its length."""

    names: tuple[str, ...]
    lengths: tuple[int, ...]
    covers: tuple[int, ...]
    spectra: NDArray[np.complex64]
    energies: NDArray[np.complex64]
    """Of the squares of the waves, each of which sums up to 1."""


@lru_cache(maxsize=16)
def _templates(
    sentences: tuple[Clip, ...], characters: tuple[tuple[str, Clip], ...], pace: float
) -> _Templates:
    named = [*((_SENTENCE, clip) for clip in sentences), *characters]
    waves = [np.trim_zeros(samples.from_g711(STRETCHED.at_rate(clip, pace).pcmu)) for _, clip in named]
    heads = [wave[:_LONGEST] for wave in waves]
    padded = np.zeros((len(heads), _BLOCK), dtype=np.float32)
    for row, head in zip(padded, heads, strict=True):
        row[: len(head)] = head / np.linalg.norm(head)
    return _Templates(
        names=tuple(name for name, _ in named),
        lengths=tuple(map(len, heads)),
        covers=tuple(map(len, waves)),
        spectra=np.conj(np.fft.rfft(padded)).astype(np.complex64),
        energies=np.conj(np.fft.rfft(padded**2)).astype(np.complex64),
    )


def _candidates(audio: Samples, templates: _Templates) -> list[tuple[float, int, int]]:
    """(likeness, start, index of template) of every local maximum above the threshold."""
    longest = max(templates.lengths)
    step = _BLOCK - longest
    padded = np.concatenate([audio, np.zeros(_BLOCK, dtype=np.float32)])
    lost = np.concatenate([_gaps(audio), np.zeros(_BLOCK, dtype=np.bool_)])
    found: list[tuple[float, int, int]] = []
    for offset in range(0, len(audio), step):
        block = padded[offset : offset + _BLOCK]
        if np.abs(block).max() < _QUIET:
            continue
        products = np.fft.irfft(np.fft.rfft(block) * templates.spectra, _BLOCK)[:, :step]
        came = _share_that_came(lost[offset : offset + _BLOCK], templates)
        if came is not None:
            # A clip is compared with what came of it, as a listener would.
            products = products / np.sqrt(came[:, :step])
        squares = np.concatenate([[0.0], np.cumsum(block.astype(np.float64) ** 2)])
        for index, length in enumerate(templates.lengths):
            energy = squares[length : length + step] - squares[:step]
            likeness = products[index] / np.sqrt(np.maximum(energy, length * _QUIET**2))
            found += [
                (float(likeness[at]), offset + int(at), index) for at in np.nonzero(likeness > THRESHOLD)[0]
            ]
    return found


def _gaps(audio: Samples) -> NDArray[np.bool_]:
    """Where packets were lost."""
    silent = np.concatenate([[False], np.abs(audio) <= _SILENT, [False]])
    edges = np.flatnonzero(silent[1:] != silent[:-1]).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    gaps = np.zeros(len(audio), dtype=np.bool_)
    within = (lengths >= _SHORTEST_GAP) & (lengths <= _LONGEST_GAP)
    if not within.any():
        return gaps
    for start, end in edges[within]:
        gaps[start:end] = True
    # Where some were lost, the pauses may have begun or ended with one.
    for start, end in edges[lengths > _LONGEST_GAP]:
        gaps[start : start + _AT_PAUSES] = gaps[end - _AT_PAUSES : end] = True
    return gaps


def _share_that_came(lost: NDArray[np.bool_], templates: _Templates) -> NDArray[np.float64] | None:
    """How much of each template's energy would have come, for each place where it may begin; None: all. Where too
    little came, all is asked for.
    """
    if not lost.any():
        return None
    share = np.fft.irfft(np.fft.rfft(~lost) * templates.energies, _BLOCK)
    return np.where(share < _LEAST_SHARE, 1.0, np.minimum(share, 1.0))


def _without_overlaps(found: list[tuple[float, int, int]], templates: _Templates) -> list[Heard]:
    """Sentences first, then the most alike; what overlaps by over a quarter of either is the same sound."""
    taken: list[tuple[int, int]] = []
    heard: list[Heard] = []
    found.sort(key=lambda one: (templates.names[one[2]] != _SENTENCE, -one[0]))
    for likeness, start, index in found:
        end = start + templates.covers[index]
        if all(min(end, to) - max(start, since) <= min(end - start, to - since) / 4 for since, to in taken):
            taken.append((start, end))
            heard.append(Heard(templates.names[index], start / SAMPLE_RATE, likeness))
    return sorted((one for one in heard if one.character != _SENTENCE), key=lambda one: one.seconds)
