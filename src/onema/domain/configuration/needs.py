"""What carriers demand of a message before they take it: facts (registered.py), each perhaps for some numbers only."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from onema.domain.configuration.problems import Problem, shown
from onema.domain.configuration.registered import LONGEST_FACT_NAME

REGISTRATION = "registration"
"""What a carrier needs that takes only brandnames which are approved there, and none of which nothing is known."""
MOST_NEEDS = 32

_WRITTEN = re.compile(rf"(?:(\+[0-9]{{0,15}}):)?([a-z][a-z0-9_]{{0,{LONGEST_FACT_NAME - 1}}})")


class Need(msgspec.Struct, frozen=True):
    """A fact that every message must have to a number that begins with `prefix`."""

    fact: str
    prefix: str = "+"


def written_needs(written: Iterable[str]) -> tuple[Need, ...]:
    """Those that a document names, such as `signature`, or `+86:signature` for China only."""
    found = (_WRITTEN.fullmatch(one) for one in written)
    return tuple(Need(match[2], match[1] or "+") for match in found if match is not None)


def needs_problems(written: tuple[str, ...]) -> Iterator[Problem]:
    if len(written) > MOST_NEEDS:
        yield Problem("needs", f"it has {len(written)}; {MOST_NEEDS} are the most")
    for number, one in enumerate(written):
        if not _WRITTEN.fullmatch(one):
            yield Problem(
                f"needs[{number}]",
                f"{shown(one)} is not the name of a fact, or +86: and one for such numbers",
            )


def unmet_needs(needs: Iterable[Need], registered: Mapping[str, str]) -> tuple[Need, ...]:
    """Each once, without what the carrier itself has registered."""
    return tuple(need for need in dict.fromkeys(needs) if need.fact not in registered)
