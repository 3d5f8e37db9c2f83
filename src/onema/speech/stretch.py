"""Faster or slower speech at the same pitch: WSOLA (Verhelst and Roelands, 1993).

Windows of the input are laid over each other at another distance than they were taken; each is taken where it
continues the wave before it best, so that periods of the voice stay whole.
"""

from __future__ import annotations

import numpy as np

from onema.speech import samples
from onema.speech.clip import Clip
from onema.speech.samples import Samples

_WINDOW = 256
_HOP = _WINDOW // 2
# 10 ms to each side: the longest period of a low voice (100 Hz) fits once.
_SEARCH = 80


def stretched(clip: Clip, rate: float) -> Clip:
    """The clip, `rate` times as fast."""
    return Clip.padded(clip.text, samples.to_pcmu(stretch(samples.from_g711(clip.pcmu), rate)))


def stretch(audio: Samples, rate: float) -> Samples:
    """`len(audio) / rate` samples of the same voice."""
    length = round(len(audio) / rate)
    if rate == 1.0 or not length:
        return audio
    margin = np.zeros(_WINDOW + _SEARCH, dtype=np.float32)
    source = np.concatenate([margin, audio, margin, margin])
    window = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)
    output = np.zeros(length + 3 * _WINDOW, dtype=np.float32)
    last = len(source) - _WINDOW - _HOP - _SEARCH
    taken = len(margin) - _HOP
    for place in range(0, length + _WINDOW, _HOP):
        wanted = min(len(margin) - _HOP + round(place * rate), last)
        if place:
            taken = _best_start(source, wanted, source[taken + _HOP : taken + _HOP + _WINDOW])
        output[place : place + _WINDOW] += source[taken : taken + _WINDOW] * window
    return output[_HOP : _HOP + length]


def _best_start(source: Samples, wanted: int, continuation: Samples) -> int:
    """Where near `wanted` the input looks most like what would have come next."""
    region = source[wanted - _SEARCH : wanted + _SEARCH + _WINDOW]
    squares = np.concatenate([np.zeros(1, dtype=np.float32), np.cumsum(region * region)])
    energy = squares[_WINDOW:] - squares[:-_WINDOW]
    likeness = np.correlate(region, continuation, "valid") / np.sqrt(energy + 1e-6)
    return wanted - _SEARCH + int(np.argmax(likeness))
