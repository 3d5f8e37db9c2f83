"""Which address fields an address gets (3.4 §5.2.5, §5.2.6), and which none can have."""

from onema.domain.values.sms_sender import SenderKind, sender_kind, sender_problem
from onema.protocols.smpp.pdus import Address

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL, TON_NETWORK, TON_SUBSCRIBER, TON_ALPHANUMERIC = range(6)
NPI_UNKNOWN, NPI_E164 = 0, 1


def destination(phone: str) -> Address:
    """A phone in E.164 with its '+', which is not sent: always ton 1, npi 1. (Kannel's default is national.)"""
    return Address(TON_INTERNATIONAL, NPI_E164, phone.lstrip("+").encode("ascii"))


def source(sender: str) -> Address:
    """A sender: alphanumeric (ton 5), international where it has a '+' or is as long as a number, else a short code
    (ton 0). Raises ValueError for one with a `sender_problem`.
    """
    problem = sender_problem(sender)
    if problem:
        raise ValueError(problem)
    if not sender:
        return Address()
    kind = sender_kind(sender)
    if kind is SenderKind.ALPHANUMERIC:
        return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, sender.encode("ascii"))
    digits = sender.lstrip("+").encode("ascii")
    return Address(TON_INTERNATIONAL if kind is SenderKind.NUMBER else TON_UNKNOWN, NPI_E164, digits)
