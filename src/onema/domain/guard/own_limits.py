"""Limits that operators set themselves: buckets, and windows of the clock, per subject."""

from collections.abc import Iterator

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.guard_rules import Mode, Reason
from onema.domain.configuration.guard_view import GuardView
from onema.domain.guard.address import network_of
from onema.domain.guard.bucket import has_room, level_at, window_of
from onema.domain.guard.rows import Packed

REASONS = {
    "client_ip": Reason.IP_CONCENTRATION,
    "network": Reason.IP_CONCENTRATION,
    "device": Reason.DEVICE_REUSE,
    "phone-2": Reason.NUMBER_RANGE_ABUSE,
    "phone-3": Reason.NUMBER_RANGE_ABUSE,
    "phone-4": Reason.NUMBER_RANGE_ABUSE,
}
"""Why a limit is full, for subjects of which not only a person may have too much."""


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What a message may be counted for."""

    phone: str
    country: str
    application: str
    person_ip: str
    device: str

    def named(self, per: str) -> str:
        """The subject of a limit; "" where the message has none."""
        match per:
            case "phone":
                return self.phone
            case "phone-2" | "phone-3" | "phone-4":
                return self.phone[: -int(per[-1])]
            case "country":
                return self.country
            case "client_ip":
                return self.person_ip
            case "network":
                return network_of(self.person_ip) if self.person_ip else ""
            case "device":
                return self.device
            case "application":
                return self.application
            case _:
                return "account"


class LimitState(msgspec.Struct, array_like=True, gc=False):
    """By "how:seconds:offset": (level or count, as of when or in which window)."""

    counts: dict[str, tuple[int, int]] = {}


packed = Packed(LimitState)


def applying(guard: GuardView, subject: Subject) -> Iterator[tuple[str, doc.GuardLimit, Mode]]:
    """(the row's subject, limit, mode) of the limits that count this message."""
    for limit, mode in guard.limits:
        if (
            mode is not Mode.OFF
            and subject.phone.startswith(limit.prefix)
            and (name := subject.named(limit.per))
        ):
            yield f"{limit.per} {name}", limit, mode


def count(state: LimitState, limit: doc.GuardLimit, now: int) -> bool:
    """Count one message, unless the limit is full. Whether it was counted."""
    period_ms = limit.seconds * 1000
    name = f"{limit.how}:{limit.seconds}:{limit.offset_minutes}"
    used, at = state.counts.get(name, (0, now if limit.how == "bucket" else -1))
    if limit.how == "bucket":
        level = level_at(used, at, limit.limit, period_ms, now)
        fits = has_room(level, limit.limit, period_ms)
        state.counts[name] = (level + period_ms if fits else level, now)
        return fits
    window = window_of(now, limit.seconds, limit.offset_minutes)
    used = used if at == window else 0
    fits = used < limit.limit
    state.counts[name] = (used + 1 if fits else used, window)
    return fits
