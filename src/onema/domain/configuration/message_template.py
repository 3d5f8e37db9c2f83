"""Registered texts of a brandname, and which messages they allow.

A template is literal text with placeholders: {OTP}, the code; {P1,n}, one word of at most n characters;
{P2,n}, one or more words of at most n characters together (what P1 and P2 mean is an inference: the dialect's
DIVERGENCES.md); {AMOUNT} and {PAYEE}, what a payment is about that the code confirms. template_matching.py finds the
one that a message fits.
"""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from onema.domain.refusals import Refusal, Refused
from onema.domain.values.written_form import text_form

CODE_MARKER = "{OTP}"
AMOUNT_MARKER, PAYEE_MARKER = "{AMOUNT}", "{PAYEE}"
LONGEST_AMOUNT, LONGEST_PAYEE = 40, 64
"""Characters."""

MAX_CHARACTERS = 1_000
MAX_PLACEHOLDERS = 10
MAX_LENGTH = 500

_LONGEST_CODE = 10
_PLACEHOLDER = re.compile(r"\{(?:OTP|(AMOUNT|PAYEE)|P([12]),(0|[1-9][0-9]{0,8}))\}")

ANY_CODE = "\ufdd0"
"""Stands for the marker in a message that is being matched. Unicode never assigns it to a character, and a text that
holds it all the same fits no template.
"""


class PlaceholderKind(enum.Enum):
    CODE = "OTP"
    WORD = "P1"
    WORDS = "P2"
    AMOUNT = "AMOUNT"
    PAYEE = "PAYEE"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A gap for at most `longest` characters (code points, NFC)."""

    kind: PlaceholderKind
    longest: int


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One registered text, parsed. `pieces` are literal texts and placeholders in turn."""

    text: str
    pieces: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> "MessageTemplate":
        """Read a template.

        Raises Refused(TEMPLATE_MISMATCH): blank, over 1,000 characters, more than 10 placeholders, a length
        outside 1 to 500, or a brace that belongs to no placeholder.
        """
        if len(text) > MAX_CHARACTERS:
            raise _bad_template(f"longer than {MAX_CHARACTERS} characters")
        normal = text_form(text)
        if not normal or ANY_CODE in normal:
            raise _bad_template("blank, or not text")
        pieces = tuple(_pieces(normal))
        if sum(isinstance(piece, Placeholder) for piece in pieces) > MAX_PLACEHOLDERS:
            raise _bad_template(f"more than {MAX_PLACEHOLDERS} placeholders")
        return cls(text, pieces)

    def filled(self, values: Sequence[str]) -> str:
        """The text with one value in the place of each placeholder, in order, whatever its kind.

        Raises Refused(TEMPLATE_MISMATCH) for another number of values than there are places.
        """
        places = sum(isinstance(piece, Placeholder) for piece in self.pieces)
        if places != len(values):
            raise _bad_template(f"{len(values)} values for {places} places")
        left = iter(values)
        return "".join(next(left) if isinstance(piece, Placeholder) else piece for piece in self.pieces)


@lru_cache(maxsize=4_096)
def is_whole_with_a_code(text: str) -> bool:
    """Whether a code is all that this template needs to be a message."""
    placeholders = [piece for piece in MessageTemplate.parse(text).pieces if isinstance(piece, Placeholder)]
    return bool(placeholders) and all(one.kind is PlaceholderKind.CODE for one in placeholders)


def is_whole_for_a_payment(text: str) -> bool:
    """Whether a code, an amount and a payee are all that this template needs, and it shows each."""
    pieces = MessageTemplate.parse(text).pieces
    kinds = {piece.kind for piece in pieces if isinstance(piece, Placeholder)}
    return kinds == {PlaceholderKind.CODE, PlaceholderKind.AMOUNT, PlaceholderKind.PAYEE}


def place_code(message: str, code: str) -> str:
    """The message with the code in place of every {OTP}."""
    return message.replace(CODE_MARKER, code)


def _pieces(text: str) -> Iterator[str | Placeholder]:
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        yield from _literal(text[end : match.start()])
        yield _placeholder(match)
        end = match.end()
    yield from _literal(text[end:])


def _literal(text: str) -> Iterator[str]:
    if "{" in text or "}" in text:
        raise _bad_template("a brace that belongs to no {OTP}, {P1,n}, {P2,n}, {AMOUNT} or {PAYEE}")
    if text:
        yield text


def _placeholder(match: re.Match[str]) -> Placeholder:
    if match[1]:
        longest = LONGEST_AMOUNT if match[1] == "AMOUNT" else LONGEST_PAYEE
        return Placeholder(PlaceholderKind(match[1]), longest)
    if match[2] is None:
        return Placeholder(PlaceholderKind.CODE, _LONGEST_CODE)
    longest = int(match[3])
    if not 1 <= longest <= MAX_LENGTH:
        raise _bad_template(f"{match[0]} stands for 1 to {MAX_LENGTH} characters")
    return Placeholder(PlaceholderKind.WORD if match[2] == "1" else PlaceholderKind.WORDS, longest)


def _bad_template(detail: str) -> Refused:
    return Refused(Refusal.TEMPLATE_MISMATCH, detail)
