"""SMS text: alphabet, parts, and folding of Vietnamese accents.

The tariff prices what `segments` counts and carriers send what `split` returns: both come from one rule.
Alphabet and part sizes: 3GPP TS 23.038 section 6.2.1 and TS 23.040 section 9.2.3.24.1 (8-bit reference).
"""

import enum
import re
import unicodedata
from dataclasses import dataclass

GSM_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The default alphabet: a character's index is its septet. Septet 0x1B is no character but the escape."""

GSM_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Characters sent as the escape and this septet."""

_ESCAPE = "\x1b"
_GSM = frozenset(GSM_DEFAULT).difference(_ESCAPE).union(GSM_EXTENSION)
_SEPTETS: dict[int, int | str] = {
    **{ord(character): septet for septet, character in enumerate(GSM_DEFAULT) if character != _ESCAPE},
    **{ord(character): _ESCAPE + chr(septet) for character, septet in GSM_EXTENSION.items()},
}


class Encoding(enum.Enum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


_UNITS_PER_MESSAGE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_UNITS_PER_PART = {Encoding.GSM7: 153, Encoding.UCS2: 67}


@dataclass(frozen=True, slots=True)
class Segmentation:
    """`count` segments; `units` septets (GSM7) or UTF-16 units (UCS2) in all, headers not counted."""

    encoding: Encoding
    count: int
    units: int


def encoding_of(text: str) -> Encoding:
    return Encoding.GSM7 if _GSM.issuperset(text) else Encoding.UCS2


def outside_gsm(text: str) -> list[str]:
    """The characters that make a text UCS-2, each once, in the order of their first places."""
    return [character for character in dict.fromkeys(text) if character not in _GSM]


def room(encoding: Encoding, parts: int) -> int:
    """How many units fit into each part of a text that is sent in so many."""
    return _UNITS_PER_MESSAGE[encoding] if parts == 1 else _UNITS_PER_PART[encoding]


def gsm_octets(text: str) -> bytes:
    """The septets of a GSM7 text, one per octet, as SMPP carries them. Raises ValueError for other text."""
    if not _GSM.issuperset(text):
        raise ValueError("text has characters outside the GSM 7-bit alphabet")
    return text.translate(_SEPTETS).encode("ascii")


def segments(text: str) -> Segmentation:
    """What sending `text` takes; the empty text takes one segment."""
    encoding = encoding_of(text)
    units = units_of(text, encoding)
    fits = units <= _UNITS_PER_MESSAGE[encoding]
    return Segmentation(encoding, 1 if fits else len(_long_parts(text, encoding)), units)


def split(text: str) -> list[str]:
    """The parts in which `text` is sent: as many as `segments` counts, and joined they are the text.

    Every part is as long as fits without splitting an escape pair or a surrogate pair.
    """
    encoding = encoding_of(text)
    fits = units_of(text, encoding) <= _UNITS_PER_MESSAGE[encoding]
    return [text] if fits else _long_parts(text, encoding)


def units_of(text: str, encoding: Encoding) -> int:
    """Septets, or UTF-16 units."""
    if encoding is Encoding.GSM7:
        return len(text) + sum(map(text.count, GSM_EXTENSION))
    return len(text) + sum(character > "\uffff" for character in text)


def _long_parts(text: str, encoding: Encoding) -> list[str]:
    limit = _UNITS_PER_PART[encoding]
    parts = []
    start = 0
    while start < len(text):
        part = text[start : start + limit]
        while (excess := units_of(part, encoding) - limit) > 0:
            # A character is one unit or two, so at least half as many characters are too many.
            part = part[: -((excess + 1) // 2)]
        parts.append(part)
        start += len(part)
    return parts


_VIETNAMESE = {
    "a": "àáảãạăằắẳẵặâầấẩẫậ",
    "d": "đ",
    "e": "èéẻẽẹêềếểễệ",
    "i": "ìíỉĩị",
    "o": "òóỏõọôồốổỗộơờớởỡợ",
    "u": "ùúủũụưừứửữự",
    "y": "ỳýỷỹỵ",
}
_FOLD = str.maketrans(
    {
        letter: plain
        for base, letters in _VIETNAMESE.items()
        for plain, spelled in ((base, letters), (base.upper(), letters.upper()))
        for letter in unicodedata.normalize("NFC", spelled)
    }
)
_COMBINING = re.compile(r"[\u0300-\u036f]")
_LETTER_AND_MARKS = re.compile(r"\w[\u0300-\u036f]*")


def fold(text: str) -> str:
    """Vietnamese letters without their accents; all other text stays as it is.

    Knows the 134 accented letters composed, decomposed, and half composed ("ê" and a combining acute, as
    Windows-1258 keyboards write them). Other letters with combining marks are left alone.
    """
    if text.isascii():
        return text
    if _COMBINING.search(text) is None:
        return text.translate(_FOLD)
    return _LETTER_AND_MARKS.sub(_fold_letter, text)


def _fold_letter(match: re.Match[str]) -> str:
    letter = unicodedata.normalize("NFC", match[0])
    folded = letter.translate(_FOLD)
    return folded if len(letter) == 1 and folded != letter else match[0]
