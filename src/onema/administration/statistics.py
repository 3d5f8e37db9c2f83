"""Adds up what was counted: days where there are any, and hours for the rest."""

from collections.abc import Mapping

from onema.administration.statistics_requests import (
    By,
    FoundStatistics,
    ReadStatistics,
    StatisticsIn,
    StatisticsLine,
)
from onema.domain.configuration.brandname_view import name_of
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.ids import AccountId
from onema.domain.statistics import (
    ALL,
    DAY_MS,
    HOUR_MS,
    HOURS_KEPT_DAYS,
    OTHERS,
    Counts,
    Statistics,
    totals_in,
)
from onema.domain.values.money import Minor
from onema.domain.values.times import show_time
from onema.engine.gateway import Gateway
from onema.engine.statistics_rows import rows_between, rows_of
from onema.storage.contract import Storage

LONGEST_DAYS = 400
LONGEST_BY_HOUR_DAYS = 31
MOST_LINES = 200
_TIMES = ("hour", "day")

_ByValue = dict[str, Counts]


async def read_statistics(gateway: Gateway, storage: Storage, request: ReadStatistics) -> FoundStatistics:
    """Raises Refused."""
    account = account_by_name(gateway.directory, request.account) if request.account else None
    now = gateway.now()
    since, until = _whole(request, now)
    whose = AccountId(account.id) if account else ALL
    rows = await rows_between(storage, whose, since, until, now=now, by_hour=request.by == "hour")
    sums: dict[str, tuple[Counts, _ByValue]] = {}
    for row in rows:
        _add(sums, row, request.by)
    texts = _texts(account) if account and request.by == "template" else {}
    order = _in_time if request.by in _TIMES else _largest_first
    found = tuple(
        StatisticsIn(
            currency,
            _line("", total, {}),
            tuple(_line(value, counts, texts) for value, counts in order(values)[: _most(request.by)]),
        )
        for currency, (total, values) in sorted(sums.items())
    )
    return FoundStatistics(since, until, await _counted_at(storage, min(until, now)), found)


def _whole(request: ReadStatistics, now: int) -> tuple[int, int]:
    """The time that is asked for, as whole hours or days."""
    until = min(request.until or now + 1, now + 1)
    longest = LONGEST_BY_HOUR_DAYS if request.by == "hour" else LONGEST_DAYS
    days = request.days
    begun = until - DAY_MS if days <= 1 else (until - 1) // DAY_MS * DAY_MS - (days - 1) * DAY_MS
    since = max(request.since or begun, until - longest * DAY_MS, 0)
    steps = [DAY_MS if at < now - (HOURS_KEPT_DAYS - 1) * DAY_MS else HOUR_MS for at in (since, until)]
    since, until = since // steps[0] * steps[0], -(-until // steps[1]) * steps[1]
    return min(since, until), until


async def _counted_at(storage: Storage, until: int) -> int:
    last = max(until - 1, 0)
    starts = [last // HOUR_MS * HOUR_MS, (last // HOUR_MS - 1) * HOUR_MS]
    rows = [*await rows_of(storage, HOUR_MS, ALL, starts)] or await rows_of(
        storage, DAY_MS, ALL, [last // DAY_MS * DAY_MS]
    )
    return max((row.counted_at for row in rows), default=0)


def _add(sums: dict[str, tuple[Counts, _ByValue]], row: Statistics, by: By) -> None:
    for currency, everything, divided in totals_in(row, "" if by in _TIMES else by):
        total, values = sums.setdefault(currency, (Counts(), {}))
        total.add(everything)
        if by in _TIMES:
            step = HOUR_MS if by == "hour" else DAY_MS
            told = show_time(row.start // step * step)
            values.setdefault(told, Counts()).add(everything)
        else:
            for value, counts in divided.items():
                values.setdefault(value, Counts()).add(counts)


def _most(by: By) -> int | None:
    return None if by in _TIMES else MOST_LINES


def _in_time(values: _ByValue) -> list[tuple[str, Counts]]:
    return sorted(values.items())


def _largest_first(values: _ByValue) -> list[tuple[str, Counts]]:
    return sorted(values.items(), key=lambda pair: (pair[0] == OTHERS, -pair[1].messages, pair[0]))


def _texts(account: AccountView) -> Mapping[str, str]:
    """What templates without a name say."""
    brandnames = account.brandnames.values()
    every = (template for brandname in brandnames for template in brandname.templates)
    return {name_of(one): one.text for one in every if not one.name}


def _line(value: str, counts: Counts, texts: Mapping[str, str]) -> StatisticsLine:
    return StatisticsLine(
        value,
        texts.get(value, ""),
        counts.messages,
        counts.sent,
        counts.delivered,
        counts.codes,
        counts.verified,
        Minor(counts.charged),
        Minor(counts.code_charged),
    )
