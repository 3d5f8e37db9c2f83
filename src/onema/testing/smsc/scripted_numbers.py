"""Phones whose messages go wrong on purpose, without any script. The first four do what they do on the handset.

docs/carriers/simulator.md has the table. Like the handset's, the numbers are whole national ones of Vietnam and China.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from onema.channels.handset.scripted_numbers import BLOCKS, SLOW_SECONDS
from onema.testing.smsc.script import DISCONNECT, OCTETS, SILENCE, Rule, Script

_ON_THE_HANDSET: Mapping[str, dict[str, Any]] = {
    "1": {},
    "2": {"receipt": "UNDELIV", "receipt_error": "0A1"},
    "3": {"receipt_seconds": SLOW_SECONDS},
    "4": {"receipt": ""},
}
_ON_LINKS: Mapping[str, dict[str, Any]] = {
    "20": {"answer": "ESME_RINVDSTADR"},
    "21": {"answer": "ESME_RTHROTTLED"},
    "22": {"answer": "0x412"},
    "23": {"answer": SILENCE},
    "24": {"answer": DISCONNECT},
    # A command_length that none can have: from here on nobody knows where a PDU begins.
    "25": {"answer": OCTETS, "octets": "00000003" * 4},
    "26": {"receipt_before_answer": True},
    "27": {"receipt_copies": 2, "receipt_on_the_way": ("ENROUTE",)},
    "28": {"ids": "empty", "receipt": ""},
    "29": {"receipt_octets": "00ff"},
}
_EVERY = {"21": 2}
"""Throttled once: a second try is accepted."""

CHANGES: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        **{f"{block[1:]}{end}": changes for block in BLOCKS for end, changes in _ON_THE_HANDSET.items()},
        **{f"{block[1:-1]}{end}": changes for block in BLOCKS for end, changes in _ON_LINKS.items()},
    }
)
"""By number without `+`, what differs from the script."""


def scripted_rules(script: Script) -> Iterator[Rule]:
    """A rule for each number; what it does not say is as the script has it."""
    if not script.scripted_numbers:
        return
    for number, changes in CHANGES.items():
        yield Rule(
            to=number, every=_EVERY.get(number[-2:], 1), then=msgspec.structs.replace(script, **changes)
        )
