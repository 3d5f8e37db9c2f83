"""What carriers made of first attempts, added up, and one by one."""

from onema.administration.statistics_requests import QualityLine, ReadQuality, ReadRoutingLog
from onema.domain.configuration.named_account import account_by_name
from onema.domain.delivery.replay import TriedFirst
from onema.domain.ids import AccountId
from onema.domain.statistics import (
    ALL,
    DAY_MS,
    HOUR_MS,
    WITHIN_SECONDS,
    Quality,
    figures_in,
    prefix_of,
    read_cell,
)
from onema.domain.values.network_operator import operator_of
from onema.engine.gateway import Gateway
from onema.engine.statistics_rows import rows_between
from onema.storage.contract import Storage

LONGEST_DAYS = 90
MOST_LINES = 200
MOST_LOGGED = 5_000


async def read_quality(gateway: Gateway, storage: Storage, request: ReadQuality) -> tuple[QualityLine, ...]:
    now = gateway.now()
    days = min(max(request.days, 1), LONGEST_DAYS)
    until = (now // HOUR_MS + 1) * HOUR_MS
    sums = dict[tuple[str, str, str, str], Quality]()
    for row in await rows_between(storage, ALL, now // DAY_MS * DAY_MS - days * DAY_MS, until, now=now):
        for figures in figures_in(row).values():
            for name, quality in figures.quality.items():
                cell = read_cell(name)
                operator = cell.operator if request.by != "carrier" else ""
                prefix = cell.prefix if request.by == "prefix" else ""
                key = (cell.channel, cell.carrier, operator, prefix)
                sums.setdefault(key, Quality()).add(quality)
    in_order = sorted(sums.items(), key=lambda pair: (-pair[1].tried, pair[0]))
    return tuple(_line(key, quality) for key, quality in in_order[:MOST_LINES])


def _line(key: tuple[str, str, str, str], quality: Quality) -> QualityLine:
    return QualityLine(
        *key,
        quality.tried,
        quality.tried_codes,
        quality.tried_verified,
        quality.told,
        quality.arrived,
        half_within(quality),
    )


def half_within(quality: Quality) -> int | None:
    """The shortest of the times that are counted in which half of what arrived did."""
    pairs = zip(WITHIN_SECONDS, quality.within, strict=True)
    return next(
        (seconds for seconds, there in pairs if quality.arrived and 2 * there >= quality.arrived), None
    )


async def read_routing_log(
    gateway: Gateway, storage: Storage, request: ReadRoutingLog
) -> tuple[TriedFirst, ...]:
    """Raises Refused."""
    account = account_by_name(gateway.directory, request.account)
    limit = min(max(request.limit, 1), MOST_LOGGED)
    found = await storage.read_first_attempts(AccountId(account.id), request.first, request.before, limit)
    return tuple(
        TriedFirst(
            one.message,
            one.channel,
            operator_of(one.phone),
            prefix_of(one.phone),
            one.carrier,
            one.why,
            one.verified,
        )
        for one in found
    )
