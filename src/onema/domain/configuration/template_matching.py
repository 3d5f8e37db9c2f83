"""Which of a brandname's templates a message fits: all at once, in time that no message or template can stretch.

The templates are arranged as a tree of their pieces, so that what they begin with alike is looked at once. A set of
places in the message is one integer, whose bit N says that place N can be reached; a piece of a template moves the
whole set with a few shifts, however many ways there are to share the message among neighbouring placeholders.
A regular expression would try each of those ways, and each template by itself.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from onema.domain.configuration.message_template import (
    ANY_CODE,
    CODE_MARKER,
    MessageTemplate,
    Placeholder,
    PlaceholderKind,
)

LONGEST_MESSAGE = 6_000
"""Characters. A template's 1,000 and ten placeholders of 500: no longer text can fit one."""

MOST_TRIED = 1_000
"""How many placeholders of templates are tried on one message. A brandname's templates ask for more only when they are
told apart by their placeholders' lengths instead of by words; what has not been found by then does not fit.
"""

_NO_TEMPLATE = 2**63
_SOLID = re.compile(r"\S+")
_ALPHANUMERIC = re.compile("[0-9A-Za-z]+")


class Templates:
    """Templates in the order in which the first that fits is the one."""

    def __init__(self, templates: Iterable[MessageTemplate]) -> None:
        self._root = _Node()
        for number, template in enumerate(templates):
            self._root.add(template.pieces, number)

    def first_that_fits(self, text: str, code_length: int) -> int | None:
        """The number of the template that the whole text fits, with a code of this length at each marker {OTP}.

        `text` is in the form of `text_form`. A code fits an {OTP} placeholder, and counts as so many characters of a
        {P1,n} or {P2,n}, which takes all of it or none. An {OTP} placeholder also fits 1 to 10 ASCII letters and
        digits.
        """
        if len(text) > LONGEST_MESSAGE or ANY_CODE in text:
            return None
        places_in = PlacesIn(text, code_length)
        return self._first(places_in) if places_in.length <= LONGEST_MESSAGE else None

    def _first(self, text: "PlacesIn") -> int | None:
        first, tried = _NO_TEMPLATE, 0
        waiting = [(self._root, 1)]
        while waiting:
            node, places = waiting.pop()
            places = text.with_rest(places, node.shortest_rest, node.longest_rest)
            if not places:
                continue
            if places >> text.length & 1 and node.number < first:
                first = node.number
            if node.literals:
                waiting += node.after_literals(text, places)
            if node.placeholders:
                for placeholder, child in node.placeholders.items():
                    if reached := text.after_placeholder(places, placeholder):
                        waiting.append((child, reached))
                tried += len(node.placeholders)
                if tried > MOST_TRIED:
                    break
        return None if first == _NO_TEMPLATE else first


class _Node:
    """Where templates that begin alike stand after the same pieces.

    `number` is the first template that ends here. At least `shortest_rest` and at most `longest_rest` characters
    follow.
    """

    __slots__ = ("lengths", "literals", "longest_rest", "number", "placeholders", "shortest_rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.lengths: dict[int, None] = {}
        """Of the literals."""
        self.placeholders: dict[Placeholder, _Node] = {}
        self.shortest_rest = LONGEST_MESSAGE
        self.longest_rest = 0
        self.number = _NO_TEMPLATE

    def add(self, pieces: Sequence[str | Placeholder], number: int) -> None:
        shortest = longest = 0
        for piece in pieces:
            least, most = (len(piece), len(piece)) if isinstance(piece, str) else (1, piece.longest)
            shortest, longest = shortest + least, longest + most
        node = self
        for piece in pieces:
            node.shortest_rest = min(node.shortest_rest, shortest)
            node.longest_rest = max(node.longest_rest, longest)
            if isinstance(piece, str):
                shortest, longest = shortest - len(piece), longest - len(piece)
                node.lengths[len(piece)] = None
                node = node.literals.get(piece) or node.literals.setdefault(piece, _Node())
            else:
                shortest, longest = shortest - 1, longest - piece.longest
                node = node.placeholders.get(piece) or node.placeholders.setdefault(piece, _Node())
        node.shortest_rest = 0
        node.number = min(node.number, number)

    def after_literals(self, text: "PlacesIn", places: int) -> list[tuple["_Node", int]]:
        """Each literal that stands at one of the places, and the places after it."""
        literals: Iterable[str] = self.literals
        if len(self.literals) > len(self.lengths) * places.bit_count():
            # Rather look up what the text has there than all that templates have.
            literals = text.at(places, self.lengths).intersection(self.literals)
        return [
            (self.literals[literal], reached)
            for literal in literals
            if (reached := text.after_literal(places, literal))
        ]


class PlacesIn:
    """Sets of places in one message, as integers: bit N is the place before character N.

    In `text` a code stands as ANY_CODE, as often as it is long.
    """

    def __init__(self, message: str, code_length: int) -> None:
        self._code = ANY_CODE * code_length
        self.text = message.replace(CODE_MARKER, self._code)
        self.length = len(self.text)
        self._occurrences: dict[str, int] = {}
        self._code_starts = inside = 0
        place = self.text.find(ANY_CODE)
        while place >= 0:
            self._code_starts |= 1 << place
            inside |= (1 << place + code_length) - (2 << place)
            place = self.text.find(ANY_CODE, place + code_length)
        self._borders = ~inside
        """Where a value may begin or end: not inside a code."""

    def with_markers(self, start: int, end: int) -> str:
        """A part of the message, its codes as they were written."""
        return self.text[start:end].replace(self._code, CODE_MARKER)

    def with_rest(self, places: int, shortest: int, longest: int) -> int:
        """Those after which the text has from `shortest` to `longest` characters left."""
        last = self.length - shortest
        if last < 0:
            return 0
        first = max(0, self.length - longest)
        return places & ((1 << last + 1) - 1) >> first << first

    def at(self, places: int, lengths: Iterable[int]) -> set[str]:
        """What of these lengths stands at the places."""
        text, found = self.text, set[str]()
        while places:
            place = (places & -places).bit_length() - 1
            found.update([text[place : place + length] for length in lengths])
            places &= places - 1
        return found

    def after_literal(self, places: int, literal: str) -> int:
        first = (places & -places).bit_length() - 1
        if places >> first == 1:
            return places << len(literal) if self.text.startswith(literal, first) else 0
        return (places & self._where(literal)) << len(literal)

    def after_placeholder(self, places: int, placeholder: Placeholder) -> int:
        """Where a value of the placeholder can end that begins at one of `places`."""
        match placeholder.kind:
            case PlaceholderKind.WORD:
                return self._solid.after(places, placeholder.longest) & self._borders
            case PlaceholderKind.WORDS | PlaceholderKind.AMOUNT | PlaceholderKind.PAYEE:
                # Begins and ends with a solid character; anything may stand between.
                solid = self._solid.single
                return (_spread(places & solid, placeholder.longest) & solid) << 1 & self._borders
            case PlaceholderKind.CODE:
                after = (places & self._code_starts) << len(self._code)
                others = places & ~self._code_starts
                return after | self._alphanumeric.after(others, placeholder.longest) if others else after

    def _where(self, literal: str) -> int:
        found = self._occurrences.get(literal)
        if found is None:
            found, place = 0, self.text.find(literal)
            while place >= 0:
                found |= 1 << place
                place = self.text.find(literal, place + 1)
            self._occurrences[literal] = found
        return found

    @cached_property
    def _solid(self) -> "_Runs":
        return _Runs(_SOLID, self.text)

    @cached_property
    def _alphanumeric(self) -> "_Runs":
        return _Runs(_ALPHANUMERIC, self.text)


class _Runs:
    """Where runs of one kind of character stand: `doubled[N]` are the places before 2**N of them."""

    def __init__(self, kind: re.Pattern[str], text: str) -> None:
        self.single = 0
        for run in kind.finditer(text):
            start, end = run.span()
            self.single |= (1 << end) - (1 << start)
        self._doubled = [self.single]

    def after(self, places: int, longest: int) -> int:
        """The places after 1 to `longest` characters of the kind."""
        reached = (places & self.single) << 1
        length = 1
        while length < longest:
            step = min(length, longest - length)
            if not (going_on := reached & self._of(step)):
                break
            reached |= going_on << step
            length += step
        return reached

    def _of(self, length: int) -> int:
        """The places before `length` characters in a row."""
        power = length.bit_length() - 1
        while len(self._doubled) <= power:
            half = self._doubled[-1]
            self._doubled.append(half & half >> (1 << len(self._doubled) - 1))
        run = self._doubled[power]
        return run & run >> length - (1 << power)


def _spread(places: int, length: int) -> int:
    """The places from 0 to `length` - 1 characters after each."""
    spread = 1
    while spread < length:
        step = min(spread, length - spread)
        places |= places << step
        spread += step
    return places
