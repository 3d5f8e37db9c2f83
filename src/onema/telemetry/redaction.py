"""The last line of defence of the log.

Code that logs is expected to log nothing secret; this filter assumes that somewhere it does.
"""

import logging
import re
import traceback
from collections.abc import Mapping

MASK = "***"

# Compared with names in lower case and without `_` and `-`.
_SECRET_NAMES = frozenset(
    {"code", "otp", "pin", "text", "body", "content", "message", "payload"}
    | {"sign", "sig", "signature", "auth", "cookie", "setcookie", "credential", "key"}
)
_SECRET_PARTS = (
    "secret",
    "password",
    "passwd",
    "token",
    "authorization",
    "apikey",
    "privatekey",
    "serverkey",
)

_DIGITS = re.compile(r"\d{7,}")
# Values that stand behind their name in one string: a query, a header, JSON, a repr.
_NAMED = re.compile(
    r"""(?ix)
    (?<![a-z0-9])
    ( (?: [a-z0-9_-]* (?: secret | password | passwd | token | api[_-]?key | server[_-]?key ) [a-z0-9_-]* )
      | code | otp | pin | sign | signature | authorization | cookie | content | message | text | body
    )
    ( ["']? \s* [=:] \s* (?: (?:bearer | basic) \s+ )? )
    (?: "[^"]*" | '[^']*' | [^\s"'&,;}]{3,} )
    """
)

_URL = re.compile(r"""(?i)\b([a-z][a-z0-9+.-]*://)([^\s"'<>]+)""")

# What logging itself puts on a record; the rest came from `extra`.
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class SafeText(str):
    """Text that our own code vouches for, such as an id in hex: it is logged as it is."""

    __slots__ = ()


def safe(value: object) -> SafeText:
    """Vouch for a value that holds no phone number, code or secret although it may look like one."""
    return SafeText(value)


def redact_text(text: str) -> str:
    return _DIGITS.sub(MASK, _NAMED.sub(rf"\1\2{MASK}", _URL.sub(_host_only, text)))


def _host_only(url: re.Match[str]) -> str:
    """A URL's scheme and host: user, path and query are where webhooks carry their secrets."""
    scheme, rest = url.groups()
    if "@" in rest:
        return scheme + MASK  # a password may hold any sign, so nobody can tell where it ends
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return scheme + (rest if rest in (host, f"{host}/") else f"{host}/{MASK}")


def redact_value(value: object) -> object:
    """The same value, with whatever looks secret masked, at any depth."""
    match value:
        case SafeText() | None | bool() | float():
            return value
        case int():
            return MASK if abs(value) >= 1_000_000 else value
        case Mapping():
            return {str(name): redact_field(str(name), member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value(member) for member in value]
        case bytes():
            return redact_text(value.decode("latin-1"))
        case _:
            return redact_text(str(value))


def redact_field(name: str, value: object) -> object:
    if isinstance(value, SafeText):
        return value
    return MASK if is_secret_name(name) else redact_value(value)


def is_secret_name(name: str) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return plain in _SECRET_NAMES or any(part in plain for part in _SECRET_PARTS)


class RedactionFilter(logging.Filter):
    """Masks a record in place. It belongs on handlers: a logger's own filters miss its children's records."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact_text(_event(record))
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        record.exc_info = None
        if record.exc_text:
            record.exc_text = redact_text(record.exc_text)
        if record.stack_info:
            record.stack_info = redact_text(record.stack_info)
        for name, value in list(vars(record).items()):
            if name not in STANDARD_FIELDS:
                setattr(record, name, redact_field(name, value))
        return True


def _event(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # A wrong format string must not cost the line, nor show its arguments unmasked.
        return str(record.msg)
