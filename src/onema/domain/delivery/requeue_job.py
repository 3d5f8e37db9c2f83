"""What people do with a job that was given up: have it tried once more, or forget it."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import DeadJob, Event, Job, JobKind, Key, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import JOB, MESSAGE, JobState, job_state


class RequeueJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make a job of a dead one, due now: a callback as the new job `id`, a settlement as its message's job again.

    `account` and `message` are the dead job's. Raises Refused(CONFLICT) for what is not there; for a delivery, whose
    message has its end or has lost what was to be sent; for a settlement of a message that has ended since; and for a
    callback about a call whose message has no end yet.
    """

    dead: int
    account: AccountId
    message: MessageId
    id: int
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Message, self.account, self.message), (Job, self.message), (DeadJob, self.dead))

    def decide(self, world: World, context: Context) -> Decision:
        dead = _dead_job(world, self.dead)
        job = Job(
            id=self._settled(world) if dead.kind == JobKind.SETTLE else self.id,
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
                f"job {self.dead} was to deliver a message: that was given up with it, and is never sent again; "
                "the integrator may ask for a new code",
            )
        if dead.kind == JobKind.CALLBACK:
            self._refuse_what_was_about_a_call(world)
        event = Event(dead.account, dead.message, self.id, str(dead.kind), "to be tried again, by hand")
        return Decision(None, inserts=(job, event), deletes=(dead.key,))

    def _refuse_what_was_about_a_call(self, world: World) -> None:
        """How far a call was is not kept; what can be told is its message's end."""
        message = world.get(Message, self.account, self.message)
        if message is not None and MessageState(message.state) not in MESSAGE.final:
            raise Refused(Refusal.CONFLICT, f"message {self.message} has no end yet that could be told")

    def _settled(self, world: World) -> int:
        """The id of the job that settles the message."""
        message = world.get(Message, self.account, self.message)
        if message is None or MessageState(message.state) in MESSAGE.final:
            raise Refused(Refusal.CONFLICT, f"message {self.message} has its end; there is nothing to settle")
        if world.get(Job, self.message) is not None:
            raise Refused(Refusal.CONFLICT, f"message {self.message} has a job again")
        return self.message


class DropJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Forget a dead job; its message's story keeps it. Raises Refused(CONFLICT) for what is not there."""

    dead: int
    id: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((DeadJob, self.dead),)

    def decide(self, world: World, context: Context) -> Decision:
        dead = _dead_job(world, self.dead)
        event = Event(dead.account, dead.message, self.id, str(dead.kind), "dropped, by hand")
        return Decision(None, inserts=(event,), deletes=(dead.key,))


def _dead_job(world: World, identifier: int) -> DeadJob:
    dead = world.get(DeadJob, identifier)
    if dead is None:
        raise Refused(Refusal.CONFLICT, f"There is no job {identifier} that was given up.")
    return dead
