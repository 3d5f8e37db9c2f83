"""What espeak-ng makes of the lines of the packs: no decimal point and no English word is in them."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from onema.speech.making.build_lines import BUILT_IN_LINES
from onema.speech.pack import SENTENCE

# In a process of its own, as everywhere: espeak-ng is GPL. Mode 0: mnemonics, which show tones and changes of language.
_PHONEMES = """
import ctypes, json, sys
import espeakng_loader
espeak = ctypes.CDLL(espeakng_loader.get_library_path())
espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
assert espeak.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0) > 0
def phonemes(text):
    buffer = ctypes.create_string_buffer(text.encode())
    place = ctypes.c_void_p(ctypes.addressof(buffer))
    said = []
    while place.value:
        said.append(espeak.espeak_TextToPhonemes(ctypes.byref(place), 1, 0).decode())
    return " ".join(said)
told = {}
for voice, texts in json.load(sys.stdin).items():
    assert espeak.espeak_SetVoiceByName(voice.encode()) == 0
    told[voice] = {text: phonemes(text) for text in texts}
json.dump(told, sys.stdout)
"""
_POINT = {"vi": "chấm", "zh": "点", "en": "point"}


@pytest.fixture(scope="module")
def phonemes() -> dict[str, dict[str, str]]:
    """By voice of espeak-ng and text."""
    asked: dict[str, list[str]] = {}
    for lines in BUILT_IN_LINES.values():
        own = [*lines.characters.values(), lines.sentence, _POINT[lines.language], "048159"]
        asked[lines.espeak_voice] = own
    done = subprocess.run(
        [sys.executable, "-c", _PHONEMES], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    told: Any = json.loads(done.stdout)
    return {str(voice): dict(texts) for voice, texts in told.items()}


def bare(mnemonics: str) -> str:
    """Without stress and pauses, which depend on the words beside."""
    return re.sub(r"[',_!|#: ]", "", mnemonics)


@pytest.mark.parametrize("voice_id", ["vi-central", "vi-north", "vi-south"])
def test_no_vietnamese_line_has_a_point_or_an_english_word_in_it(
    phonemes: dict[str, dict[str, str]], voice_id: str
) -> None:
    """Neither "chấm" nor what the voice reads by English rules."""
    lines = BUILT_IN_LINES[voice_id]
    told = phonemes[lines.espeak_voice]
    point = bare(told["chấm"])
    assert point
    for text in (*lines.characters.values(), lines.sentence):
        assert told[text]
        assert point not in bare(told[text]), text
        assert "(" not in told[text], text


def test_a_whole_code_would_have_had_a_point_in_it(phonemes: dict[str, dict[str, str]]) -> None:
    """So the packs are made of digits in words, and the look for the point is one that finds it."""
    assert bare(phonemes["vi"]["chấm"]) in bare(phonemes["vi"]["048159"])


def test_no_mandarin_digit_is_english(phonemes: dict[str, dict[str, str]]) -> None:
    """1 is yao; digits and the sentence stay in Mandarin, with a tone each; letters are English by design."""
    lines = BUILT_IN_LINES["zh"]
    told = phonemes["cmn"]
    assert lines.characters["1"] == "幺"
    for text in (*(lines.characters[digit] for digit in "0123456789"), lines.sentence):
        assert "(" not in told[text], text
        assert "点" not in text
        assert sum(sign.isdigit() for sign in told[text]) >= len(text), text
    assert "(en)" in told["A"]


def test_the_mandarin_voice_is_given_sounds_with_tones() -> None:
    """Kokoro is told IPA with a tone contour for each syllable, and reads no letters of a text."""
    lines = BUILT_IN_LINES["zh"]
    assert lines.sounds is not None
    for digit in "0123456789":
        assert any(tone in lines.sounds[digit] for tone in "→↗↓↘"), digit
    assert sum(lines.sentence_sounds.count(tone) for tone in "→↗↓↘") >= len(lines.sentence) - 1


@pytest.mark.parametrize("voice_id", list(BUILT_IN_LINES))
def test_no_line_is_written_in_figures(voice_id: str) -> None:
    """An engine would read figures by rules of its own."""
    lines = BUILT_IN_LINES[voice_id]
    texts = [*lines.characters.values(), lines.sentence]
    assert not any(sign.isdigit() for text in texts for sign in text)
    assert SENTENCE not in lines.characters
