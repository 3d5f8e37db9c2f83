#!/usr/bin/env bash
# A one-time code with a leading zero, read out by espeak-ng.
#
# Believed: digits that begin with a zero are no number, so a voice reads them one by one: "zero one two three ...".
# So: espeak-ng does, in groups of three, and in 23 of its 140 voices it says the language's word for the decimal point
# between the groups: Spanish reads 012345 as "cero uno dos punto tres cuatro cinco", Vietnamese says "chấm", Dutch "punt".
# A person types what was heard and finds no key for it. Every code of six digits that begins with 0 is read so, which is
# each tenth code; with blanks between the digits none is.
# Seen: espeak-ng 1.52.0 of espeakng-loader 0.2.4 (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check espeakng-loader==0.2.4
"$folder/venv/bin/python" - <<'PYTHON'
import ctypes
import re
import sys

import espeakng_loader

SYNCHRONOUS, UTF_8, MNEMONICS = 2, 1, 0
espeak = ctypes.CDLL(espeakng_loader.get_library_path())
espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
espeak.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)


def phonemes(text):
    """What is said, without stress and pauses."""
    rest = ctypes.pointer(ctypes.cast(ctypes.c_char_p(text.encode()), ctypes.c_void_p))
    said = ""
    while rest.contents.value:
        said += (espeak.espeak_TextToPhonemes(rest, UTF_8, MNEMONICS) or b"").decode()
    return re.sub(r"[',_!|#: ]", "", said)


# The word for the point in espeak-ng's phonemes. Its vowels differ a little from one sentence to the next.
points = {
    "es": "punto",
    "pt-br": "p[oO]Nt",
    "nl": "p(8|V)n",
    "pl": "kROpka",
    "sv": "p8Nt",
    "uk": "kRapka",
    "vi": "tS@3m",
}


def with_a_point(voice, texts):
    return sum(re.search(points[voice], phonemes(text), re.IGNORECASE) is not None for text in texts)


leading_zero = [f"{number:06}" for number in range(0, 100_000, 997)]
others = [f"{number:06}" for number in range(100_000, 1_000_000, 9_973)]
wrong = []
for voice in points:
    assert espeak.espeak_SetVoiceByName(voice.encode()) == 0, voice
    print(f"{voice:5} 012345 is {phonemes('012345')}, 0 1 2 3 4 5 is {phonemes('0 1 2 3 4 5')}")
    read_so, without = with_a_point(voice, leading_zero), with_a_point(voice, others)
    spaced = with_a_point(voice, [" ".join(code) for code in leading_zero + others])
    print(f"      with a point: {read_so} of {len(leading_zero)} codes that begin with 0, {without} of {len(others)} others,")
    print(f"      {spaced} with blanks between the digits")
    if (read_so, without, spaced) != (len(leading_zero), 0, 0):
        wrong.append(voice)
sys.exit(f"read otherwise now: {', '.join(wrong)}" if wrong else 0)
PYTHON
