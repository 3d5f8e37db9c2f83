"""When something is to be sent, as clients write it."""

import datetime as dt
import re

_SEND_DATE = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_VIETNAM = dt.timezone(dt.timedelta(hours=7))


def moment_of(text: str) -> int:
    """Unix ms of a SendDate, in Vietnam where it names no zone. Raises ValueError, and OverflowError."""
    match = _SEND_DATE.fullmatch(text)
    if match is None:
        raise ValueError("another form")
    year, month, day, hour, minute, second = map(int, match.groups("0")[:6])
    zone = dt.datetime.strptime(match[7], "%z").tzinfo if match[7] else _VIETNAM
    moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return int(moment.timestamp() * 1000)
