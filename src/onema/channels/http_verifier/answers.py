"""What the tables of services share: outcomes that only codes have, and how answers become outcomes and verdicts."""

from onema.channels.http_sender.contract import ended_by_status
from onema.channels.http_sender.meanings import SUBMITTED, UNCLEAR, Meaning, words_of
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.http.client.contract import HttpAnswer

TOO_OFTEN = Meaning(OutcomeKind.TEMPORARY, reason="too many codes for this number")
"""There; another carrier may still take one."""
LANDLINE = Meaning(OutcomeKind.PERMANENT, reason="a landline takes no SMS")


def taken(reference: str, is_one: bool, words: str = "") -> Outcome:
    """`is_one`: whether the reference has the form that the service's have; without one nobody can check the code."""
    return SUBMITTED.outcome(words, (reference,)) if is_one else UNCLEAR.outcome(words)


def not_taken(answer: HttpAnswer, meaning: Meaning | None, *said: object) -> Outcome:
    """`meaning` is that of the service's own code, `said` are its words; what has no code ends by its status."""
    words = words_of(f"HTTP {answer.status}", *said)
    if meaning is not None:
        return meaning.outcome(words)
    found = ended_by_status(answer)
    if found.kind is OutcomeKind.SUBMITTED:
        return UNCLEAR.outcome(words)
    return Meaning(found.kind, found.ending, found.reason).outcome(words)
