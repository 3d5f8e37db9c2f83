"""Try a job that was given up once more."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import DeadJob, Event, Job, Key
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import JOB, JobState, job_state


class ReviveJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make a callback of a dead one, due now, as `id`. Raises Refused(CONFLICT) for what is not there, and for any
    other kind: a message that was given up has its end, and is never sent again.
    """

    dead: int
    id: int
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((DeadJob, self.dead),)

    def decide(self, world: World, context: Context) -> Decision:
        dead = world.get(DeadJob, self.dead)
        if dead is None:
            raise Refused(Refusal.CONFLICT, f"There is no job {self.dead} that was given up.")
        job = Job(
            id=self.id,
            kind=dead.kind,
            account=dead.account,
            message=dead.message,
            due_at=self.now,
            lease=0,
            attempt=0,
            in_flight=False,
            payload=b"",
        )
        if not JOB.may(JobState.DEAD, job_state(job), self):
            raise Refused(
                Refusal.CONFLICT,
                f"job {self.dead} was of kind {dead.kind}; only callbacks can be tried again",
            )
        event = Event(dead.account, dead.message, self.id, str(dead.kind), "to be tried again, by hand")
        return Decision(None, inserts=(job, event), deletes=(dead.key,))
