"""How a text is read out: clause by clause, and what is no word letter by letter."""

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_TEXT = 300
"""Characters of a text that is read out."""
MOST_PARTS = 16
"""Of one: each that was not said before takes a processor for a moment."""

# A code or the number of an order: four or more letters and digits with a digit among them, or some that begin with a
# zero. Voices read 66537 as a number, which nobody writes down, and drop the zeros of 007.
_SPELLED = re.compile(
    r"(?<![0-9A-Za-z])(?=[A-Za-z]*[0-9])(?:[0-9A-Za-z]{4,20}|0[0-9]{1,2})(?![0-9A-Za-z])", re.ASCII
)
_CLAUSE_END = re.compile(r"[。！？；，、：!?;,:…\n]+|\.(?=\s|$)")
# A clip is at most 30 seconds long.
_LONGEST_PIECE_SECONDS = 20.0
_SPELLED_SECONDS = 1.3
_LETTER_SECONDS = 1 / 12
# A syllable: Chinese, Japanese, Korean.
_WIDE_SECONDS = 0.4
_FIRST_WIDE = "\u2e80"
_PAUSE_SECONDS = 0.5


class Part(NamedTuple):
    """What is said in one breath, or spelled."""

    text: str
    spelled: bool


def parts_of(text: str) -> tuple[Part, ...]:
    """In order; nothing for a text that has neither letters nor digits."""
    return tuple(_parts(text))


def seconds_to_speak(text: str) -> float:
    """No voice takes longer, at its normal pace."""
    return sum(
        _PAUSE_SECONDS + (_SPELLED_SECONDS * len(part.text) if part.spelled else _seconds(part.text))
        for part in parts_of(text)
    )


def _parts(text: str) -> Iterator[Part]:
    end = 0
    for match in _SPELLED.finditer(text):
        yield from _words(text[end : match.start()])
        yield Part(match[0].upper(), True)
        end = match.end()
    yield from _words(text[end:])


def _words(text: str) -> Iterator[Part]:
    for clause in _CLAUSE_END.split(text):
        for piece in _pieces(clause.strip()):
            if any(character.isalnum() for character in piece):
                yield Part(piece, False)


def _pieces(clause: str) -> Iterator[str]:
    """Cut at a space where it is too long for one clip, or anywhere where there is none."""
    while clause:
        cut = _cut(clause)
        yield clause[:cut].strip()
        clause = clause[cut:].strip()


def _cut(clause: str) -> int:
    seconds, space = 0.0, 0
    for place, character in enumerate(clause):
        seconds += _seconds(character)
        if seconds > _LONGEST_PIECE_SECONDS:
            return space or place
        if character == " ":
            space = place
    return len(clause)


def _seconds(text: str) -> float:
    return sum(_WIDE_SECONDS if character >= _FIRST_WIDE else _LETTER_SECONDS for character in text)
