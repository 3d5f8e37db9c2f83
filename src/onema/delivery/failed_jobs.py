"""Jobs end: what a job that fails is told, and when it is given up."""

import logging
from collections.abc import Callable

from onema.domain.delivery.call import LATE_WORD_MS
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.records import Job, JobKind
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.telemetry.faults import describe_fault
from onema.telemetry.redaction import safe

log = logging.getLogger(__name__)

TRIES = 6
"""A job that raised has had a try."""
RETRY_AFTER_SECONDS = (10, 60, 300, 900, 3600)
"""Five more tries, as the vendors do with callbacks."""
LEASES = 200
"""So often a job is leased at most, whatever became of its leases: a process that dies tells nothing. A message that
waits for a carrier which nobody runs is leased every half minute until its code has expired, for an hour at most.
"""
LONGEST_FAULT = 500
"""Characters that are kept of where a job failed: the innermost places come first."""


class GivenUp(Exception):
    """The job has no use any more; the text is the reason. `note` is what its message's story is told in its place."""

    def __init__(self, reason: str, note: str = "") -> None:
        super().__init__(reason)
        self.note = note


class FailedJobs:
    """Tries jobs that failed again after a pause, and gives up those that no try helps."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        receipt_lifetime_ms: int,
        on_dead: Callable[[str], None] = lambda kind: None,
    ) -> None:
        """`on_dead` is told the kind of each job that is given up."""
        self._gateway = gateway
        self._receipt_lifetime_ms = receipt_lifetime_ms
        self._on_dead = on_dead

    async def again(self, job: Job, error: Exception) -> None:
        """Tell the message's story, and try the job again after a pause that grows, or not at all."""
        tries, fault = job.attempt + 1, type(error).__name__
        if tries >= TRIES and not job.in_flight:
            await self.end(job, f"it failed ({fault})", describe_fault(error))
            return
        pause = RETRY_AFTER_SECONDS[min(tries, len(RETRY_AFTER_SECONDS)) - 1]
        await self._told(
            FinishJob(
                job=job.id,
                lease=job.lease,
                id=self._gateway.next_id(),
                note=f"it failed ({fault}); will try again",
                retry_at=self._gateway.now() + pause * 1000,
            )
        )

    async def end(self, job: Job, reason: str, fault: str = "", note: str = "") -> None:
        """Give the job up, with its message's true end; where even that fails, the job alone. `fault` says where the
        program raised, `note` is for the message's story.
        """
        for bury_only in (False, True):
            now = self._gateway.now()
            waits_ms = LATE_WORD_MS if job.kind == JobKind.CALL else self._receipt_lifetime_ms
            ended = await self._told(
                EndJob(
                    job=job.id,
                    lease=job.lease,
                    id=self._gateway.next_id(),
                    now=now,
                    account=job.account,
                    message=job.message,
                    attempt=job.attempt,
                    reason=reason,
                    fault=fault[:LONGEST_FAULT],
                    note=note,
                    receipt_until=now + waits_ms,
                    bury_only=bury_only,
                )
            )
            if ended:
                log.warning(
                    "job given up",
                    extra={
                        "action": str(job.kind),
                        "job": safe(job.id),
                        "message_id": safe(job.message),
                        "reason": reason,
                        "message_ended": not bury_only,
                    },
                )
                self._on_dead(job.kind)
            if ended is not None:
                return

    async def _told(self, command: FinishJob | EndJob) -> bool | None:
        """The command's result; None when it cannot be decided. Without a store the lease will bring the job back."""
        try:
            result: bool = await self._gateway.execute(command)
        except Refused:
            return False
        except Exception:  # noqa: BLE001  # the committer has logged it
            return None
        return result
