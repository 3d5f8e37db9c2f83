"""How long receipts take: how many fell into which bucket, and what follows from that."""

from collections.abc import Sequence

BOUNDS = (
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_800.0,
    3_600.0,
    21_600.0,
    86_400.0,
)
"""Seconds from the attempt's beginning to the receipt that ended it; one more bucket is above all of them."""


def quantile(counts: Sequence[int], share: float) -> float | None:
    """How long it took for this share of them, as well as the buckets can tell (evenly filled); None without any, and
    the highest bound for those above it.
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below, lowest = share * total, 0, 0.0
    for bound, count in zip(BOUNDS, counts, strict=False):
        if count and below + count >= wanted:
            return lowest + (bound - lowest) * max(0.0, wanted - below) / count
        below, lowest = below + count, bound
    return lowest


def added(some: Sequence[int], more: Sequence[int]) -> tuple[int, ...]:
    """The counts of two processes together."""
    if not some or not more:
        return tuple(some or more)
    return tuple(one + other for one, other in zip(some, more, strict=True))
