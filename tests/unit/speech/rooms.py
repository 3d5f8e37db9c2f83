"""Takes as a microphone records them: a voice's clip at 48 kHz in a room, and what may go wrong."""

import numpy as np

from onema.speech import Clip
from onema.speech.samples import Samples, from_g711
from onema.speech.stretch import stretch
from onema.speech.wav import Wav, write

RATE = 48_000
ROOM = 0.0004
"""Noise of a quiet room, -68 dB."""


def at_48_khz(audio: Samples, ratio: float = 6.0) -> Samples:
    """With another ratio than 6 the voice is deeper or higher, too."""
    length = round(len(audio) * ratio)
    wave = np.fft.irfft(np.fft.rfft(audio), length) * (length / len(audio))
    return wave.astype(np.float32)


def spoken(clip: Clip, *, pace: float = 1.0, pitch: float = 1.0, level: float = 0.5) -> Samples:
    """How a person might say what the clip says."""
    return at_48_khz(stretch(from_g711(clip.pcmu), pace * pitch), 6 / pitch) * np.float32(level)


def room(seconds: float, noise: float = ROOM) -> Samples:
    choice = np.random.default_rng(round(seconds * 1000))
    return (choice.standard_normal(round(seconds * RATE)) * noise).astype(np.float32)


def take(
    *sounds: Samples, before: float = 0.5, after: float = 0.9, noise: float = ROOM, pause: float = 0.8
) -> bytes:
    """A WAV file: the sounds one after the other, in a room."""
    gap = np.zeros(round(pause * RATE), dtype=np.float32)
    speech = np.concatenate([part for sound in sounds for part in (gap, sound)][1:])
    audio = np.concatenate([np.zeros(round(before * RATE), np.float32), speech])
    audio = np.concatenate([audio, np.zeros(round(after * RATE), np.float32)])
    audio = audio + room(len(audio) / RATE, noise)[: len(audio)]
    return write(Wav(RATE, 1, (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()))
