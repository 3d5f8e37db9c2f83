"""Which address fields an address gets (3.4 §5.2.5, §5.2.6), and which none can have."""

from onema.protocols.smpp.pdus import Address

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL, TON_NETWORK, TON_SUBSCRIBER, TON_ALPHANUMERIC = range(6)
NPI_UNKNOWN, NPI_E164 = 0, 1

LONGEST_ALPHANUMERIC = 11
"""An alphanumeric sender is 7 octets of septets on the air (3GPP TS 23.040 §9.1.2.5)."""
LONGEST_NUMERIC = 20
"""source_addr and destination_addr of submit_sm (3.4 §5.2.8)."""
_SHORTEST_INTERNATIONAL = 7


def destination(phone: str) -> Address:
    """A phone in E.164 with its '+', which is not sent: always ton 1, npi 1. (Kannel's default is national.)"""
    return Address(TON_INTERNATIONAL, NPI_E164, phone.lstrip("+").encode("ascii"))


def sender_problem(sender: str) -> str:
    """Why it can be no sender; "" for one that can. Said before anything is sent: peers cut such a sender, send it with
    bits missing, or accept it and fail later.
    """
    if not sender:
        return ""
    if not sender.isascii() or not sender.isprintable():
        return "a sender has ASCII letters, digits and signs only"
    if _is_number(sender):
        digits = sender.lstrip("+")
        return "" if len(digits) <= LONGEST_NUMERIC else f"a number has at most {LONGEST_NUMERIC} digits"
    if len(sender) > LONGEST_ALPHANUMERIC:
        return f"an alphanumeric sender has at most {LONGEST_ALPHANUMERIC} characters"
    return ""


def source(sender: str) -> Address:
    """A sender: alphanumeric (ton 5), international where it has a '+' or is as long as a number, else a short code
    (ton 0). Raises ValueError for one with a `sender_problem`.
    """
    problem = sender_problem(sender)
    if problem:
        raise ValueError(problem)
    if not sender:
        return Address()
    if not _is_number(sender):
        return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, sender.encode("ascii"))
    digits = sender.lstrip("+").encode("ascii")
    if sender.startswith("+") or len(digits) >= _SHORTEST_INTERNATIONAL:
        return Address(TON_INTERNATIONAL, NPI_E164, digits)
    return Address(TON_UNKNOWN, NPI_E164, digits)


def _is_number(sender: str) -> bool:
    return sender.removeprefix("+").isdigit()
