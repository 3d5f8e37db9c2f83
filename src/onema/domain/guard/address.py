"""Budgets of codes that nobody typed in, per address of a person and per network (/24, IPv6: /48).

Thousands may share an address, so its budget grows with what was verified from it. Only addresses that an integrator
names as its user's are looked at: its own server's would stand for all of its users.
"""

import ipaddress

import msgspec

from onema.domain.configuration.guard_view import GuardView
from onema.domain.guard.bucket import has_room, level_at
from onema.domain.guard.country import DAY_MS, HOUR_MS
from onema.domain.guard.rows import Packed

FROM = "from "
KEPT_MS = 2 * DAY_MS
MOST_ADDRESSES = 32
"""Of a network, those that asked last; all of them count for the network."""
NETWORK_TIMES = 4
"""A network's budget is so many times an address's."""
_HOURS_OF_A_BURST = 6


class Counted(msgspec.Struct, array_like=True, gc=False):
    """Of an address or of the whole network: levels as of `at`, and codes verified on `day` and the day before."""

    hour_level: int = 0
    day_level: int = 0
    at: int = 0
    day: int = 0
    verified: int = 0
    verified_before: int = 0


class NetworkState(msgspec.Struct, array_like=True, gc=False):
    """`countries` says when numbers of each were asked for last, of which none has been verified."""

    network: Counted = msgspec.field(default_factory=Counted)
    addresses: dict[str, Counted] = {}
    countries: dict[str, int] = {}


packed = Packed(NetworkState)


def network_of(address: str) -> str:
    """The address's /24 or /48; "" for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    length = 24 if mapped.version == 4 else 48
    return str(ipaddress.ip_network((mapped, length), strict=False))


def pour(state: NetworkState, guard: GuardView, address: str, now: int) -> bool:
    """One more unverified code from `address`. Whether it fitted both its budget and its network's."""
    counted = state.addresses.get(address)
    if counted is None:
        if len(state.addresses) >= MOST_ADDRESSES:
            del state.addresses[min(state.addresses, key=lambda one: state.addresses[one].at)]
        counted = state.addresses[address] = Counted()
    parts = ((counted, 1), (state.network, NETWORK_TIMES))
    # Each of them, so that all levels are of one moment.
    room = [_fits(one, guard, times, now) for one, times in parts]
    fits = all(room)
    if fits:
        for one, _ in parts:
            one.hour_level += HOUR_MS
            one.day_level += DAY_MS
    return fits


def _fits(counted: Counted, guard: GuardView, times: int, now: int) -> bool:
    _turn_page(counted, now)
    document = guard.document
    verified = max(counted.verified, counted.verified_before)
    day = max(document.address_day * times, verified * document.address_share // 100)
    hour = max(document.address_hour * times, day // _HOURS_OF_A_BURST)
    counted.hour_level = level_at(counted.hour_level, counted.at, hour, HOUR_MS, now)
    counted.day_level = level_at(counted.day_level, counted.at, day, DAY_MS, now)
    counted.at = now
    return has_room(counted.hour_level, hour, HOUR_MS) and has_room(counted.day_level, day, DAY_MS)


def ask_for(state: NetworkState, country: str, most: int, now: int) -> bool:
    """Remember the country. Whether the network's unverified ones of the last day are at most `most`."""
    state.countries = {name: at for name, at in state.countries.items() if now - at < DAY_MS}
    if country not in state.countries and len(state.countries) >= most:
        return False
    state.countries[country] = now
    return True


def drain(state: NetworkState, address: str, country: str, now: int) -> None:
    """A code that was asked for from `address` was typed in."""
    state.countries.pop(country, None)
    for counted in (state.addresses.get(address), state.network):
        if counted is not None:
            _turn_page(counted, now)
            counted.verified += 1
            counted.hour_level = max(0, counted.hour_level - HOUR_MS)
            counted.day_level = max(0, counted.day_level - DAY_MS)


def _turn_page(counted: Counted, now: int) -> None:
    day = now // DAY_MS
    if day != counted.day:
        counted.verified_before = counted.verified if day == counted.day + 1 else 0
        counted.verified, counted.day = 0, day
