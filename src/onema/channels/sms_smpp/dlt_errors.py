"""What the `err:` of a receipt means where India's DLT refused the text: 600 to 699.

The numbers are those of the operators' common list, which their customers publish (smsgatewayhub.freshdesk.com, article
3000129776, and support.exotel.com, article 3000120944, both seen 2026-11). 611 to 618 meant other things before
2024-12, and some routes may still mean those: the number itself is always kept beside the words.
"""

import re
from collections.abc import Mapping

from onema.domain.delivery.outcome import Ending

_WORDS: Mapping[int, str] = {
    600: "no such entity",
    601: "the entity is not registered",
    602: "the entity is inactive",
    603: "the entity is blacklisted",
    604: "the entity's id is missing or malformed",
    605: "the entity may not send by this telemarketer",
    610: "the telemarketer is not registered",
    611: "the telemarketer is inactive",
    612: "the telemarketer is blacklisted",
    613: "the telemarketer may not send for this entity",
    614: "the chain of telemarketers is missing",
    615: "the chain of telemarketers is not registered",
    616: "the chain of telemarketers is inactive",
    617: "the chain of telemarketers is blacklisted",
    618: "the chain of telemarketers is suspended",
    620: "no such sender",
    621: "the sender is inactive",
    622: "the sender is blacklisted",
    623: "the sender is another entity's",
    630: "no such template",
    631: "the template is inactive",
    632: "the template is blacklisted",
    633: "the text does not fit the template",
    634: "the sender is not registered for the template",
    635: "a variable of the template is too long",
    636: "the template could not be told",
    637: "the template's id is missing or malformed",
    650: "the person does not want such texts",
    660: "the person's consent is missing",
    670: "the text could not be checked",
}
_GROUPS: Mapping[int, str] = {
    60: "something about the entity",
    61: "something about the telemarketer",
    62: "something about the sender",
    63: "something about the template",
    64: "something about the template",
    65: "something about the person's preferences",
    66: "something about the person's consent",
}
_ABUSE = frozenset({603, 612, 617, 618, 622, 632, 650, 660})
"""Blacklisted or suspended, or sent to somebody who did not want it. The others are mistakes in what was registered."""
_CODE = re.compile(r"0*(6[0-9]{2})")


def dlt_ending(err: str) -> Ending | None:
    """BLOCKED where the operator took the text for abuse; None where the code does not say how it ended."""
    found = _CODE.fullmatch(err)
    return Ending.BLOCKED if found is not None and int(found[1]) in _ABUSE else None


def dlt_words(err: str) -> str:
    """For people; "" for what is no such code."""
    found = _CODE.fullmatch(err)
    if found is None:
        return ""
    code = int(found[1])
    return f"refused by India's DLT: {_WORDS.get(code) or _GROUPS.get(code // 10) or 'something else'}"
