"""How long a receiver is told again what it did not take."""

import zlib
from typing import Protocol, runtime_checkable

import msgspec

from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS
from onema.domain.records import Job

EVENT_PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""Between the tries of an event, which the specification wants to grow and to span days
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""
JITTER = 0.2
LONGEST_PAUSE_SECONDS = 3_600
"""What `Retry-After` may ask for."""
LONGEST_EVENT_PAUSE_SECONDS = 86_400
"""The same of an event."""
KEPT_MS = 24 * 3_600_000
"""How long a callback waits for its turn, which is long only where the account's receiver keeps others waiting."""
EVENTS_KEPT_MS = 3 * KEPT_MS


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """A callback is tried again after each of `pauses` (s), which are longer by up to `jitter` of themselves, or what
    the receiver asks for if that is longer. It is given up when its turn did not come within `kept_ms`.

    `is_event`: the receiver is told as Standard Webhooks has it. It has longer to answer, whatever it answers but 410
    says "later", and 410 says that the address is not to be asked any more.
    """

    pauses: tuple[int, ...] = RETRY_AFTER_SECONDS
    jitter: float = 0.0
    kept_ms: int = KEPT_MS
    is_event: bool = False

    def pause_ms(self, job: Job, asked_ms: int = 0) -> int:
        """How long a callback waits for its next try; 0 where it was the last. The same for the same try, so that
        many callbacks which failed together come apart without a random source.
        """
        if job.attempt >= len(self.pauses):
            return 0
        drawn = zlib.crc32(f"{job.id} {job.attempt}".encode()) / 2**32
        own = round(self.pauses[job.attempt] * (1 + self.jitter * drawn) * 1000)
        return max(own, asked_ms)


USUAL = Patience()
EVENTS = Patience(pauses=EVENT_PAUSES_SECONDS, jitter=JITTER, kept_ms=EVENTS_KEPT_MS, is_event=True)


@runtime_checkable
class PatientRenderer(Protocol):
    """A CallbackRenderer whose API says how long its receivers are told; the others have the usual patience."""

    @property
    def patience(self) -> Patience:
        """It never changes."""


def patience_of(renderer: object) -> Patience:
    return renderer.patience if isinstance(renderer, PatientRenderer) else USUAL
