"""Texts of a trunk's settings in which a call's own values are filled in: `{caller}`, `{called}`.

Only these values, of which none can hold a line's end or a bracket, ever stand in a header, so that neither an
integrator nor a person who is called can write one.
"""

import re
from collections.abc import Mapping

PLACEHOLDERS: Mapping[str, str] = {
    "caller": "the caller's number in `caller_form`; empty without one",
    "called": "the number called in `called_form`",
    "auth_user": "the setting of that name",
    "account": "the account's id",
    "message": "the message's id",
    "attempt": "the number of the attempt",
}
"""Each with what docs say of it."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]*")
"""`user` without escapes (RFC 3261 §25.1)."""
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
"""`token` of RFC 3261 §25.1: what a header may be called."""
_OWN_HEADERS = frozenset(
    (
        *(
            "via",
            "route",
            "record-route",
            "from",
            "to",
            "contact",
            "call-id",
            "cseq",
            "max-forwards",
            "expires",
        ),
        *("content-length", "content-type", "content-encoding", "authorization", "proxy-authorization"),
        *("supported", "require", "proxy-require", "allow", "session-expires", "min-se"),
        *("p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "privacy"),
        # Compact forms (RFC 3261 §7.3.3, RFC 4028 §4).
        *("v", "f", "t", "m", "i", "l", "c", "e", "k", "x"),
    )
)
"""What the protocol itself or another setting writes."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Raises KeyError for a placeholder that has no value."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def problem_in(text: str) -> str:
    """Why a text cannot be part of a header; empty when it can."""
    if not text.isprintable():
        return "it has characters that are not printable, such as the end of a line"
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            return f"there is no placeholder {{{name}}}; there are: {', '.join(PLACEHOLDERS)}"
    if set(_PLACEHOLDER.sub("", text)) & set("{}"):
        return "it has a bracket that belongs to no placeholder"
    return ""


def problem_in_user(text: str) -> str:
    """Why a text cannot be the user of an address; empty when it can."""
    return problem_in(text) or (
        ""
        if _USER.fullmatch(_PLACEHOLDER.sub("", text))
        else "it has characters that the user of an address must not have"
    )


def is_header_name(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None


def problem_in_name(name: str) -> str:
    """Why a header cannot be added that is called so; empty when it can."""
    if not is_header_name(name):
        return "it is no name of a header"
    if name.lower() in _OWN_HEADERS:
        return "this header is written by other settings, or by the protocol"
    return ""
