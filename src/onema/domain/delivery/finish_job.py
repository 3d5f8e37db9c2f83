"""Work that is not a delivery (a callback) is done; any work that failed is tried again later."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Event, Job, Key
from onema.domain.state_machines import JOB, JobState, job_state


class FinishJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leased job is done, or due again at `retry_at`, which counts as a try. `note` goes into the message's story.

    An attempt in flight stays so, and has its carrier's time to answer first.
    Result: False when the lease is no longer ours.
    """

    job: int
    lease: int
    id: int
    note: str = ""
    retry_at: int = 0

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Job, self.job),)

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease:
            return Decision(False)
        state = job_state(job)
        JOB.move(state, state if self.retry_at else JobState.DONE, self)
        event = Event(job.account, job.message, self.id, str(job.kind), self.note)
        if self.retry_at:
            if job.in_flight:
                again = msgspec.structs.replace(job, due_at=max(job.due_at, self.retry_at))
            else:
                again = msgspec.structs.replace(job, due_at=self.retry_at, attempt=job.attempt + 1)
            return Decision(True, puts=(again,), inserts=(event,))
        return Decision(True, inserts=(event,), deletes=(job.key,))
