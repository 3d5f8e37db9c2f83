"""How often each rule found something, hour by hour: of an account, and of all together."""

from collections.abc import Iterable, Mapping

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.guard.country import HOUR_MS
from onema.domain.guard.rows import GuardSubject, Packed, pack
from onema.domain.ids import AccountId
from onema.domain.records import Key

KEPT_HOURS = 14 * 24
"""Baselines of the guard are as long."""
MOST_KINDS = 200
"""In an hour of an account; further prefixes are counted together."""
EVERYBODY = AccountId(0)
_FOUND = "found "


class Kind(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Findings that are alike. `prefix` is a number without its last six digits, "" for several; `refused`: the message
    did not go out.
    """

    rule: str
    mode: str
    country: str
    prefix: str
    refused: bool


class FoundState(msgspec.Struct, array_like=True):
    """What was found in an hour, and how often."""

    counts: list[tuple[Kind, int]] = []


packed = Packed(FoundState)


def key_of(account: AccountId, hour: int) -> Key:
    """`hour` is counted from 1970, UTC."""
    return (GuardSubject, account, f"{_FOUND}{hour}")


def added(*counts: Iterable[tuple[Kind, int]], most: int = MOST_KINDS) -> dict[Kind, int]:
    """Their sums; of kinds beyond `most` the prefix is left out."""
    sums: dict[Kind, int] = {}
    for some in counts:
        for kind, times in some:
            if kind not in sums and len(sums) >= most:
                kind = msgspec.structs.replace(kind, prefix="")  # noqa: PLW2901  # counted with others
            sums[kind] = sums.get(kind, 0) + times
    return sums


class CountFound(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Add what was found since it was written down last, by account. Result: None."""

    now: int
    counts: Mapping[AccountId, Mapping[Kind, int]]

    def keys(self, context: Context) -> Iterable[Key]:
        return [key_of(account, self.now // HOUR_MS) for account in self.counts]

    def decide(self, world: World, context: Context) -> Decision:
        hour = self.now // HOUR_MS
        rows = []
        for account, counts in self.counts.items():
            subject = f"{_FOUND}{hour}"
            state = packed.of(world.get(GuardSubject, account, subject))
            sums = added(state.counts, counts.items())
            gone_at = (hour + KEPT_HOURS + 1) * HOUR_MS
            rows.append(GuardSubject(account, subject, pack(FoundState(list(sums.items()))), gone_at))
        return Decision(None, puts=tuple(rows))
