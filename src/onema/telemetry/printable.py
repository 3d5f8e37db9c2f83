"""Text that a terminal shows and does not obey.

Names and texts come from customers. A terminal takes escape sequences in them for orders: they rewrite what stands
above, set its title, or paste into its input. Marks of direction show a text in another order than it has.
"""

import re

_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What JSON itself leaves as it is."""


def printable(text: str) -> str:
    """The text with everything spelled out that a terminal would obey, but for line ends and tabs."""
    return _ORDERS.sub(_spelled, text)


def printable_line(text: str) -> str:
    """The same on one line."""
    return printable(text).replace("\n", "\\n")


def printable_json(document: str) -> str:
    """The same document: within its texts, JSON has a spelling for each of these."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _spelled(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
