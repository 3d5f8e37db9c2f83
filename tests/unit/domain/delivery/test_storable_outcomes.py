"""Whatever a carrier reports, what is decided from it is in range."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json

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
