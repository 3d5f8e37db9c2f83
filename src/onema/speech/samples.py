"""Audio as numpy arrays, for the few places that compute with it. Importing this module loads numpy."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from onema.speech import g711
from onema.speech.g711 import SAMPLE_RATE, Law

Samples = NDArray[np.float32]
"""One channel, between -1 and 1."""


def from_pcm(pcm: bytes) -> Samples:
    """16-bit little-endian PCM."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


def from_g711(data: bytes, law: Law = Law.PCMU) -> Samples:
    return from_pcm(g711.decode(data, law))


def to_pcmu(samples: Samples) -> bytes:
    pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
    return g711.encode(pcm.tobytes(), Law.PCMU)


def resampled(samples: Samples, sample_rate: int) -> Samples:
    """To 8 kHz, by cutting the spectrum: a sharp filter at the telephone's edge, without a filter design."""
    if sample_rate == SAMPLE_RATE or not len(samples):
        return samples
    # Silence behind keeps the end from ringing into the beginning, and makes the new length a whole number: a
    # spectrum that is cut anywhere else changes the pace.
    whole = sample_rate // gcd(sample_rate, SAMPLE_RATE)
    silence = sample_rate // 10 + -(len(samples) + sample_rate // 10) % whole
    padded = np.concatenate([samples, np.zeros(silence, dtype=np.float32)])
    length = len(padded) * SAMPLE_RATE // sample_rate
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(length // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    hertz = np.arange(shared) * (sample_rate / len(padded))
    kept[:shared] = spectrum[:shared] * np.clip((3900 - hertz) / 300, 0, 1)
    wave = np.fft.irfft(kept, length) * (length / len(padded))
    return wave[: round(len(samples) * SAMPLE_RATE / sample_rate)].astype(np.float32)


def without_rumble(samples: Samples) -> Samples:
    """8 kHz samples without what is below speech: mains, traffic, a hand on the table."""
    if not len(samples):
        return samples
    padded = np.concatenate([samples, np.zeros(SAMPLE_RATE // 10, dtype=np.float32)])
    spectrum = np.fft.rfft(padded)
    hertz = np.fft.rfftfreq(len(padded), 1 / SAMPLE_RATE)
    wave = np.fft.irfft(spectrum * np.clip((hertz - 50) / 50, 0, 1), len(padded))
    return wave[: len(samples)].astype(np.float32)


def loudness(samples: Samples) -> float:
    """Root mean square of the speech: of the 20 ms windows within 20 dB of the loudest."""
    energy = window_energy(samples)
    if not len(energy) or energy.max() == 0:
        return 0.0
    return float(np.sqrt(energy[energy > energy.max() / 100].mean()))


def window_energy(samples: Samples, seconds: float = 0.02) -> NDArray[np.float64]:
    """Mean square of each whole window."""
    size = round(seconds * SAMPLE_RATE)
    whole = len(samples) // size
    squares = samples[: whole * size].astype(np.float64).reshape(whole, size) ** 2
    return np.asarray(squares.mean(axis=1), dtype=np.float64)
