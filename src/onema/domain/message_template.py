"""Registered texts of a brandname, and which messages they allow.

A template is literal text with placeholders: {OTP}, the code; {P1,n}, one word of at most n characters;
{P2,n}, one or more words of at most n characters together (what P1 and P2 mean is an inference: the dialect's
DIVERGENCES.md).

Matching keeps the set of places in the message that the template so far can reach, and passes each piece of
the template over the message once: at most pieces x characters steps, whatever the message. A regular
expression would backtrack over every way to share the message among neighbouring placeholders.
"""

import enum
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onema.domain.refusals import Refusal, Refused

CODE_MARKER = "{OTP}"

MAX_CHARACTERS = 1_000
MAX_PLACEHOLDERS = 10
MAX_LENGTH = 500

_LONGEST_CODE = 10
_PLACEHOLDER = re.compile(r"\{(?:OTP|P([12]),([1-9][0-9]{0,2}))\}")
_SPACES = re.compile(" {2,}")

# Stands for the marker in a message that is being matched. Unicode never assigns it to a character, and a
# text that holds it all the same fits no template.
_ANY_CODE = "\ufdd0"


class PlaceholderKind(enum.Enum):
    CODE = "OTP"
    WORD = "P1"
    WORDS = "P2"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A gap for at most `longest` characters (code points, NFC)."""

    kind: PlaceholderKind
    longest: int

    def ends(self, message: str, starts: Sequence[int]) -> list[int]:
        """Where a value can end that begins at one of `starts`; both ascending."""
        # Whatever may stand between a start and an end may also stand in a shorter value with the same end:
        # an end is possible if it is so from the latest start before it, and only that one is remembered.
        ends = []
        begins = frozenset(starts)
        latest = None
        for place in range(starts[0], len(message)):
            character = message[place]
            if self._may_border(character):
                if place in begins:
                    latest = place
                if latest is not None and place - latest < self.longest:
                    ends.append(place + 1)
            elif self.kind is not PlaceholderKind.WORDS:
                latest = None
                if character == _ANY_CODE and place in begins:
                    ends.append(place + 1)
            if place >= starts[-1] and (latest is None or place + 1 - latest >= self.longest):
                break
        return ends

    def _may_border(self, character: str) -> bool:
        if self.kind is PlaceholderKind.CODE:
            return character.isascii() and character.isalnum()
        return not character.isspace()


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
        normal = _normalise(text)
        if not normal or _ANY_CODE in normal:
            raise _bad_template("blank, or not text")
        pieces = tuple(_pieces(normal))
        if sum(isinstance(piece, Placeholder) for piece in pieces) > MAX_PLACEHOLDERS:
            raise _bad_template(f"more than {MAX_PLACEHOLDERS} placeholders")
        return cls(text, pieces)

    def accepts(self, message: str) -> bool:
        """Whether the whole message fits, comparing case but neither outer white space nor runs of spaces.

        `message` may hold the marker {OTP}: it stands for a code of unknown length, so it fits an {OTP}
        placeholder, and counts as one character of a {P1,n} or {P2,n}. To settle the length too, ask with a
        code in its place: an {OTP} placeholder fits 1 to 10 ASCII letters and digits.
        """
        if _ANY_CODE in message:
            return False
        message = _normalise(message).replace(CODE_MARKER, _ANY_CODE)
        places = [0]
        for piece in self.pieces:
            if isinstance(piece, Placeholder):
                places = piece.ends(message, places)
            else:
                places = [place + len(piece) for place in places if message.startswith(piece, place)]
            if not places:
                return False
        return places[-1] == len(message)


def place_code(message: str, code: str) -> str:
    """The message with the code in place of every {OTP}."""
    return message.replace(CODE_MARKER, code)


def _normalise(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).strip())


def _pieces(text: str) -> Iterator[str | Placeholder]:
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        yield from _literal(text[end : match.start()])
        yield _placeholder(match)
        end = match.end()
    yield from _literal(text[end:])


def _literal(text: str) -> Iterator[str]:
    if "{" in text or "}" in text:
        raise _bad_template("a brace that belongs to no {OTP}, {P1,n} or {P2,n}")
    if text:
        yield text


def _placeholder(match: re.Match[str]) -> Placeholder:
    if match[1] is None:
        return Placeholder(PlaceholderKind.CODE, _LONGEST_CODE)
    longest = int(match[2])
    if longest > MAX_LENGTH:
        raise _bad_template(f"{match[0]} is longer than {MAX_LENGTH}")
    return Placeholder(PlaceholderKind.WORD if match[1] == "1" else PlaceholderKind.WORDS, longest)


def _bad_template(detail: str) -> Refused:
    return Refused(Refusal.TEMPLATE_MISMATCH, detail)
