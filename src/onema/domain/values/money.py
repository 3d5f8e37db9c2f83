import re
from typing import NewType

Minor = NewType("Minor", int)
"""An amount in 1/10,000 of the currency unit: telecom prices have four decimals."""

NOTHING = Minor(0)

SCALE = 10_000
DECIMALS = 4
LARGEST = 2**53
"""Beyond it JSON readers that know only doubles would read another amount."""

_AMOUNT = re.compile(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,4})0*)?")


def parse_amount(text: str) -> Minor:
    """Read a plain decimal such as "850.5" or "-3".

    Raises ValueError for anything else: signs other than "-", exponents, NaN, separators, white space, more
    than four decimals, or an amount beyond 2**53 minor units.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"not an amount with at most {DECIMALS} decimals: {text[:40]!r}")
    sign, whole, fraction = match.groups(default="")
    minor = int(whole) * SCALE + int(fraction.ljust(DECIMALS, "0"))
    if minor > LARGEST:
        raise ValueError(f"amount too large: {text[:40]!r}")
    return Minor(-minor if sign else minor)


def format_amount(minor: int, decimals: int = 0) -> str:
    """Write an amount with at least `decimals` (0 to 4) decimals and no needless zeros beyond; never rounds.

    850.5 is "850.5", and "850.5000" with decimals=4.
    """
    whole, fraction = divmod(abs(minor), SCALE)
    shown = f"{fraction:0{DECIMALS}d}".rstrip("0").ljust(decimals, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{shown}" if shown else f"{sign}{whole}"


def as_number(minor: int) -> int | float:
    """The amount as a JSON number: an int when it is whole.

    A float prints the exact amount below 10**15 minor units (100 billion currency units).
    """
    whole, fraction = divmod(minor, SCALE)
    return minor / SCALE if fraction else whole
