"""Times in PDUs (3.4 §7.1.1): sixteen characters, YYMMDDhhmmsstnnp."""

import functools
import re
from datetime import UTC, datetime, timedelta, timezone

_DAY = 86_400
LONGEST_RELATIVE_SECONDS = 31 * _DAY
"""Longer periods are cut: months have no length, and no SMSC keeps a text for a month."""

_QUARTER = timedelta(minutes=15)


@functools.lru_cache(maxsize=4_096)
def relative(seconds: int) -> bytes:
    """A period from now on, of at least a second (3.4 §7.1.1.2): 0 would be for ever, or the SMSC's default."""
    days, rest = divmod(min(max(seconds, 1), LONGEST_RELATIVE_SECONDS), _DAY)
    hours, rest = divmod(rest, 3_600)
    return b"0000%02d%02d%02d%02d000R" % (days, hours, *divmod(rest, 60))


def absolute(at: datetime) -> bytes:
    """A moment, in UTC (3.4 §7.1.1.1)."""
    at = at.astimezone(UTC)
    return at.strftime("%y%m%d%H%M%S").encode() + b"%d00+" % (at.microsecond // 100_000)


_FIELDS = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([+R-])")


def seconds_left(value: bytes, now: datetime) -> float | None:
    """How long a validity_period or schedule_delivery_time still has, negative when it is over; None for one that is
    empty or none.
    """
    found = _FIELDS.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second, tenth, quarters = map(int, found.groups()[:-1])
    if found[9] == b"R":
        days = year * 365 + month * 30 + day
        return float(days * _DAY + hour * 3_600 + minute * 60 + second)
    offset = quarters * _QUARTER * (-1 if found[9] == b"-" else 1)
    try:
        at = datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, timezone(offset))
    except ValueError:
        return None
    return (at - now).total_seconds()
