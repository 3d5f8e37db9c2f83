"""How calls and messages end, and what follows from it: one table, over which each dialect has its own words.

Carriers tell endings in many ways (SIP codes with reasons, a vendor's numbers); each channel maps them to these. Two
of them are easily mistaken. A carrier that takes a call for fraud answers 603 as a person does who declines
(https://github.com/livekit/sip/issues/737), and one that says 503 may only mean that we call too often
(https://github.com/livekit/sip/issues/703): that carrier is not down.
"""

from collections.abc import Mapping

import msgspec

from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from an ending. `kind` says what becomes of the attempt: after a TEMPORARY one the next carrier, or
    a later try, may succeed; a phone that rang is never called again by itself, only by its application's
    rule (recall.py).
    """

    kind: OutcomeKind
    trips_breaker: bool = False
    """The carrier itself does not work: whoever watches carriers may leave it out for a while."""
    lowers_pace: bool = False
    """We hand this carrier too much at once."""
    is_suspicion: bool = False
    """The carrier takes what we send for abuse."""


RULES: Mapping[Ending, Rule] = {
    Ending.ANSWERED: Rule(kind=OutcomeKind.DELIVERED),
    Ending.HUNG_UP: Rule(kind=OutcomeKind.DELIVERED),
    Ending.BUSY: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.NO_ANSWER: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.DECLINED: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.VOICEMAIL: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.SWITCHED_OFF: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.UNREACHABLE: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.NOT_IN_SERVICE: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.SUSPENDED: Rule(kind=OutcomeKind.UNDELIVERED),
    Ending.CUT_OFF: Rule(kind=OutcomeKind.UNDELIVERED),
    # Nothing rang: the next carrier may know this sender better, have room, or work.
    Ending.BLOCKED: Rule(kind=OutcomeKind.TEMPORARY, is_suspicion=True),
    Ending.OUR_LIMIT: Rule(kind=OutcomeKind.TEMPORARY, lowers_pace=True),
    Ending.CARRIER_DOWN: Rule(kind=OutcomeKind.TEMPORARY, trips_breaker=True),
    Ending.NOT_SPEAKABLE: Rule(kind=OutcomeKind.PERMANENT),
}


def ended(
    ending: Ending,
    *,
    seconds: float = 0.0,
    detail: str = "",
    references: tuple[str, ...] = (),
    call: CallFacts | None = None,
) -> Outcome:
    """The outcome of an attempt that ended so. `seconds` is the talk time of a call; with `call` it is in there."""
    return Outcome(
        kind=RULES[ending].kind,
        ending=ending,
        detail=detail,
        references=references,
        seconds=call.talk_seconds if call is not None else seconds,
        call=call,
    )


def may_be_tried_again(outcome: Outcome) -> bool:
    """Whatever a channel says, not after an ending that another try would not change."""
    ruled = RULES[outcome.ending].kind if outcome.ending else outcome.kind
    return outcome.kind is ruled is OutcomeKind.TEMPORARY
