"""Keys that a far end tells by INFO, as gateways do that hear them and send no telephone-event."""

import re

from onema.protocols.sip.messages import Request

KINDS = ("application/dtmf-relay", "application/dtmf", "audio/telephone-event")
_SIGNAL = re.compile(
    rb"^[ \t]*signal[ \t]*=[ \t]*([0-9]{1,2}|[*#A-Da-d])[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_BARE = re.compile(rb"\s*([0-9]{1,2}|[*#A-Da-d])\s*")
_BY_NUMBER = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Events of RFC 4733 §3.2, which some gateways write as a number."""


def tells_key(request: Request) -> bool:
    """Whether the INFO is of a kind that tells keys."""
    kind = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return kind in KINDS


def key_of(request: Request) -> str:
    """The key, `0` to `9`, `*`, `#` or `A` to `D`; empty where the body tells none."""
    found = _SIGNAL.search(request.body) or _BARE.fullmatch(request.body)
    if found is None:
        return ""
    text = found[1].decode("ascii").upper()
    return text if len(text) == 1 else _BY_NUMBER.get(text, "")
