"""Asking for what became of messages, counted."""

from typing import Literal

import msgspec

from onema.administration.asking import Request
from onema.domain.delivery.replay import TriedFirst
from onema.domain.values.money import Minor

By = Literal["", "hour", "day", "channel", "carrier", "operator", "network", "country", "prefix", "template"]


class StatisticsLine(msgspec.Struct, frozen=True):
    """What became of the messages of one `value`, "*" for all further ones together; `told` says what stands behind a
    value that is short for something. Costs are what the accounts paid.

    `sent` left us; `codes` are verifications that began and `verified` those that came to their end; `code_charged` is
    what all messages with codes cost.
    """

    value: str
    told: str
    messages: int
    sent: int
    delivered: int
    codes: int
    verified: int
    charged: Minor
    code_charged: Minor

    @property
    def per_verified(self) -> Minor | None:
        """What a verified number cost."""
        return Minor(round(self.code_charged / self.verified)) if self.verified else None


class StatisticsIn(msgspec.Struct, frozen=True):
    """What was paid in one currency: all of it, and by value, most messages first; hours and days in order."""

    currency: str
    total: StatisticsLine
    lines: tuple[StatisticsLine, ...]


class FoundStatistics(msgspec.Struct, frozen=True):
    """Of messages that were made from `since` to before `until` (Unix ms), which are whole hours, and whole days where
    hours are not kept any more. What came after `counted_at` is not in it.
    """

    since: int
    until: int
    counted_at: int
    currencies: tuple[StatisticsIn, ...]


class ReadStatistics(Request[FoundStatistics], frozen=True, kw_only=True, tag="read_statistics"):
    """An account's figures, or those of all accounts together, from `since` until `until`, or now where that is 0; of
    at most 400 days, and by hour of at most 31. Where `since` is 0 it is the last so many `days`: 24 hours, or whole
    days with the one that is under way, since a part of a day would look like a bad one.
    """

    answer_type = FoundStatistics

    account: str = ""
    since: int = 0
    until: int = 0
    days: int = 1
    by: By = ""


class QualityLine(msgspec.Struct, frozen=True):
    """What a carrier made of first attempts, those aside of which the guard found something. `operator` and `prefix`
    are empty where all are counted together, "*" where those are that are not counted one by one.

    `tried_codes` were the first message of a code each, `tried_verified` brought it; `told` had a final receipt,
    `arrived` a good one. Half of these arrived in less than `half_within` seconds, None where that took longer than
    anybody counts.
    """

    channel: str
    carrier: str
    operator: str
    prefix: str
    tried: int
    tried_codes: int
    tried_verified: int
    told: int
    arrived: int
    half_within: int | None


def percent(part: int, whole: int) -> str:
    """Such as "78.0 %"; "" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else ""


class ReadQuality(Request[tuple[QualityLine, ...]], frozen=True, kw_only=True, tag="read_quality"):
    """What carriers made of the last so many days' first attempts, and of today's; most attempts first."""

    answer_type = tuple[QualityLine, ...]

    days: int = 7
    by: Literal["carrier", "operator", "prefix"] = "carrier"


class ReadRoutingLog(Request[tuple[TriedFirst, ...]], frozen=True, kw_only=True, tag="read_routing_log"):
    """First attempts of an account's codes, of which the guard found nothing: those with ids from `first` to before
    `before`, in order. No number is in it.
    """

    answer_type = tuple[TriedFirst, ...]

    account: str
    first: int
    before: int
    limit: int = 5_000
