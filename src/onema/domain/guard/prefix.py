"""What is known of a prefix: a number without its last six digits, about the numbers of one operator in one area.

Pumped numbers lie beside each other, since whoever rents them gets them in blocks; people's do not. So the last
numbers that were sent to are kept, and a number among whose neighbours too many stand belongs to a run. How many
messages a prefix usually gets does not matter: of 32 numbers at random, the chance that 6 others are in one's
block of ten thousand, or 4 in its thousand, is under 1 in a million.

Codes for pumped numbers are not typed in. A prefix is compared with itself over the last 14 days, and in doubt only
the numbers with a neighbour in their block of ten thousand are suspected.
"""

import msgspec

from onema.domain.guard.bucket import level_at
from onema.domain.guard.country import BASELINE_DAYS, DAY_MS, HOUR_MS, turned
from onema.domain.guard.rows import Packed

PREFIX = "prefix "
PREFIX_DIGITS = 6
KEPT_MS = (BASELINE_DAYS + 1) * DAY_MS
RECENT = 32
"""So many of the last numbers are looked at."""
CROWDS = ((2, 3), (3, 4), (4, 6))
"""A number is one of a run when, among the others, so many share all but the last digits: (digits, others)."""
_LEAST_CROWD = min(others for _, others in CROWDS)
SLOT_MS = 600_000
SLOTS = 7
"""The present ten minutes, whose codes may still be typed in, and the hour before."""
LEAST_SENT = 20
LEAST_BASELINE = 50
SUSPICIONS = 3
"""So many in a day, less what leaks, make a prefix's crowded blocks suspect."""
SHORT_CALLS = 5
"""The same, of calls in an hour."""
_SPREADS_SQUARED = 9
"""Three standard deviations below the baseline: by chance once in a thousand looks."""


class PrefixState(msgspec.Struct, array_like=True, gc=False):
    """The last numbers, newest last: their sixth and fifth last digits as a byte, the others as two; messages and
    verified codes per ten minutes and per UTC day, newest first; `suspicions` of carriers and `short_calls` as levels
    of buckets as of `signalled_at`; what calls cost on `spend_day`.
    """

    blocks: bytes = b""
    rests: bytes = b""
    slot: int = -1
    sent: list[int] = []
    verified: list[int] = []
    day: int = -1
    sent_by_day: list[int] = []
    verified_by_day: list[int] = []
    suspicions: int = 0
    short_calls: int = 0
    signalled_at: int = 0
    spend_day: int = 0
    spend: int = 0


packed = Packed(PrefixState)


class Neighbours(msgspec.Struct, frozen=True, gc=False):
    """How many of the last numbers, besides this one, share all but the last 2, 3 and 4 digits."""

    counts: tuple[int, int, int]

    @property
    def is_run(self) -> bool:
        # Mostly there are one or two, too few for any.
        return self.counts[-1] >= _LEAST_CROWD and any(
            self.counts[digits - 2] >= others for digits, others in CROWDS
        )


ALONE = Neighbours((0, 0, 0))
_BYTES = tuple(bytes((number,)) for number in range(100))


def look_around(state: PrefixState, phone: str) -> Neighbours:
    """Who else was sent to lately, and remember this number. ALONE where nobody shares all but 4 digits."""
    block, rest = _BYTES[int(phone[-6:-4])], int(phone[-4:])
    blocks, rests = state.blocks, state.rests
    neighbours = ALONE
    at = blocks.find(block)
    if at >= 0:
        others = set[int]()
        while at >= 0:
            others.add(rests[2 * at] << 8 | rests[2 * at + 1])
            at = blocks.find(block, at + 1)
        # Who asks again is no neighbour of itself, and one neighbour however often it asks.
        others.discard(rest)
        if others:
            three = sum(other // 1000 == rest // 1000 for other in others)
            two = sum(other // 100 == rest // 100 for other in others)
            neighbours = Neighbours((two, three, len(others)))
    state.blocks = (blocks + block)[-RECENT:]
    state.rests = (rests + rest.to_bytes(2, "big"))[-2 * RECENT :]
    return neighbours


def count_verified(state: PrefixState, now: int) -> None:
    turn_pages(state, now)
    state.short_calls = max(0, state.short_calls - HOUR_MS)
    state.verified[0] += 1
    state.verified_by_day[0] += 1


def converts_poorly(state: PrefixState) -> bool:
    """Whether far fewer of the last hour's codes were typed in than of the fourteen days before this one."""
    baseline, verified = sum(state.sent_by_day[1:]), sum(state.verified_by_day[1:])
    sent = sum(state.sent[1:])
    if baseline < LEAST_BASELINE or sent < LEAST_SENT or verified > baseline:
        return False
    # How far below the mean of a binomial distribution, all of it times `baseline`: no fraction is rounded.
    missing = sent * verified - sum(state.verified) * baseline
    return missing > 0 and missing * missing > _SPREADS_SQUARED * sent * verified * (baseline - verified)


def signal(state: PrefixState, now: int, *, suspected: bool) -> None:
    """A carrier took a message for fraud, or else a call was hung up at once."""
    _settle(state, now)
    if suspected:
        state.suspicions += DAY_MS
    else:
        state.short_calls += HOUR_MS


def is_suspected(state: PrefixState, now: int) -> bool:
    """Whether carriers have taken too many messages for fraud lately."""
    _settle(state, now)
    return state.suspicions >= SUSPICIONS * DAY_MS


def is_a_loop(state: PrefixState, now: int) -> bool:
    """Whether too many calls were hung up at once lately."""
    _settle(state, now)
    return state.short_calls >= SHORT_CALLS * HOUR_MS


def _settle(state: PrefixState, now: int) -> None:
    state.suspicions = level_at(state.suspicions, state.signalled_at, SUSPICIONS + 1, DAY_MS, now)
    state.short_calls = level_at(state.short_calls, state.signalled_at, SHORT_CALLS + 1, HOUR_MS, now)
    state.signalled_at = now


def spend(state: PrefixState, price: int, cap: int, now: int) -> bool:
    """Add to what calls have cost since the day began (UTC). Whether that is at most `cap`."""
    day = now // DAY_MS
    spent = (state.spend if state.spend_day == day else 0) + price
    if spent > cap:
        return False
    state.spend_day, state.spend = day, spent
    return True


def turn_pages(state: PrefixState, now: int) -> None:
    """Begin new counts where ten minutes, or a day, have begun."""
    slot = now // SLOT_MS
    if slot == state.slot:
        return
    state.sent = turned(state.sent, slot - state.slot, SLOTS)
    state.verified = turned(state.verified, slot - state.slot, SLOTS)
    state.slot = slot
    day = now // DAY_MS
    if day != state.day:
        state.sent_by_day = turned(state.sent_by_day, day - state.day, BASELINE_DAYS + 1)
        state.verified_by_day = turned(state.verified_by_day, day - state.day, BASELINE_DAYS + 1)
        state.day = day
