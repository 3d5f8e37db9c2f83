"""Reading what was counted between two times."""

from collections.abc import Iterable, Sequence

from onema.domain.ids import AccountId
from onema.domain.records import Key
from onema.domain.statistics import ALL, DAY_MS, HOUR_MS, HOURS_KEPT_DAYS, Statistics
from onema.storage.contract import Storage


async def rows_between(
    storage: Storage, account: AccountId, since: int, until: int, *, now: int, by_hour: bool = False
) -> list[Statistics]:
    """The rows of whole days, and of hours where a day is not added up yet, or is asked for in part; hours of long ago
    are not kept.
    """
    first_day, last_day = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
    days = [] if by_hour else list(range(first_day, last_day, DAY_MS))
    found = await rows_of(storage, DAY_MS, account, days)
    # Of a day without messages an account has no row.
    done = {row.start for row in (found if account == ALL else await rows_of(storage, DAY_MS, ALL, days))}
    first = max(since, (now // DAY_MS - HOURS_KEPT_DAYS) * DAY_MS)
    hours = [at for at in range(first, until, HOUR_MS) if at // DAY_MS * DAY_MS not in done]
    of_days = [row for row in found if row.start in done]
    return [*of_days, *await rows_of(storage, HOUR_MS, account, hours)]


async def rows_of(storage: Storage, span: int, account: AccountId, starts: Iterable[int]) -> list[Statistics]:
    return await read_rows(storage, [(Statistics, account, span, start) for start in starts])


async def read_rows(storage: Storage, keys: Sequence[Key]) -> list[Statistics]:
    rows = await storage.read(keys)
    return [row for row in rows.values() if isinstance(row, Statistics)]
