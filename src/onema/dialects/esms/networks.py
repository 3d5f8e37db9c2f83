"""Phones and their networks as the vendor writes them."""

import re

from onema.domain.values.phone import Phone

# The vendor's numbers for the networks (https://developers.esms.vn/esms-api/callback-url, seen 2026-11), by the
# mobile prefixes that Vietnam gave them. A number that was ported still names its first network; what the vendor says
# of one is not known.
_NETWORKS = {
    "1": r"86|9[678]|3[2-9]",
    "2": r"89|90|93|7[06789]",
    "3": r"88|91|94|8[1-5]",
    "4": r"92|5[268]",
    "5": r"99|59",
    "6": r"87",
    "7": r"55",
}
_NETWORK = re.compile(
    "|".join(rf"(?P<n{number}>\+84(?:{prefixes}))" for number, prefixes in _NETWORKS.items())
)
# The first three are spelled as in the vendor's sample of
# https://developers.esms.vn/esms-api/ham-truy-xuat-va-dang-ky/ham-kiem-tra-chi-tiet-tung-so-trong-tin-nhan
# (seen 2026-11), the others as in its table of numbers.
_NAMES = {
    "1": "Viettel",
    "2": "Mobifone",
    "3": "Vinaphone",
    "4": "Vietnammobile",
    "5": "Gtel",
    "6": "Itel",
    "7": "Reddi",
}


def network_of(phone: Phone) -> str:
    """The vendor's number for the phone's network, empty for one that it does not list."""
    match = _NETWORK.match(phone)
    return (match.lastgroup or "")[1:] if match else ""


def network_name(phone: Phone) -> str:
    """Empty for one that the vendor does not list."""
    return _NAMES.get(network_of(phone), "")


def national(phone: Phone) -> str:
    return f"0{phone[3:]}" if phone.startswith("+84") else phone.removeprefix("+")
