"""What became of an account's messages, counted."""

from typing import Any, get_args

import msgspec

from onema.administration import requests as ask
from onema.administration.statistics_requests import By, StatisticsLine
from onema.dialects.native.desk import Asked, answered
from onema.dialects.native.errors import Invalid
from onema.domain.ids import EPOCH_MS, LARGEST_ID, time_of_id
from onema.domain.values.money import format_amount
from onema.domain.values.times import parse_time, show_time
from onema.http.messages import Response

_GROUPS = tuple(filter(None, get_args(By)))


async def statistics(asked: Asked) -> Response:
    """Of the last 24 hours where no time is said."""
    since, until = _time(asked, "since"), _time(asked, "until")
    by = asked.query.get("group_by", "")
    if by and by not in _GROUPS:
        raise Invalid("/group_by", f"it is one of {', '.join(_GROUPS)}")
    if until and since >= until:
        raise Invalid("/since", "it is before `until`")
    question = ask.ReadStatistics(account=asked.account, since=since, until=until, by=msgspec.convert(by, By))
    found = await asked.ask(question)
    return answered(
        {
            "since": show_time(found.since),
            "until": show_time(found.until),
            "counted_at": show_time(found.counted_at) or None,
            "totals": [_line(one.total, one.currency) for one in found.currencies],
            "items": [
                {"value": line.value, "text": line.told, **_line(line, one.currency)}
                for one in found.currencies
                for line in one.lines
            ],
        }
    )


def _line(one: StatisticsLine, currency: str) -> dict[str, Any]:
    per_verified = one.per_verified
    return {
        "messages": one.messages,
        "sent": one.sent,
        "delivered": one.delivered,
        "codes": one.codes,
        "verified": one.verified,
        "cost": {
            "currency": currency,
            "charged": format_amount(one.charged),
            "per_verified_number": None if per_verified is None else format_amount(per_verified),
        },
    }


def _time(asked: Asked, name: str) -> int:
    """0 where it is not said. Raises Invalid."""
    told = asked.query.get(name, "")
    try:
        at = parse_time(told)
    except (ValueError, OverflowError):
        at = -1
    if told and not EPOCH_MS <= at <= time_of_id(LARGEST_ID):
        raise Invalid(f"/{name}", "it is a time such as 2026-11-29T08:00:00Z, or a day")
    return at
