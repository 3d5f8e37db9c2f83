import random

import pytest

from onema.speech import Voices
from onema.speech.pack import CHARACTERS


@pytest.fixture(scope="session")
def voices() -> Voices:
    """The built-in voices, and no others."""
    return Voices.load()


@pytest.fixture
def codes() -> list[str]:
    """50 codes of 4 to 8 characters: digits, letters, and some with leading zeros; the same in every run."""
    choice = random.Random(2026)
    made = ["".join(choice.choices(CHARACTERS[:10], k=choice.randint(4, 8))) for _ in range(20)]
    made += ["".join(choice.choices(CHARACTERS, k=choice.randint(4, 8))) for _ in range(20)]
    return made + ["00" + "".join(choice.choices(CHARACTERS[:10], k=4)) for _ in range(10)]
