"""A call moves on: what its row says after an event, and in the end.

Events come as they happen, perhaps late, twice or in another order, and never move a call back. How it ended is told by
the outcome of its attempt, which may know times that no event told.
"""

import msgspec

from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.records import Attempt, Call
from onema.domain.state_machines import CALL, NEW

_RANKS = {state: rank for rank, state in enumerate(CallState)}
UNTOLD = CallFacts()


def begun(attempt: Attempt) -> Call:
    """The call of an attempt of which nothing has been heard."""
    return Call(
        account=attempt.account,
        message=attempt.message,
        attempt=attempt.number,
        carrier=attempt.carrier,
        state=CallState.CALLING,
        started_at=attempt.started_at,
        heard_at=attempt.started_at,
    )


def moved(
    call: Call | None, attempt: Attempt, state: CallState, at: int, keys: str, by: object
) -> Call | None:
    """The call once it has come to `state` at `at`, with all `keys` that were pressed; None where that is no news."""
    before = call or begun(attempt)
    if call is not None:
        step = _RANKS[state] - _RANKS[CallState(call.state)]
        more_keys = state is CallState.ANSWERED and len(keys) > len(call.keys)
        if step < 0 or (step == 0 and not more_keys):
            return None
    CALL.move(call.state if call is not None else NEW, state, by)
    return msgspec.structs.replace(
        before,
        state=state,
        ringing_at=before.ringing_at or (at if state is CallState.RINGING else 0),
        answered_at=before.answered_at or (at if state is CallState.ANSWERED else 0),
        heard_at=max(before.heard_at, at),
        keys=keys if len(keys) > len(before.keys) else before.keys,
    )


def ended(call: Call | None, attempt: Attempt, outcome: Outcome, now: int, by: object) -> Call:
    """The call in the end. What no event told of its times follows from how long it rang and was talked."""
    before = call or begun(attempt)
    facts = outcome.call or UNTOLD
    CALL.move(call.state if call is not None else NEW, CallState.ENDED, by)
    talk_ms, ring_ms = round(outcome.seconds * 1000), round(facts.ring_seconds * 1000)
    answered_at = before.answered_at or (now - talk_ms if talk_ms else 0)
    ringing_at = before.ringing_at or ((answered_at or now) - ring_ms if ring_ms else 0)
    if ringing_at and not ring_ms:
        ring_ms = max((answered_at or now) - ringing_at, 0)
    return msgspec.structs.replace(
        before,
        state=CallState.ENDED,
        ringing_at=ringing_at,
        answered_at=answered_at,
        ended_at=now,
        heard_at=now,
        ring_ms=ring_ms,
        talk_ms=talk_ms or before.talk_ms,
        ending=outcome.ending or before.ending,
        keys=facts.keys if len(facts.keys) > len(before.keys) else before.keys,
        status=facts.status or before.status,
        codec=facts.codec or before.codec,
        packets_sent=facts.packets_sent or before.packets_sent,
        packets_received=facts.packets_received or before.packets_received,
        packets_lost=facts.packets_lost or before.packets_lost,
        jitter_us=round(facts.jitter_ms * 1000) or before.jitter_us,
        trace=facts.trace or before.trace,
    )


def certain_ms(call: Call) -> int:
    """How long (ms) a call was certainly talked whose end nobody saw: until the last that was heard of it, and a
    moment, if it was answered at all.
    """
    return max(call.heard_at - call.answered_at, 1) if call.answered_at else 0


def as_far_as_known(call: Call | None, outcome: Outcome) -> Outcome:
    """The outcome of a call whose end nobody saw, with what its events told: that it reached the phone, and how long it
    was certainly talked. Its carrier's own word on that counts more.
    """
    if call is None or outcome.kind is not OutcomeKind.UNKNOWN or outcome.seconds:
        return outcome
    reached = call.state in (CallState.RINGING, CallState.ANSWERED)
    return msgspec.structs.replace(
        outcome,
        seconds=certain_ms(call) / 1000,
        ending=outcome.ending or (Ending.CUT_OFF if reached else None),
    )


def cut_short(call: Call, now: int, by: object) -> Call:
    """The call once nobody is left who could tell how it ended."""
    return msgspec.structs.replace(
        call,
        state=CALL.move(call.state, CallState.ENDED, by),
        ended_at=now,
        talk_ms=certain_ms(call),
        ending=Ending.CUT_OFF if call.state in (CallState.RINGING, CallState.ANSWERED) else "",
    )
