"""A voice that says no code: a tone stands for each character."""

import array
import dataclasses
import functools
import math

from onema.speech.clip import Clip
from onema.speech.g711 import SAMPLE_RATE, Law, encode
from onema.speech.pack import Voice

_HERTZ = 1_000
_SECONDS = 0.3
_LOUDEST = 8_000
"""A quarter of full scale: about as loud as the voices."""
_FADE = 160
"""Samples; a tone that begins at once clicks."""


@functools.cache
def tone() -> Clip:
    samples = array.array("h")
    count = int(_SECONDS * SAMPLE_RATE)
    for place in range(count):
        gain = min(1.0, place / _FADE, (count - place) / _FADE)
        samples.append(round(_LOUDEST * gain * math.sin(2 * math.pi * _HERTZ * place / SAMPLE_RATE)))
    return Clip("", encode(samples.tobytes(), Law.PCMU))


def in_tones(voice: Voice) -> Voice:
    return dataclasses.replace(voice, characters=dict.fromkeys(voice.characters, tone()))
