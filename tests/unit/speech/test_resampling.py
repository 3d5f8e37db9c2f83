"""What a telephone carries of a recording, and what it must not fold back: tones swept through both bands."""

import numpy as np
import pytest

from onema.speech.samples import Samples, resampled, without_rumble

RATES = [11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


def gain(hertz: float, sample_rate: int) -> float:
    """Decibels from a tone of a second to all that comes of it, its middle half."""
    time = np.arange(sample_rate) / sample_rate
    out = resampled(np.sin(2 * np.pi * hertz * time).astype(np.float32), sample_rate)
    middle = out[len(out) // 4 : -len(out) // 4].astype(np.float64)
    return float(20 * np.log10(max(np.sqrt(2 * np.mean(middle**2)), 1e-9)))


@pytest.mark.parametrize("sample_rate", RATES)
def test_up_to_3400_hz_nothing_changes(sample_rate: int) -> None:
    """Within 0.1 dB."""
    for hertz in (60, 300, 1_000, 2_000, 3_000, 3_200, 3_300, 3_400):
        assert abs(gain(hertz, sample_rate)) < 0.1, hertz


@pytest.mark.parametrize("sample_rate", RATES)
def test_above_4100_hz_nothing_is_left(sample_rate: int) -> None:
    """Under -60 dB, so that no hiss folds back into the voice."""
    for hertz in (4_100, 4_200, 4_500, 5_000, 5_400, 6_000, 7_900, 9_000, 12_000, 15_000, 20_000, 23_000):
        if hertz < sample_rate / 2:
            assert gain(hertz, sample_rate) < -60, hertz


@pytest.mark.parametrize("sample_rate", RATES)
def test_a_sweep_comes_out_at_the_same_place(sample_rate: int) -> None:
    """A chirp through the band is nowhere shifted: as long, and in phase with one made at 8 kHz."""

    def chirp(rate: int) -> Samples:
        time = np.arange(rate) / rate
        return (np.sin(2 * np.pi * (200 * time + 1_500 * time**2)) * np.hanning(rate)).astype(np.float32)

    out = resampled(chirp(sample_rate), sample_rate)
    assert len(out) == 8_000
    assert np.abs(out - chirp(8_000)).max() < 0.01


def test_rumble_goes_and_speech_stays() -> None:
    """Below 50 Hz nothing is left, from 150 Hz on all."""

    def through(hertz: float) -> float:
        tone = np.sin(2 * np.pi * hertz * np.arange(8_000) / 8_000).astype(np.float32)
        middle = without_rumble(tone)[2_000:-2_000].astype(np.float64)
        return float(20 * np.log10(max(np.sqrt(2 * np.mean(middle**2)), 1e-9)))

    assert through(25) < -40
    assert through(50) < -20
    assert abs(through(150)) < 0.1
    assert abs(through(3_000)) < 0.1
