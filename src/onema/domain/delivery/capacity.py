"""Capacity: how much of a carrier's total each process may use, shared out so that the total is never exceeded.

Who runs a carrier with a total has an entry in the carrier's one row, and renews it every few seconds. No process
trusts another's clock: an entry that somebody saw unchanged for a whole lease, by a clock that only measures how much
time has passed, is taken as given up. Whoever holds capacity counts from before it asked and stops in time by itself.

All processes of a row get the same share, the earliest ones what does not divide. A process with more than its share
goes on holding what it still uses, and nobody gets that before it says that it does not.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.decision import Context, Decision, World
from onema.domain.records import CarrierCapacity, Key

RENEW_SECONDS = 3.0
USE_SECONDS = 10.0
"""How long capacity may be used without another renewal, counted from when it was asked for."""
STOP_SECONDS = 3.0
"""How long a carrier may take to stop using its capacity."""
LEASE_SECONDS = 15.0
"""How long an entry must be seen unchanged before its capacity is free: more than USE_SECONDS and STOP_SECONDS."""


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """One process's entry. `renewed_at` is the time of its clock, for people; it differs after each renewal, and
    nothing is decided on its value.
    """

    process: str
    capacity: int
    renewed_at: int


class Holding(msgspec.Struct, frozen=True):
    """What a process holds: it may use `share` of its `capacity`; the rest it must stop using and then give back."""

    capacity: int
    share: int
    holders: tuple[Holder, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Holder, ...])


def holders_of(row: CarrierCapacity | None) -> tuple[Holder, ...]:
    """The entries of a carrier's row, the earliest first."""
    return _decoder.decode(row.holders) if row is not None else ()


def fair_share(total: int, holders: int, position: int) -> int:
    """How much of `total` the `position`-th (from 0) of so many processes gets."""
    return total // holders + (position < total % holders)


class HoldCapacity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Renew a process's entry, or make one, and hold as much capacity as its share is and others leave free.

    `in_use` is how much it must keep of what it holds. `silent` are entries of others that it has seen
    unchanged for LEASE_SECONDS. Result: Holding. Of a carrier without a total nobody gets more than it uses.
    """

    carrier: str
    process: str
    now: int
    in_use: int
    silent: tuple[Holder, ...] = ()

    def keys(self, context: Context) -> Iterable[Key]:
        return ((CarrierCapacity, self.carrier),)

    def decide(self, world: World, context: Context) -> Decision:
        found = holders_of(world.get(CarrierCapacity, self.carrier))
        before = {holder.process: holder for holder in found if holder not in self.silent}
        mine = before.setdefault(self.process, Holder(self.process, 0, 0))
        position = list(before).index(self.process)
        share = fair_share(total_of(context.directory, self.carrier), len(before), position)
        kept = min(self.in_use, mine.capacity)
        taken = sum(holder.capacity for holder in before.values()) - mine.capacity + kept
        free = max(0, total_of(context.directory, self.carrier) - taken)
        capacity = max(kept, min(share, kept + free))
        before[self.process] = Holder(self.process, capacity, max(self.now, mine.renewed_at + 1))
        holders = tuple(before.values())
        return Decision(
            Holding(capacity, min(share, capacity), holders),
            puts=(CarrierCapacity(self.carrier, _encoder.encode(holders).decode()),),
        )


class LeaveCapacity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Give up a process's entry with all its capacity, of which it uses nothing any more. Result: None."""

    carrier: str
    process: str

    def keys(self, context: Context) -> Iterable[Key]:
        return ((CarrierCapacity, self.carrier),)

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(CarrierCapacity, self.carrier)
        if row is None:
            return Decision(None)
        others = tuple(holder for holder in holders_of(row) if holder.process != self.process)
        if not others:
            return Decision(None, deletes=(row.key,))
        return Decision(None, puts=(CarrierCapacity(self.carrier, _encoder.encode(others).decode()),))


def total_of(directory: Directory, carrier: str) -> int:
    """The capacity of a carrier that may send; 0 when it has no total."""
    document = directory.carriers.get(carrier)
    return document.capacity if document is not None and document.state == "active" else 0
