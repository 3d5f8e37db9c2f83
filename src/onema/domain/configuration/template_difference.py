"""Where a text that fits no template first differs from the one that it is nearest to. It takes its time."""

import difflib
from collections.abc import Iterable

import msgspec

from onema.domain.configuration.message_template import (
    MessageTemplate,
    Placeholder,
    PlaceholderKind,
)
from onema.domain.configuration.template_matching import PlacesIn
from onema.domain.values.written_form import text_form


class Difference(msgspec.Struct, frozen=True):
    """Character `place` (from 1) of the text is the first that does not fit: there the template goes on with
    `expected`, the text with `found`. Either is empty where its text has ended.
    """

    template: str
    place: int
    expected: str
    found: str


def nearest_difference(
    text: str, templates: Iterable[MessageTemplate], code_length: int
) -> Difference | None:
    """None without templates, and for a text that fits the nearest one."""
    text = text_form(text)
    nearest = _nearest(text, templates)
    if nearest is None:
        return None
    return first_difference(text, nearest, code_length)


def first_difference(text: str, template: MessageTemplate, code_length: int) -> Difference | None:
    places_in, places = PlacesIn(text_form(text), code_length), 1
    for number, piece in enumerate(template.pieces):
        rest = "".join(map(_source, template.pieces[number + 1 :]))
        if isinstance(piece, str):
            reached = places_in.after_literal(places, piece)
            if not reached:
                alike = [(place, _common(piece, places_in.text[place:])) for place in _each(places)]
                place, common = max(alike, key=sum)
                return _difference(template, places_in, place + common, piece[common:] + rest)
        else:
            reached = places_in.after_placeholder(places, piece)
            if not reached:
                return _difference(template, places_in, places.bit_length() - 1, _source(piece) + rest)
        places = reached
    if places >> places_in.length & 1:
        return None
    return _difference(template, places_in, places.bit_length() - 1, "")


def _nearest(text: str, templates: Iterable[MessageTemplate]) -> MessageTemplate | None:
    """The most alike, by difflib's ratio; its quick ratios are upper bounds."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(text)
    nearest, best = None, -1.0
    for template in templates:
        matcher.set_seq1(text_form(template.text))
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
            ratio = matcher.ratio()
            if ratio > best:
                nearest, best = template, ratio
    return nearest


def _difference(template: MessageTemplate, text: PlacesIn, place: int, expected: str) -> Difference:
    before, found = text.with_markers(0, place), text.with_markers(place, text.length)
    return Difference(template.text, len(before) + 1, expected, found)


def _each(places: int) -> Iterable[int]:
    while places:
        yield (places & -places).bit_length() - 1
        places &= places - 1


def _common(literal: str, text: str) -> int:
    """How many characters they begin with alike."""
    for number, (one, other) in enumerate(zip(literal, text, strict=False)):
        if one != other:
            return number
    return min(len(literal), len(text))


def _source(piece: str | Placeholder) -> str:
    if isinstance(piece, str):
        return piece
    if piece.kind in (PlaceholderKind.CODE, PlaceholderKind.AMOUNT, PlaceholderKind.PAYEE):
        return f"{{{piece.kind.value}}}"
    return f"{{{piece.kind.value},{piece.longest}}}"
