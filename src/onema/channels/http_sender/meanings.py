"""What vendors' codes mean: the vocabulary of their modules' tables, and how their answers are read."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.http.client.contract import HttpAnswer
from onema.http.parameters import parse_json_object
from onema.telemetry.redaction import redact_text

LONGEST_WORDS = 200
"""Characters of a vendor's own words that are kept of one answer."""


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What follows from one code of a vendor; `reason` where no ending says it."""

    kind: OutcomeKind
    ending: Ending | None = None
    reason: str = ""

    def outcome(
        self,
        words: str = "",
        references: tuple[str, ...] = (),
        *,
        parts: int = 0,
        network: Mapping[str, str] | None = None,
    ) -> Outcome:
        """`words` are the vendor's own; of the `network` what is not empty is kept."""
        return Outcome(
            kind=self.kind,
            ending=self.ending,
            reason=self.reason,
            detail=words,
            references=references,
            parts=parts,
            network={name: said for name, said in (network or {}).items() if said},
        )

    @property
    def shown(self) -> str:
        """As docs/carriers has it."""
        said = self.reason or self.ending
        return f"{self.kind}: {said}" if said else str(self.kind)


SUBMITTED = Meaning(OutcomeKind.SUBMITTED)
DELIVERED = Meaning(OutcomeKind.DELIVERED)
UNCLEAR = Meaning(OutcomeKind.UNKNOWN, reason="no clear answer")
# Answers to the request: nothing left, and another carrier may take it.
ACCOUNT = Meaning(OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN)
"""It is about our account there: its keys, its money, its permissions."""
TOO_FAST = Meaning(OutcomeKind.TEMPORARY, Ending.OUR_LIMIT)
SPAM = Meaning(OutcomeKind.TEMPORARY, Ending.BLOCKED)
SENDER = Meaning(OutcomeKind.TEMPORARY, reason="sender refused")
NO_ROUTE = Meaning(OutcomeKind.TEMPORARY, reason="no route to this number")
# Nothing left, and no carrier will do better.
BAD_REQUEST = Meaning(OutcomeKind.PERMANENT, reason="refused by the carrier")
BAD_NUMBER = Meaning(OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE)
TOO_LONG = Meaning(OutcomeKind.PERMANENT, reason="text too long")
UNSUBSCRIBED = Meaning(OutcomeKind.PERMANENT, Ending.DECLINED)


def lost(ending: Ending | None = None, reason: str = "") -> Meaning:
    """The vendor took it, and it will not reach the phone."""
    return Meaning(OutcomeKind.UNDELIVERED, ending, reason)


def words_of(*parts: object, ids: Iterable[str] = ()) -> str:
    """A vendor's own words for operators: without the numbers and secrets that some of them quote. `ids` are its names
    for the message, which its support asks for; they stand in front as they are.
    """
    said = " ".join(str(part) for part in parts if part not in (None, ""))
    said = redact_text(said[:LONGEST_WORDS])
    return " ".join(filter(None, (*ids, said)))[:LONGEST_WORDS]


def members_of(answer: HttpAnswer) -> Mapping[str, Any]:
    """The members of an answer's JSON object; none where it is no such thing."""
    try:
        return parse_json_object(answer.body)
    except ValueError:
        return {}


def table_in(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table of this name; an empty one where it is none."""
    found = members.get(name)
    return found if isinstance(found, dict) else {}


def tables_in(members: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The tables in the list of this name; none where it is no list."""
    found = members.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_in(members: Mapping[str, Any], name: str) -> str:
    """A text or a whole number as text; "" for anything else: vendors are not sure which of the two ids are."""
    found = members.get(name)
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def seconds_left(payload: SmsPayload, now: int, least: int, most: int) -> int | None:
    """How long the text is of use, within what the vendor takes; None where it is for ever."""
    if not payload.valid_until:
        return None
    return max(least, min(most, (payload.valid_until - now) // 1000))
