"""Phones that behave badly on purpose, without any script. The first do what they do on the handset.

docs/carriers/callee.md has the table. Like the handset's, the numbers are whole national ones of Vietnam and China.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from onema.channels.handset.scripted_numbers import BLOCKS, SLOW_SECONDS
from onema.testing.callee.script import Header, Rule, Script

_ON_THE_HANDSET: Mapping[str, dict[str, Any]] = {
    "1": {},
    "2": {"answer": 404},
    "3": {"ring_seconds": SLOW_SECONDS},
    "5": {"answer": 486},
    "6": {"rings_out": True},
    "7": {"answer": 603},
}
_ON_TRUNKS: Mapping[str, dict[str, Any]] = {
    "20": {"answer": 503, "rings": 0, "headers": (Header(name="Retry-After", value="5"),)},
    "21": {"answer": 603, "rings": 0, "headers": (Header(name="X-Twilio-Error", value="32203"),)},
    "22": {"answer": 503, "rings": 0, "phrase": "CPS limit exceeded"},
    "23": {"silent": True},
    "24": {"loses": 0.1},
    "25": {"answer": 302, "rings": 0},
    "26": {"forks": 2},
    "27": {"rings_out": True, "accepts_after_cancel": True},
    "28": {"moves_media_after": 1.0},
    "29": {"hangs_up_after": 2.0},
    "30": {"presses": "1"},
    "31": {"rings": 183, "ring_seconds": 2.0},
    "32": {"answers_bye": False},
    "33": {"loses_signalling": 0.3},
}

CHANGES: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        **{f"{block[1:]}{end}": changes for block in BLOCKS for end, changes in _ON_THE_HANDSET.items()},
        **{f"{block[1:-1]}{end}": changes for block in BLOCKS for end, changes in _ON_TRUNKS.items()},
    }
)
"""By number without `+`, what differs from the script."""


def scripted_rules(script: Script) -> Iterator[Rule]:
    """A rule for each number; what it does not say is as the script has it."""
    if not script.scripted_numbers:
        return
    for number, changes in CHANGES.items():
        yield Rule(to=number, then=msgspec.structs.replace(script, **changes))
