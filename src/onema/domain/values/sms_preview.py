"""What an SMS text becomes on its way, for whoever writes one: alphabet, parts, and what folding it would save."""

import itertools
import unicodedata

import msgspec

from onema.domain.values.sms_text import fold, outside_gsm, room, segments, split, units_of

_JOINER = "\N{ZERO WIDTH JOINER}"


class Part(msgspec.Struct, frozen=True):
    """One segment; `units` are septets, or UTF-16 units, headers not counted."""

    text: str
    units: int


class Outsider(msgspec.Struct, frozen=True):
    """A character outside the GSM alphabet, and at which characters of the text, counted from 0, it stands."""

    character: str
    code_point: str
    name: str
    at: tuple[int, ...]


class Folded(msgspec.Struct, frozen=True):
    """The text with Vietnamese accents as plain letters, and how many segments that saves."""

    text: str
    encoding: str
    segments: int
    saves: int


class TextPreview(msgspec.Struct, frozen=True):
    """`units_left` is the room in the last segment. `outsiders` are what makes it UCS-2, in order of their first place,
    and `gsm_segments` is how many segments it takes with a GSM character in the place of each; 0 where there are none.
    `folded` is None for a text that folding leaves as it is. `cuts_cluster` says that a segment ends within characters
    which are joined to one by a zero-width joiner.
    """

    text: str
    encoding: str
    segments: int
    units: int
    units_left: int
    parts: tuple[Part, ...]
    outsiders: tuple[Outsider, ...]
    gsm_segments: int
    folded: Folded | None
    cuts_cluster: bool


def preview_text(text: str) -> TextPreview:
    """The same parts as are sent and priced (sms_text.py)."""
    whole = segments(text)
    parts = tuple(Part(part, units_of(part, whole.encoding)) for part in split(text))
    outside = outside_gsm(text)
    return TextPreview(
        text=text,
        encoding=whole.encoding.value,
        segments=whole.count,
        units=whole.units,
        units_left=room(whole.encoding, whole.count) - parts[-1].units,
        parts=parts,
        outsiders=_outsiders(text, outside),
        gsm_segments=segments(text.translate(dict.fromkeys(map(ord, outside), "?"))).count if outside else 0,
        folded=_folded(text, whole.count),
        cuts_cluster=any(
            before.text.endswith(_JOINER) or after.text.startswith(_JOINER)
            for before, after in itertools.pairwise(parts)
        ),
    )


def _outsiders(text: str, outside: list[str]) -> tuple[Outsider, ...]:
    places: dict[str, list[int]] = {character: [] for character in outside}
    for place, character in enumerate(text):
        if character in places:
            places[character].append(place)
    return tuple(
        Outsider(one, f"U+{ord(one):04X}", unicodedata.name(one, ""), tuple(at)) for one, at in places.items()
    )


def _folded(text: str, count: int) -> Folded | None:
    plain = fold(text)
    if plain == text:
        return None
    after = segments(plain)
    return Folded(plain, after.encoding.value, after.count, count - after.count)
