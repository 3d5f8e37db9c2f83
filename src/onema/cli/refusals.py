from typing import Any

import msgspec

from onema.administration.requests import FoundRefusals
from onema.cli.output import print_table, say
from onema.domain.values.times import show_time

_COLUMNS = ("last", "times", "since", "api", "refusal", "phone", "client", "application", "detail")


def refusals_as_json(found: FoundRefusals) -> list[dict[str, Any]]:
    """Its entries, with times as all other documents have them."""
    return [
        {**msgspec.structs.asdict(entry), "at": show_time(entry.at), "since": show_time(entry.since)}
        for entry in found.entries
    ]


def print_refusals(found: FoundRefusals) -> None:
    """A table of what is kept, the newest last, and how many there were in all."""
    rows = [
        (
            show_time(entry.at),
            str(entry.times),
            show_time(entry.since),
            entry.dialect,
            entry.reason,
            entry.phone,
            entry.client,
            entry.application,
            entry.detail,
        )
        for entry in found.entries
    ]
    print_table(_COLUMNS, rows)
    if found.total > sum(entry.times for entry in found.entries):
        say(f"({found.total} in all; only the newest different ones are kept)")
