"""What support is asked first: why was this customer refused? The last reasons of each account are kept.

A request that is refused leaves nothing else behind, and may come ten thousand times a second: so alike ones are one
entry with a count, a process writes an account's down at most once a second, and an account has one row. Processes
add to the same row, under its lock, so that it holds the sum.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Key, RecentRefusals

KEPT_ENTRIES = 20
"""Different refusals per account, newest last."""
KEPT_MS = 30 * 86_400_000

NOBODY = 0
"""Stands for the account of those whose keys nobody has."""


class RefusedRequest(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Requests that were refused alike, `times` of them, the first at `since` and the last at `at`.

    `phone` is masked; `reason` is a refusal or a dialect's own word for one.
    """

    at: int
    since: int
    times: int
    dialect: str
    reason: str
    phone: str = ""
    client: str = ""
    application: str = ""
    detail: str = ""

    @property
    def likeness(self) -> tuple[str, ...]:
        return (self.dialect, self.reason, self.phone, self.client, self.application, self.detail)


_decoder = msgspec.json.Decoder(tuple[RefusedRequest, ...])
_encoder = msgspec.json.Encoder()


class Noted(msgspec.Struct, frozen=True):
    """How many requests of an account were refused since its row is kept, and the newest of them, oldest first."""

    total: int = 0
    entries: tuple[RefusedRequest, ...] = ()


def noted_in(row: RecentRefusals | None, now: int) -> Noted:
    """What a row says that is not too old."""
    if row is None or row.expires_at <= now:
        return Noted()
    entries = _decoder.decode(row.entries)
    return Noted(row.total, tuple(entry for entry in entries if entry.at > now - KEPT_MS))


class NoteRefusals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Add to what is kept of an account: `total` more refusals, of which `entries` tell. Result: None."""

    account: AccountId
    now: int
    total: int
    entries: tuple[RefusedRequest, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return ((RecentRefusals, self.account),)

    def decide(self, world: World, context: Context) -> Decision:
        known = noted_in(world.get(RecentRefusals, self.account), self.now)
        entries = joined((*known.entries, *self.entries))
        row = RecentRefusals(
            account=self.account,
            total=known.total + self.total,
            entries=_encoder.encode(entries).decode(),
            expires_at=self.now + KEPT_MS,
        )
        return Decision(None, puts=(row,))


def joined(entries: Iterable[RefusedRequest]) -> tuple[RefusedRequest, ...]:
    """The newest ones in order of their last time, alike ones as one."""
    found: dict[tuple[str, ...], RefusedRequest] = {}
    for entry in entries:
        other = found.get(entry.likeness)
        if other is not None:
            entry = msgspec.structs.replace(  # noqa: PLW2901  # the same refusal, seen more often
                entry,
                at=max(entry.at, other.at),
                since=min(entry.since, other.since),
                times=entry.times + other.times,
            )
        found[entry.likeness] = entry
    return tuple(sorted(found.values(), key=lambda entry: entry.at)[-KEPT_ENTRIES:])
