"""What was registered elsewhere about who sends and what is sent: ids that carriers must be told along with a text.

Each is a fact with a name. The carrier, the account, the application, the brandname and the template may say what it
is: the last of these that does is right, so that a brandname may belong to another company than its account, say.
"""

import re
from collections.abc import Iterator, Mapping

from onema.domain.configuration.problems import Problem, shown
from onema.domain.values.signature import LONGEST_SIGNATURE, may_be_signature

MOST_FACTS = 32
"""In one document."""
LONGEST_FACT = 255
"""Characters of its value; no parameter of a carrier that is known takes as many."""
LONGEST_FACT_NAME = 32

SIGNATURE = "signature"
"""The fact that is in the text itself, where its country wants it there (values/signature.py)."""

_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_FACT_NAME - 1}}}")
_KNOWN: Mapping[str, tuple[re.Pattern[str], str]] = {
    # India's DLT gives 19 digits; no operator takes more than 20.
    "entity_id": (re.compile(r"[0-9]{1,20}"), "1 to 20 digits"),
    "dlt_id": (re.compile(r"[0-9]{1,20}"), "1 to 20 digits"),
    "tm_chain": (re.compile(r"[0-9]{1,20}(?:,[0-9]{1,20})*"), "ids of 1 to 20 digits with commas between"),
}
"""What the value of a fact looks like that the presets of carriers ask for."""


_NOTHING: dict[str, str] = {}


def facts_of(*registered: dict[str, str]) -> dict[str, str]:
    """All facts of documents, of which a later one is closer to the message. Nobody may change what it returns."""
    facts = _NOTHING
    for one in registered:
        if one:
            facts = {**facts, **one} if facts else one
    return facts


def registered_problems(registered: Mapping[str, str]) -> Iterator[Problem]:
    if len(registered) > MOST_FACTS:
        yield Problem("registered", f"it has {len(registered)} facts; {MOST_FACTS} are the most")
    for name, value in registered.items():
        place = f"registered.{name}"
        if not _NAME.fullmatch(name):
            yield Problem(
                "registered",
                f"a fact's name has up to {LONGEST_FACT_NAME} small letters, digits and underscores, and begins with "
                f"a letter; {shown(name)} does not",
            )
        elif not value or len(value) > LONGEST_FACT or not value.isprintable() or value != value.strip():
            yield Problem(
                place, f"it has 1 to {LONGEST_FACT} printable characters, without spaces around them"
            )
        elif name == SIGNATURE and not may_be_signature(value):
            yield Problem(
                place, f"it has up to {LONGEST_SIGNATURE} characters, without the brackets around it"
            )
        elif name in _KNOWN and not _KNOWN[name][0].fullmatch(value):
            yield Problem(place, f"it is {_KNOWN[name][1]}, and {shown(value)} is not")
