"""What an SMS can be sent from: a name, a number or a short code."""

import enum

LONGEST_ALPHANUMERIC = 11
"""An alphanumeric sender is 7 octets of septets on the air (3GPP TS 23.040 §9.1.2.5)."""
LONGEST_NUMERIC = 20
"""source_addr and destination_addr of submit_sm (SMPP 3.4 §5.2.8)."""
_SHORTEST_INTERNATIONAL = 7


class SenderKind(enum.StrEnum):
    ALPHANUMERIC = "alphanumeric"
    NUMBER = "number"
    """With its country code."""
    SHORT_CODE = "short code"


def sender_kind(sender: str) -> SenderKind:
    """A number where it has a '+' or is as long as one. Sense is made of what has no `sender_problem` only."""
    if not sender.removeprefix("+").isdigit():
        return SenderKind.ALPHANUMERIC
    if sender.startswith("+") or len(sender) >= _SHORTEST_INTERNATIONAL:
        return SenderKind.NUMBER
    return SenderKind.SHORT_CODE


def sender_problem(sender: str) -> str:
    """Why it can be no sender; "" for one that can. Said before anything is sent: peers cut such a sender, send it with
    bits missing, or accept it and fail later.
    """
    if not sender:
        return ""
    if not sender.isascii() or not sender.isprintable():
        return "a sender has ASCII letters, digits and signs only"
    if sender_kind(sender) is not SenderKind.ALPHANUMERIC:
        digits = sender.lstrip("+")
        return "" if len(digits) <= LONGEST_NUMERIC else f"a number has at most {LONGEST_NUMERIC} digits"
    if len(sender) > LONGEST_ALPHANUMERIC:
        return f"an alphanumeric sender has at most {LONGEST_ALPHANUMERIC} characters"
    return ""
