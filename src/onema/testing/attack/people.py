"""The people of the simulation: who they are, where they sit, and when they ask for a code."""

import random

import msgspec

from onema.domain.records import Channel
from onema.domain.values.destinations import REACHED, number_type
from onema.domain.values.phone import Phone, country_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_HOME = (901, 903, 905, 908, 912, 915, 917, 934, 962, 965, 968, 972, 978, 983, 986)
HOME_PREFIXES = tuple(f"+84{three}" for three in _HOME)
ABROAD = {"+85620": 8, "+85512": 6, "+6681": 7, "+659": 7, "+1415": 7}
"""Prefixes of a few countries, and how many digits follow."""
ABROAD_SHARE = 0.02
TYPES_IN = 0.93
"""So many people type in the code that they asked for; the others gave up, or had the wrong number."""
ASKS_AGAIN = 0.4
"""So many of those whose code they did not type in ask for one more."""
SHARED_NETWORKS = 400
"""Of mobile operators; each has the addresses of many people."""
_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 8, 8, 9, 9, 9, 9, 10, 11, 12, 11, 8, 5)


class Person(msgspec.Struct):
    """`address` is where they sit; many share it. `verified`: they have typed a code in."""

    phone: str
    address: str
    verified: bool = False


def home_number(draw: random.Random) -> str:
    return f"{draw.choice(HOME_PREFIXES)}{draw.randrange(1_000_000):06d}"


def number_abroad(draw: random.Random) -> str:
    prefix = draw.choice(list(ABROAD))
    digits = ABROAD[prefix]
    while True:
        phone = f"{prefix}{draw.randrange(2 * 10 ** (digits - 1), 9 * 10 ** (digits - 1))}"
        if is_reached(phone):
            return phone


def is_reached(phone: str) -> bool:
    """Whether SMS go there: what is refused as no mobile number says nothing of a guard."""
    return number_type(Phone(phone), country_of(Phone(phone))) in REACHED[Channel.SMS]


def newcomer(draw: random.Random) -> Person:
    phone = number_abroad(draw) if draw.random() < ABROAD_SHARE else home_number(draw)
    network = draw.randrange(SHARED_NETWORKS)
    return Person(phone, f"14.{160 + network // 200}.{network % 200}.{draw.randrange(8)}")


def moment(draw: random.Random, day: int) -> int:
    """When somebody asks on that day: most in the evening, few at night."""
    (hour,) = draw.choices(range(24), _BY_HOUR)
    return day * DAY_MS + hour * HOUR_MS + draw.randrange(HOUR_MS)
