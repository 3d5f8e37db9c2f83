"""The budget of codes for one country that nobody has typed in (yet).

Whoever pumps messages to numbers of their own never types a code in, and people mostly do. So each code fills two
buckets, an hour's and a day's, and each verified one takes a drop out again. Their sizes follow what a country is
used to: 30 % of the codes that were verified there on the best of the last 14 days, and at least 20 a day and 3 an
hour. (The way of Authgear's fraud protection, pkg/lib/fraudprotection, seen 2026-11; its share is 20 %.)
"""

import msgspec

from onema.domain.configuration.guard_view import GuardView
from onema.domain.guard.bucket import level_at
from onema.domain.guard.rows import Packed

CODES = "codes "
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BASELINE_DAYS = 14
KEPT_MS = (BASELINE_DAYS + 1) * DAY_MS
_HOURS_OF_A_BURST = 6
"""An hour's bucket holds at least this part of a day's."""
_LATELY_PERCENT = 20
"""And this share of what was verified in the hour before."""


class CountryState(msgspec.Struct, array_like=True, gc=False):
    """Levels of the buckets as of `at`, and how many codes were verified in clock hours and UTC days, newest first."""

    hour_level: int = 0
    day_level: int = 0
    at: int = 0
    hour: int = -1
    by_hour: list[int] = []
    day: int = -1
    by_day: list[int] = []
    best_day: int = 0


packed = Packed(CountryState)


def capacities(state: CountryState, guard: GuardView, country: str) -> tuple[int, int]:
    """How many unverified codes the buckets (of an hour, of a day) hold."""
    hour, day = guard.budget_of(country)
    if state.best_day:
        day = max(day, state.best_day * guard.document.country_share // 100)
        hour = max(hour, sum(state.by_hour) * _LATELY_PERCENT // 100)
    return max(hour, day // _HOURS_OF_A_BURST), day


def pour(state: CountryState, guard: GuardView, country: str, now: int) -> bool:
    """One more unverified code. Whether it fitted; it stands in the buckets if it did."""
    _turn_pages(state, now)
    hour, day = capacities(state, guard, country)
    hour_level = level_at(state.hour_level, state.at, hour, HOUR_MS, now)
    day_level = level_at(state.day_level, state.at, day, DAY_MS, now)
    fits = hour_level + HOUR_MS <= hour * HOUR_MS and day_level + DAY_MS <= day * DAY_MS
    state.at = now
    state.hour_level = hour_level + HOUR_MS if fits else hour_level
    state.day_level = day_level + DAY_MS if fits else day_level
    return fits


def drain(state: CountryState, now: int) -> None:
    """A code for this country was typed in."""
    _turn_pages(state, now)
    state.by_hour[0] += 1
    state.by_day[0] += 1
    state.best_day = max(state.best_day, state.by_day[0])
    state.hour_level = max(0, state.hour_level - HOUR_MS)
    state.day_level = max(0, state.day_level - DAY_MS)


def _turn_pages(state: CountryState, now: int) -> None:
    hour = now // HOUR_MS
    if hour == state.hour:
        return
    state.by_hour = turned(state.by_hour, hour - state.hour, 2)
    state.hour = hour
    day = now // DAY_MS
    if day != state.day:
        state.by_day = turned(state.by_day, day - state.day, BASELINE_DAYS + 1)
        state.day, state.best_day = day, max(state.by_day)


def turned(counts: list[int], pages: int, most: int) -> list[int]:
    """Counts per page, newest first, after so many new pages; a clock that went back leaves them as they are."""
    if pages >= most or not counts:
        return [0]
    return ([0] * max(0, pages) + counts)[:most]
