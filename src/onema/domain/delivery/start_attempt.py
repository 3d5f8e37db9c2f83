"""Write down that an attempt starts, before the first byte leaves us."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Attempt, AttemptState, Job, Key
from onema.domain.state_machines import JOB, JobState, job_state


class StartAttempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Start the next attempt of a leased delivery job. Result: the attempt's number, or 0 when the lease is
    no longer ours or an attempt is already in flight; then nothing may be sent. The lease is extended to
    `lease_until`, when the carrier must have answered. `why` says why this carrier was chosen.
    """

    job: int
    lease: int
    now: int
    lease_until: int
    carrier: str
    caller: str = ""
    why: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Job, self.job),)

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease or not JOB.may(job_state(job), JobState.IN_FLIGHT, self):
            return Decision(0)
        started, attempt = self.started(job)
        return Decision(started.attempt, puts=(started,), inserts=(attempt,))

    def started(self, job: Job) -> tuple[Job, Attempt]:
        """The job in flight, and its next attempt. A job that is being born is leased to whoever makes it, so there is
        nothing to decide of its first one.
        """
        number = job.attempt + 1
        attempt = Attempt(
            account=job.account,
            message=job.message,
            number=number,
            carrier=self.carrier,
            caller=self.caller,
            state=AttemptState.STARTED,
            carrier_reference="",
            detail="",
            started_at=self.now,
            ended_at=0,
            why=self.why,
        )
        started = msgspec.structs.replace(
            job, due_at=self.lease_until, attempt=number, in_flight=True, carrier=""
        )
        return started, attempt
