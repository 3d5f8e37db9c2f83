"""Leave a delivery until one of its carriers can send, here or at another process."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Job, Key
from onema.domain.state_machines import JOB, JobState, job_state

LEFT_FOR_MS = 30_000
"""How long a job that was left for carriers is passed over by those for whom none of them can send: more than it takes
until another process has the capacity of one that died.
"""


class LeaveJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leased job is due again at `due_at`, without an attempt: for those that can send by one of `carriers`, or,
    without any, for everybody.

    Result: False when the lease is no longer ours or an attempt was started.
    """

    job: int
    lease: int
    due_at: int
    carriers: tuple[str, ...] = ()

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Job, self.job),)

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease:
            return Decision(False)
        state = job_state(job)
        if state is JobState.IN_FLIGHT or not JOB.may(state, state, self):
            return Decision(False)
        # No carrier's name has a comma.
        left = msgspec.structs.replace(job, due_at=self.due_at, carrier=",".join(self.carriers))
        return Decision(True, puts=(left,))
