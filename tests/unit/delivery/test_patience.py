"""How long receivers are told again: docs/callbacks.md."""

from hypothesis import given
from hypothesis import strategies as st

from onema.delivery.patience import EVENTS, JITTER, USUAL, patience_of
from onema.dialects.esms.callbacks import EsmsCallbacks
from onema.dialects.native.callbacks import NativeEvents
from onema.dialects.vbee.callbacks import VbeeCallbacks
from onema.dialects.ytx.callbacks import YtxCallbacks
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, JobKind

HOUR_MS = 3_600_000


def job(attempt: int, identifier: int = 1) -> Job:
    return Job(identifier, JobKind.CALLBACK, AccountId(1), MessageId(1), 0, 1, attempt, False, b"")


def test_an_event_is_told_again_for_more_than_a_day() -> None:
    """A receiver that is mended the next morning has lost none; the pauses grow."""
    pauses = [EVENTS.pause_ms(job(tries)) for tries in range(len(EVENTS.pauses))]
    assert sum(pauses) > 24 * HOUR_MS
    assert pauses[:-1] == sorted(pauses[:-1])
    assert pauses[0] < 10_000
    assert EVENTS.pause_ms(job(len(EVENTS.pauses))) == 0


@given(attempt=st.integers(0, len(EVENTS.pauses) - 1), identifier=st.integers(1, 2**63 - 1))
def test_events_that_failed_together_come_apart(attempt: int, identifier: int) -> None:
    """Each by its own share of the pause, the same whoever asks, and never sooner than the schedule."""
    pause = EVENTS.pause_ms(job(attempt, identifier))
    least = EVENTS.pauses[attempt] * 1000
    assert least <= pause <= least * (1 + JITTER)
    assert pause == EVENTS.pause_ms(job(attempt, identifier))


def test_a_hundred_events_are_not_told_in_one_moment() -> None:
    """What came together is spread over the whole of the jitter."""
    pauses = [EVENTS.pause_ms(job(3, identifier)) for identifier in range(100)]
    assert max(pauses) - min(pauses) > EVENTS.pauses[3] * 1000 * JITTER / 2


def test_a_receiver_that_asks_for_longer_gets_it() -> None:
    """And one that asks for less waits as the schedule says."""
    assert EVENTS.pause_ms(job(0), 2 * HOUR_MS) == 2 * HOUR_MS
    assert EVENTS.pause_ms(job(6), 1_000) >= 36_000_000


def test_only_our_own_api_is_as_patient() -> None:
    """The vendors' schedules stay as they are."""
    assert patience_of(NativeEvents) is EVENTS
    assert [patience_of(one) for one in (EsmsCallbacks, VbeeCallbacks, YtxCallbacks)] == [USUAL] * 3
    assert USUAL.pauses == (10, 60, 300, 900, 3_600)
