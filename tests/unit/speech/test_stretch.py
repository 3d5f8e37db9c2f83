import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.speech import Voices
from onema.speech.samples import Samples, from_g711, window_energy
from onema.speech.stretch import stretch


def pitch(audio: Samples) -> float:
    """Hertz of the voice in the loudest 60 ms, by autocorrelation."""
    centre = int(np.argmax(np.convolve(window_energy(audio), np.ones(3), "valid"))) * 160
    part = audio[centre : centre + 480].astype(np.float64)
    likeness = np.correlate(part, part, "full")[len(part) - 1 :]
    shortest, longest = 8000 // 400, 8000 // 60
    return 8000 / (shortest + int(np.argmax(likeness[shortest:longest])))


def tone(hertz: float, seconds: float) -> Samples:
    time = np.arange(round(seconds * 8000)) / 8000
    wave = sum(np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in (1, 2, 3))
    return (0.2 * np.asarray(wave)).astype(np.float32)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.4, 2.0])
@pytest.mark.parametrize("hertz", [90.0, 130.0, 210.0])
def test_pitch_is_kept(hertz: float, rate: float) -> None:
    """A voice of that pitch sounds as high at any rate."""
    assert pitch(stretch(tone(hertz, 0.8), rate)) == pytest.approx(pitch(tone(hertz, 0.8)), rel=0.03)


@pytest.mark.parametrize("rate", [0.8, 1.4])
def test_digits_keep_their_pitch(voices: Voices, rate: float) -> None:
    """Nine of ten spoken digits; the loudest 60 ms may move along a falling tone in the other."""
    kept = 0
    for digit in "0123456789":
        audio = from_g711(voices["en"].characters[digit].pcmu)
        kept += abs(pitch(stretch(audio, rate)) / pitch(audio) - 1) < 0.12
    assert kept >= 9


@given(st.integers(0, 6000), st.integers(10, 40))
def test_length_follows_the_rate(length: int, twentieths: int) -> None:
    """Exactly so, to the sample, for any length, however short."""
    rate = twentieths / 20
    stretched = stretch(tone(120, 1)[:length], rate)
    assert len(stretched) == round(length / rate)
    assert np.isfinite(stretched).all()


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.4, 2.0])
def test_loudness_is_kept(voices: Voices, rate: float) -> None:
    """Within 1.5 dB, and nothing is clipped."""
    audio = from_g711(voices["vi-north"].sentence.pcmu)
    stretched = stretch(audio, rate)
    change = 10 * np.log10(np.mean(stretched**2) / np.mean(audio**2))
    assert abs(change) < 1.5
    assert np.abs(stretched).max() <= 1.0
