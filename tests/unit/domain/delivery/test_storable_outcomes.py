"""Whatever a carrier reports, what is decided from it is in range."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json

from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.outcome import LONGEST_TALK_SECONDS, Outcome, OutcomeKind, storable


@given(seconds=st.floats())
@example(seconds=-100.0)
@example(seconds=float("nan"))
@example(seconds=float("inf"))
@example(seconds=61.5)
def test_time_talked_is_never_less_than_nothing_nor_without_end(seconds: float) -> None:
    """A negative one would pay the account for its call; what is no number could be neither charged nor kept."""
    outcome = storable(Outcome(kind=OutcomeKind.DELIVERED, seconds=seconds))
    assert 0 <= outcome.seconds <= LONGEST_TALK_SECONDS
    assert outcome.seconds == seconds or not 0 <= seconds <= LONGEST_TALK_SECONDS
    assert json.decode(json.encode(outcome), type=Outcome) == outcome


@given(
    talk=st.floats(),
    ring=st.floats(),
    keys=st.text(max_size=200),
    count=st.integers(),
    jitter=st.floats(),
)
def test_what_is_known_of_a_call_fits_every_store(
    talk: float, ring: float, keys: str, count: int, jitter: float
) -> None:
    """Numbers that are none are 0, and of the keys only those of a telephone are kept."""
    facts = CallFacts(
        talk_seconds=talk,
        ring_seconds=ring,
        keys=keys,
        status=count,
        packets_sent=count,
        packets_lost=count,
        jitter_ms=jitter,
        trace=b"x" * 100_000,
    )
    outcome = storable(Outcome(kind=OutcomeKind.DELIVERED, call=facts))
    call = outcome.call
    assert call is not None
    assert outcome.seconds == call.talk_seconds
    assert 0 <= call.ring_seconds <= LONGEST_TALK_SECONDS
    assert 0 <= call.status < 700
    assert 0 <= call.packets_sent < 2**63
    assert call.jitter_ms >= 0
    assert set(call.keys) <= set("0123456789*#ABCD")
    assert len(call.trace) == 65_536
    assert storable(outcome) == outcome
