from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain

from onema.speech import wav
from onema.speech.clip import Clip
from onema.speech.g711 import FRAME_BYTES, SAMPLE_RATE, Law
from onema.speech.pack import Voice
from onema.speech.stretched_clips import STRETCHED

MIN_RATE, MAX_RATE = 0.5, 2.0
RATE_STEP = 0.05

# Seconds at rate 1.0, found by listening: who writes along needs about a second for a character, speech
# included, and says a group of three back in the longer pause after it.
LEAD_IN = 0.4
AFTER_SENTENCE = 0.5
BETWEEN_CHARACTERS = 0.3
BETWEEN_GROUPS = 0.6
BETWEEN_REPEATS = 1.2
LEAD_OUT = 0.3


class UnspeakableCodeError(ValueError):
    """The code is empty or has a character for which the voice has no clip. Its text never shows the code."""


@dataclass(frozen=True)
class SpokenMessage:
    """What a call plays: clips in order, each with its pace. All forms below are the same audio.

    Stretching takes long, so it waits until somebody listens; `seconds` knows without.
    """

    paced: tuple[tuple[Clip, float], ...]

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        return tuple(STRETCHED.at_rate(clip, pace) for clip, pace in self.paced)

    @property
    def seconds(self) -> float:
        return sum(_seconds_at(clip, pace) for clip, pace in self.paced)

    @property
    def pcmu(self) -> bytes:
        return b"".join(clip.pcmu for clip in self.clips)

    def frames(self, law: Law = Law.PCMU) -> tuple[bytes, ...]:
        """20 ms each, 160 bytes, shared with every other call that plays the same clips."""
        return tuple(chain.from_iterable(clip.frames(law) for clip in self.clips))

    def wav(self) -> bytes:
        """A whole file: 8 kHz, 16-bit, mono."""
        return wav.from_pcmu(self.pcmu)

    def peaks(self, count: int) -> list[float]:
        """The loudest sample of each of `count` equal stretches, 0.0 to 1.0, for a picture of the wave."""
        return wav.peaks(self.pcmu, count)


def speak(
    voice: Voice,
    code: str,
    *,
    before: Clip | None = None,
    after: Clip | None = None,
    times: int = 1,
    rate: float = 1.0,
) -> SpokenMessage:
    """The sentence before, the code character by character, the sentence after; all of it `times` times.

    `before=None` is the voice's own sentence, `after=None` is nothing. `rate` is 0.5 to 2.0 times as fast
    with the pitch kept, rounded to steps of 0.05. Raises UnspeakableCodeError, and ValueError for the numbers.
    """
    if times < 1:
        raise ValueError("times must be at least 1")
    pace = rounded_rate(rate)
    sentence = voice.sentence if before is None else before
    once = [(sentence, pace), _silence(AFTER_SENTENCE, pace), *_code(voice, code, pace)]
    if after is not None:
        once += [_silence(BETWEEN_GROUPS, pace), (after, pace)]
    pause = _silence(BETWEEN_REPEATS, pace)
    repeats = [clip for _ in range(times) for clip in (pause, *once)][1:]
    return SpokenMessage((_silence(LEAD_IN, 1.0), *repeats, _silence(LEAD_OUT, 1.0)))


def read_out(
    voice: Voice, parts: Sequence[Clip | str], *, times: int = 1, rate: float = 1.0
) -> SpokenMessage:
    """A text as its clauses and what is spelled between them; all of it `times` times.

    `rate` is that of `speak`. Raises as `speak` does, and ValueError for nothing to say.
    """
    if times < 1 or not parts:
        raise ValueError("there is nothing to say, or not once")
    pace = rounded_rate(rate)
    between = _silence(BETWEEN_CHARACTERS, pace)
    once: list[tuple[Clip, float]] = []
    for part in parts:
        once += [between, *([(part, pace)] if isinstance(part, Clip) else _code(voice, part, pace))]
    pause = _silence(BETWEEN_REPEATS, pace)
    repeats = [clip for _ in range(times) for clip in (pause, *once[1:])][1:]
    return SpokenMessage((_silence(LEAD_IN, 1.0), *repeats, _silence(LEAD_OUT, 1.0)))


def rounded_rate(rate: float) -> float:
    """The nearest step of 0.05: so few rates that stretched clips are soon all in memory."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"rate must be between {MIN_RATE} and {MAX_RATE}")
    return round(round(rate / RATE_STEP) * RATE_STEP, 2)


def groups(code: str) -> list[str]:
    """Threes, as people say numbers; a last one that would stand alone makes 2 + 2 with those before it."""
    if len(code) > 3 and len(code) % 3 == 1:
        head, tail = code[:-4], [code[-4:-2], code[-2:]]
    else:
        head, tail = code, []
    return [head[start : start + 3] for start in range(0, len(head), 3)] + tail


def _seconds_at(clip: Clip, pace: float) -> float:
    """How long `stretched` makes it, in whole frames."""
    frames = -(-round(len(clip.pcmu) / pace) // FRAME_BYTES)
    return frames * FRAME_BYTES / SAMPLE_RATE


@lru_cache(maxsize=256)
def _silence(seconds: float, pace: float) -> tuple[Clip, float]:
    return Clip.silence(seconds / pace), 1.0


def _code(voice: Voice, code: str, pace: float) -> list[tuple[Clip, float]]:
    if not code:
        raise UnspeakableCodeError("a code has at least one character")
    # Not every character's upper case is one letter: "ß" would be read as two.
    if not code.isascii() or not all(character in voice.characters for character in code.upper()):
        raise UnspeakableCodeError(f"voice {voice.id} has no clip for a character of the code")
    between, after_group = _silence(BETWEEN_CHARACTERS, pace), _silence(BETWEEN_GROUPS, pace)
    clips: list[tuple[Clip, float]] = []
    for group in groups(code.upper()):
        for character in group:
            clips += [(voice.characters[character], pace), between]
        clips[-1] = after_group
    return clips[:-1]
