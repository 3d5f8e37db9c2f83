"""Whether a listener could tell what a pack says: what `onema voice verify` looks at."""

from __future__ import annotations

from math import log10

import numpy as np

from onema.speech import samples
from onema.speech.clip import Clip
from onema.speech.hearing.decode import hear_wav
from onema.speech.making.recording import CHARACTER_SECONDS, LOUDNESS, PEAK, SENTENCE_SECONDS
from onema.speech.message import speak
from onema.speech.pack import SENTENCE, Voice

_LEVEL_SPREAD_DB = 4.0
_SURE = 0.9


def faults(voice: Voice) -> list[str]:
    """One sentence for each thing wrong; none for a good pack. (`load` has compared the sha256 already.)"""
    found: list[str] = []
    for line, clip in voice.lines.items():
        found += [f"line {line}: {fault}" for fault in _clip_faults(line, clip)]
    transcript = hear_wav(speak(voice, "".join(voice.characters)).wav(), voice)
    said, heard = "".join(voice.characters), "".join(one.character for one in transcript.characters)
    if heard != said:
        found.append(f"the clips {said} are heard as {heard}")
    found += [
        f"line {one.character}: likeness {one.likeness:.2f}"
        for one in transcript.characters
        if one.likeness < _SURE
    ]
    return found


def _clip_faults(line: str, clip: Clip) -> list[str]:
    found: list[str] = []
    least, most = SENTENCE_SECONDS if line == SENTENCE else CHARACTER_SECONDS
    if not least <= clip.seconds <= most:
        found.append(f"{clip.seconds:.2f} s is not between {least} and {most}")
    audio = samples.from_g711(clip.pcmu)
    level = 20 * log10(max(samples.loudness(audio), 1e-6) / LOUDNESS)
    if abs(level) > _LEVEL_SPREAD_DB:
        found.append(f"{level:+.1f} dB from the common loudness")
    # The loudest mu-law step is wide: a sample at the allowed peak may decode a little above it.
    if float(np.abs(audio).max()) > PEAK + 0.03:
        found.append("its peak is too high")
    return found
