"""What became of messages over time, and what it cost."""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.statistics_requests import By, FoundStatistics, StatisticsIn, StatisticsLine
from onema.console.operate.frame import Section, Visit
from onema.console.operate.spreadsheet import csv_of, not_computed
from onema.domain.configuration.documents import Account
from onema.domain.statistics import DAY_MS, HOUR_MS, OTHERS
from onema.domain.values.money import Minor, format_amount
from onema.domain.values.times import show_time

_DAYS = (1, 7, 30, 90, 365)
_BY_HOUR_DAYS = 3
"""A longer time is drawn by days."""
_MOST_LINES = 60
"""Lines of a page; the file has them all."""
_COLUMNS = (
    "value",
    "text",
    "messages",
    "sent",
    "delivered",
    "codes",
    "verified",
    "currency",
    "charged",
    "per_verified_number",
)


async def statistics(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account, days, by = _account(visit, accounts), _days(visit), _by(visit)
    series_by: By = "hour" if days <= _BY_HOUR_DAYS else "day"
    series = await _read(visit, account, days, series_by)
    found = series if by == series_by else await _read(visit, account, days, by)
    return visit.render(
        "statistics.html",
        accounts=accounts,
        account=account,
        days=days,
        periods=_DAYS,
        by=by,
        groups=_groups(visit),
        counted_at=show_time(found.counted_at),
        by_hour=series_by == "hour",
        currencies=[
            {
                "currency": one.currency,
                "total": _shown(one.total),
                "lines": [_shown(line) for line in _lines(one, by)],
                "series": _dense(series, one.currency, HOUR_MS if series_by == "hour" else DAY_MS),
            }
            for one in found.currencies
        ],
        command=" ".join(filter(None, ("onema statistics", account, f"--by {by} --days {days}"))),
    )


async def table(visit: Visit) -> Response:
    """The table for a spreadsheet, with all its lines."""
    account = _account(visit, await visit.accounts())
    found = await _read(visit, account, _days(visit), _by(visit))
    rows = [_row(line, one.currency) for one in found.currencies for line in one.lines]
    headers = {"content-disposition": 'attachment; filename="statistics.csv"'}
    return Response(csv_of([_COLUMNS, *rows]), media_type="text/csv; charset=utf-8", headers=headers)


async def _read(visit: Visit, account: str, days: int, by: By) -> FoundStatistics:
    return await visit.ask(ask.ReadStatistics(account=account, days=days, by=by))


def _account(visit: Visit, accounts: list[Account]) -> str:
    """The account that is looked at; empty for all."""
    if visit.viewer.account:
        return visit.viewer.account
    named = visit.told("account")
    return named if any(one.name == named for one in accounts) else ""


def _days(visit: Visit) -> int:
    told = visit.told("days")
    return int(told) if told in map(str, _DAYS) else _DAYS[0]


def _by(visit: Visit) -> By:
    told = visit.told("by")
    return msgspec.convert(told, By) if told and told in get_args(By) else "carrier"


def _groups(visit: Visit) -> list[tuple[str, str]]:
    say = visit.words.say
    return [
        ("hour", say("Hour")),
        ("day", say("Day")),
        ("channel", say("SMS or call")),
        ("carrier", say("Carrier")),
        ("operator", say("Operator of the number")),
        ("network", say("Network, as receipts say")),
        ("country", say("Country")),
        ("prefix", say("First digits")),
        ("template", say("Template")),
    ]


def _lines(one: StatisticsIn, by: By) -> Iterable[StatisticsLine]:
    """The newest hours and days first."""
    return (one.lines[::-1] if by in ("hour", "day") else one.lines)[:_MOST_LINES]


def _shown(line: StatisticsLine) -> dict[str, Any]:
    return {
        "value": line.value,
        "told": line.told,
        "is_rest": line.value == OTHERS,
        "messages": line.messages,
        "sent": line.sent,
        "delivered": line.delivered,
        "delivered_share": _percent(line.delivered, line.messages),
        "codes": line.codes,
        "verified": line.verified,
        "verified_share": _percent(line.verified, line.codes),
        "charged": format_amount(line.charged),
        "per_verified": _rounded(line.per_verified),
    }


def _rounded(amount: Minor | None) -> str:
    """To a hundredth, as people read it; empty for none."""
    return "" if amount is None else format_amount(Minor(round(amount, -2)))


def _percent(part: int, whole: int) -> str:
    """Empty without any. A code that went out again by another way has a part there and its whole elsewhere."""
    return f"{min(100.0, 100 * part / whole):.1f}" if whole > 0 else ""


def _dense(series: FoundStatistics, currency: str, step: int) -> dict[str, str]:
    """Each hour or day of the time, also those in which nothing was sent, as a chart takes it."""
    lines = next((one.lines for one in series.currencies if one.currency == currency), ())
    by_time = {line.value: line for line in lines}
    starts = list(range(series.since // step * step, series.until, step))
    there = [by_time.get(show_time(at)) for at in starts]
    return {
        "times": _listed(at // 1000 for at in starts),
        "messages": _listed(one.messages if one else 0 for one in there),
        "delivered": _listed(one.delivered if one else 0 for one in there),
        "verified": _listed(one.verified if one else 0 for one in there),
    }


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _row(line: StatisticsLine, currency: str) -> tuple[str, ...]:
    counts = (line.messages, line.sent, line.delivered, line.codes, line.verified)
    per_verified = "" if line.per_verified is None else format_amount(line.per_verified)
    return (
        not_computed(line.value),
        not_computed(line.told),
        *map(str, counts),
        currency,
        format_amount(line.charged),
        per_verified,
    )


SECTION = Section("statistics", "Statistics", {"": statistics, "/table.csv": table})
