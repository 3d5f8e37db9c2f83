"""Signatures as in China: the sender's registered name in lenticular brackets, before or behind a text."""

_LEFT, _RIGHT = "\N{LEFT BLACK LENTICULAR BRACKET}", "\N{RIGHT BLACK LENTICULAR BRACKET}"
LONGEST_SIGNATURE = 20
"""Characters between the brackets; vendors take 2 to 20."""


def signature_in(text: str) -> str:
    """What stands in brackets at the beginning of the text or at its end, without them; "" for nothing."""
    if text.startswith(_LEFT):
        signature, closed, _ = text[1 : LONGEST_SIGNATURE + 2].partition(_RIGHT)
    elif text.endswith(_RIGHT):
        _, closed, signature = text[-LONGEST_SIGNATURE - 2 : -1].rpartition(_LEFT)
    else:
        return ""
    return signature.strip() if closed else ""


def signed(text: str, signature: str, *, behind: bool) -> str:
    """The text with the signature, which it must not have yet."""
    bracketed = f"{_LEFT}{signature}{_RIGHT}"
    return f"{text}{bracketed}" if behind else f"{bracketed}{text}"


def may_be_signature(signature: str) -> bool:
    return len(signature) <= LONGEST_SIGNATURE and not {_LEFT, _RIGHT} & set(signature)
