"""What each process counted in each short slot of time, kept for some minutes where every other can read it."""

import math
from collections.abc import Iterable, Mapping

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, Row

SLOT_MS = 2_000
WINDOW_MS = 300_000
KEEP_MS = WINDOW_MS + 30_000
"""A little more than is shown, for clocks that differ."""
_PER_DECADE = 16
"""Buckets of times in each power of ten: a percentile is off by at most 8 %."""


class LiveFigures(Row, frozen=True, gc=False):
    """What one process counted in the slot that began at `slot * SLOT_MS`: Counted by account, in JSON."""

    table = "live_figures"
    key_columns = 2

    slot: int
    process: str
    expires_at: int
    figures: str


class Counted(msgspec.Struct, array_like=True, gc=False):
    """What happened to one account's messages. `charged` is Minor of those that ended. `times` counts how long
    delivery took by `bucket_of`, `refusals` what was refused by its reason.
    """

    messages: int = 0
    codes: int = 0
    ended: int = 0
    delivered: int = 0
    verified: int = 0
    charged: int = 0
    times: dict[int, int] = msgspec.field(default_factory=dict)
    refusals: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, other: "Counted", sign: int = 1) -> None:
        """With a sign of -1, what is there is taken away again."""
        self.messages += sign * other.messages
        self.codes += sign * other.codes
        self.ended += sign * other.ended
        self.delivered += sign * other.delivered
        self.verified += sign * other.verified
        self.charged += sign * other.charged
        for bucket, amount in other.times.items():
            self.times[bucket] = self.times.get(bucket, 0) + sign * amount
        for reason, amount in other.refusals.items():
            self.refusals[reason] = self.refusals.get(reason, 0) + sign * amount


def bucket_of(milliseconds: int) -> int:
    return int(_PER_DECADE * math.log10(max(1, milliseconds)))


def percentile(times: Mapping[int, int], share: float) -> int | None:
    """Under how many milliseconds so large a share of the times is, about; None without any."""
    total = sum(times.values())
    if total <= 0:
        return None
    left = math.ceil(total * share)
    for bucket, amount in sorted(times.items()):
        left -= amount
        if left <= 0:
            return round(10 ** ((bucket + 0.5) / _PER_DECADE))
    return None


class KeepFigures(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Put down what a process counted in a slot. Result: None."""

    slot: int
    process: str
    now: int
    figures: str

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveFigures, self.slot, self.process),)

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(None, puts=(LiveFigures(self.slot, self.process, self.now + KEEP_MS, self.figures),))
