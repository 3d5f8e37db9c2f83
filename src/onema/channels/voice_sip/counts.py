"""How calls over a trunk went lately, for operators."""

from collections import deque
from collections.abc import Callable

import msgspec

from onema.channels.contract import Figures
from onema.channels.voice_sip.line import CallEnded

LATELY_SECONDS = 900.0
"""What averages are over: long enough for a few calls of a small trunk."""
MOST_CALLS = 10_000


class _Past(msgspec.Struct, frozen=True, gc=False):
    at: float
    answered: bool
    rang: bool
    ring_seconds: float
    packets_sent: int
    packets_lost: int
    jitter_ms: float


class Counts:
    """Averages over the calls that ended in the last LATELY_SECONDS; `steady` is seconds that only pass."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._past: deque[_Past] = deque(maxlen=MOST_CALLS)
        """The oldest first."""

    def ended(self, call: CallEnded) -> None:
        self._past.append(
            _Past(
                self._steady(),
                call.answered,
                call.rang,
                call.ring_seconds,
                call.packets_sent,
                call.packets_lost,
                call.jitter_ms,
            )
        )

    def figures(self) -> Figures:
        """Those of averages; None where no call tells."""
        after = self._steady() - LATELY_SECONDS
        while self._past and self._past[0].at < after:
            self._past.popleft()
        past = self._past
        rang = [one.ring_seconds for one in past if one.rang and one.ring_seconds]
        sent = sum(one.packets_sent for one in past)
        jitter = [one.jitter_ms for one in past if one.jitter_ms]
        return Figures(
            calls_lately=len(past),
            answered=sum(one.answered for one in past) / len(past) if past else None,
            ring_seconds=sum(rang) / len(rang) if rang else None,
            loss=sum(one.packets_lost for one in past) / sent if sent else None,
            jitter_ms=sum(jitter) / len(jitter) if jitter else None,
        )
