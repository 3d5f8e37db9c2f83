"""Two purses per number: its owner's, and everybody else's.

Whoever knows a number can ask for codes for it until its limits are full, and so lock its owner out. So a number that
was verified here has a small purse of its own, which only requests from where it was verified draw on: from the
device or the network that its integrator names, or where none is named from any. The others draw on the account's
windows per phone.
"""

import msgspec

from onema.domain.configuration.guard_view import GuardView
from onema.domain.guard.address import network_of
from onema.domain.guard.bucket import has_room, level_at
from onema.domain.guard.country import DAY_MS, HOUR_MS
from onema.domain.guard.rows import Packed

NUMBER = "number "
MOST_APPLICATIONS = 8
MOST_PLACES = 4
"""Devices and networks of a number that are remembered, the newest ones."""


class PhoneState(msgspec.Struct, array_like=True, gc=False):
    """When each application verified the number last, from where, and the levels of its own purse as of `at`."""

    verified: dict[str, int] = {}
    places: list[str] = []
    hour_level: int = 0
    day_level: int = 0
    at: int = 0


packed = Packed(PhoneState)


def places_of(person_ip: str, device: str) -> tuple[str, ...]:
    """Where a request came from, as a number remembers it."""
    places = (f"network {network_of(person_ip)}",) if person_ip else ()
    return (*places, f"device {device}") if device else places


def is_known(state: PhoneState, guard: GuardView, application: str, now: int) -> bool:
    verified_at = state.verified.get(application, 0)
    return now - verified_at < guard.known_ms and verified_at <= now + HOUR_MS


def is_own(state: PhoneState, places: tuple[str, ...]) -> bool:
    """Whether a request from these places, of which there may be none, is the owner's as far as can be known."""
    return not places or not state.places or any(place in state.places for place in places)


def draw(state: PhoneState, guard: GuardView, now: int) -> bool:
    """Take one message from the number's own purse. Whether there was one."""
    hour, day = guard.document.known_hour, guard.document.known_day
    hour_level = level_at(state.hour_level, state.at, hour, HOUR_MS, now)
    day_level = level_at(state.day_level, state.at, day, DAY_MS, now)
    state.hour_level, state.day_level, state.at = hour_level, day_level, now
    if not (has_room(hour_level, hour, HOUR_MS) and has_room(day_level, day, DAY_MS)):
        return False
    state.hour_level += HOUR_MS
    state.day_level += DAY_MS
    return True


def verify(state: PhoneState, application: str, places: tuple[str, ...], now: int) -> None:
    """The number's person typed the code in; the next one may be asked for at once."""
    state.verified[application] = now
    if len(state.verified) > MOST_APPLICATIONS:
        del state.verified[min(state.verified, key=state.verified.__getitem__)]
    kept = [place for place in state.places if place not in places]
    state.places = [*kept, *places][-MOST_PLACES:]
    state.hour_level = max(0, state.hour_level - HOUR_MS)
    state.day_level = max(0, state.day_level - DAY_MS)
