"""The one form of what people type, paste and generate: numbers, codes and texts.

Spellings that look alike on a screen become one here, once; what comes out is compared, matched, priced and sent.
"""

import functools
import re
import unicodedata

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt: soft hyphen, bidi marks, zero-width spaces, byte
# order mark, variation selectors, tags, fillers.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_IGNORABLE}]")
# The joiner and the non-joiner change how Persian, the scripts of India and families of emoji are read.
_INVISIBLE_IN_TEXT = re.compile(f"(?![\u200c\u200d])[{_IGNORABLE}]")
# Unicode's newline guidelines (UAX 14): Word writes a vertical tab, .NET and forms CR LF.
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ODD_SPACE = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SPACES = re.compile(" {2,}")
# More marks on one letter than any language has, and than Unicode expects anybody to compose (UAX 15, Stream-Safe
# Text). Putting them in order takes CPython a time that grows with the square of their number.
_MANY_MARKS = re.compile(r"([^\w\s\x00-\x7f]{31,})")
_PLAIN = re.compile(r"[!-~]+(?:[ \n][!-~]+)*")

# No dashes by their category, but written as such: minus, hyphen bullet, and the long-vowel mark, which Japanese
# keyboards have in the dash's place.
_DASHES = "\u2212\u2043\u30fc\uff70"
_OTHER_SEPARATORS = "().[]\uff08\uff09\uff0e\uff3b\uff3d"
_PLUSES = "\uff0b\ufe62"
_FULL_WIDTH_LETTER = re.compile("[\uff21-\uff3a\uff41-\uff5a]")
_FULL_WIDTH = 0xFEE0


def number_form(text: str) -> str:
    """A phone number without spaces, dashes, dots, brackets and what cannot be seen; its digits and plus in ASCII.

    Spaces in front stay, as one: in a query they may have been a plus.
    """
    characters = "".join(map(_essence, text))
    digits = characters.replace(" ", "")
    for separator in _OTHER_SEPARATORS:
        digits = digits.replace(separator, "")
    return f" {digits}" if characters.startswith(" ") else digits


def code_form(text: str) -> str:
    """A code without spaces, dashes and what cannot be seen; its digits and letters in ASCII, in their case."""
    if text.isascii() and text.isalnum():
        return text
    return "".join(map(_essence, text)).replace(" ", "")


def text_form(text: str) -> str:
    """A message or template as it is matched and sent: composed (NFC), one kind of space and one at a time, lines
    ended by LF, none of either around it, nothing that cannot be seen.
    """
    if _PLAIN.fullmatch(text):
        return text
    text = _INVISIBLE_IN_TEXT.sub("", text)
    text = _ODD_SPACE.sub(" ", _LINE_END.sub("\n", text))
    return _SPACES.sub(" ", _composed(text).strip(" \n"))


def _composed(text: str) -> str:
    return "".join(
        part if _MANY_MARKS.fullmatch(part) else unicodedata.normalize("NFC", part)
        for part in _MANY_MARKS.split(text)
    )


@functools.lru_cache(maxsize=4_096)
def _essence(character: str) -> str:
    """What a character is in a number or a code: a digit, a letter, a plus, a space, nothing, or itself."""
    if _INVISIBLE.fullmatch(character):
        return ""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if character.isspace():
        # Only U+0020 can have been a plus.
        return " " if character == " " else ""
    if category == "Pd" or character in _DASHES:
        return ""
    if character in _PLUSES:
        return "+"
    if _FULL_WIDTH_LETTER.fullmatch(character):
        return chr(ord(character) - _FULL_WIDTH)
    return character
