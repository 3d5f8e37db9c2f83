"""How alike two readings of one speaker are, whatever their pace: to tell a 6 from a 9 in a voice never heard before.

A matched filter finds a wave that it knows; nobody says a word twice with the same wave. So readings are compared as
mel-cepstra (Davis and Mermelstein, 1980), laid over each other by dynamic time warping (Sakoe and Chiba, 1978). One
speaker, one microphone and one sitting need no normalisation beyond that.
"""

from __future__ import annotations

from functools import cache
from math import log10

import numpy as np
from numpy.typing import NDArray

from onema.speech.g711 import SAMPLE_RATE
from onema.speech.samples import Samples

Sound = NDArray[np.float32]
"""A row of cepstral coefficients for each 10 ms."""

_WINDOW, _HOP, _FFT = 200, 80, 256
_BANDS, _COEFFICIENTS = 24, 12
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 3800.0
# -60 dB under a clip's usual level: what is quieter than that is room, and must not count as speech.
_FLOOR = 1e-6


def sound_of(audio: Samples) -> Sound:
    """Of 8 kHz speech without silence around it; at least one row."""
    padded = np.concatenate([audio, np.zeros(max(0, _WINDOW - len(audio)), dtype=np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    # Higher frequencies are weaker in speech and tell consonants apart.
    emphasised = windows - 0.95 * np.concatenate([windows[:, :1], windows[:, :-1]], axis=1)
    spectrum = np.abs(np.fft.rfft(emphasised * np.hamming(_WINDOW), _FFT)) ** 2
    bands = np.log(spectrum @ _mel_bands().T + _FLOOR * _FFT)
    return np.asarray(bands @ _cosines().T, dtype=np.float32)


def difference(one: Sound, other: Sound) -> float:
    """0.0 for the same sound. Two readings of a word differ by less than readings of two words."""
    costs = np.sqrt(((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2))
    rows, columns = costs.shape
    # Diagonals of the table, each computed at once from the two before it.
    before = np.full(rows + 1, np.inf)
    last = np.full(rows + 1, np.inf)
    before[0] = 0.0
    for diagonal in range(rows + columns - 1):
        first, end = max(0, diagonal - columns + 1), min(rows, diagonal + 1)
        row = np.arange(first, end)
        cost = costs[row, diagonal - row]
        reached = np.full(rows + 1, np.inf)
        # A step along both costs twice, so that no way is cheaper for being shorter.
        reached[first + 1 : end + 1] = np.minimum(
            np.minimum(last[first:end], last[first + 1 : end + 1]) + cost, before[first:end] + 2 * cost
        )
        before, last = last, reached
    return float(last[-1]) / float(rows + columns)


@cache
def _mel_bands() -> NDArray[np.float64]:
    def mel(hertz: float) -> float:
        return 2595.0 * log10(1 + hertz / 700)

    edges = 700 * (10 ** (np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), _BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))


@cache
def _cosines() -> NDArray[np.float64]:
    """Of the cosine transform, without the one for loudness."""
    band = np.arange(_BANDS) + 0.5
    return np.asarray(np.cos(np.pi / _BANDS * np.arange(1, _COEFFICIENTS + 1)[:, None] * band))
