"""Give a job up: it is kept among the dead ones, and its message gets the end that is true."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.call_progress import certain_ms, cut_short
from onema.domain.delivery.fail_message import end_of_unsent
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    HANDING_OVER,
    Attempt,
    AttemptState,
    Call,
    DeadJob,
    Event,
    Job,
    JobKind,
    Key,
    Message,
    MessageState,
    Row,
    Wallet,
)
from onema.domain.state_machines import ATTEMPT, JOB, MESSAGE, JobState, job_state


class EndJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leased job is given up. What was not sent has failed and its hold is released; what may have been sent is
    unknown and waits for its receipt until `receipt_until`, never to be sent again; what waited for a receipt is
    unconfirmed. `fault` is where the program raised, without its words; `note` goes into the message's story in place
    of the reason. `bury_only` leaves the message as it is, for a job whose message cannot even be ended.

    Result: False when the lease is no longer ours.
    """

    job: int
    lease: int
    id: int
    now: int
    account: AccountId
    message: MessageId
    attempt: int
    reason: str
    fault: str = ""
    note: str = ""
    receipt_until: int = 0
    bury_only: bool = False

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (Wallet, self.account),
            (Message, self.account, self.message),
            # The one that was in flight when the job was leased, or that was started since.
            (Attempt, self.account, self.message, self.attempt),
            (Attempt, self.account, self.message, self.attempt + 1),
            (Call, self.account, self.message, self.attempt),
            (Call, self.account, self.message, self.attempt + 1),
            (Job, self.job),
        )

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease:
            return Decision(False)
        dead = DeadJob(
            id=self.id,
            job=job.id,
            kind=job.kind,
            account=job.account,
            message=job.message,
            leases=job.lease,
            attempts=job.attempt,
            reason=self.reason,
            fault=self.fault,
        )
        event = Event(
            job.account, job.message, self.id, str(job.kind), self.note or f"{self.reason}; given up"
        )
        message = world.get(Message, self.account, self.message)
        after = _end_of(job, message)
        if self.bury_only or message is None or after is None or not MESSAGE.may(message.state, after, self):
            JOB.move(job_state(job), JobState.DEAD, self)
            return Decision(True, inserts=(event, dead), deletes=(job.key,))
        step = Advance(
            by=self,
            id=self.id,
            now=self.now,
            after=after,
            reason="its job was given up",
            seconds=self._certain_seconds(world, job),
            settle_at=self.receipt_until,
            job_end=JobState.DEAD,
        )
        puts, inserts, deletes = advance(world, context, message, job, step)
        return Decision(True, (*puts, *self._ended_attempt(world, job)), (event, dead, *inserts), deletes)

    def _certain_seconds(self, world: World, job: Job) -> float:
        call = world.get(Call, job.account, job.message, job.attempt) if job.in_flight else None
        return certain_ms(call) / 1000 if call is not None and not call.ended_at else 0.0

    def _ended_attempt(self, world: World, job: Job) -> tuple[Row, ...]:
        attempt = world.get(Attempt, job.account, job.message, job.attempt)
        if not job.in_flight or attempt is None or attempt.state != AttemptState.STARTED:
            return ()
        unknown = msgspec.structs.replace(
            attempt,
            state=ATTEMPT.move(attempt.state, AttemptState.UNKNOWN, self),
            detail=self.reason,
            ended_at=self.now,
        )
        call = world.get(Call, job.account, job.message, job.attempt)
        if call is None or call.ended_at:
            return (unknown,)
        return (unknown, cut_short(call, self.now, self))


def _end_of(job: Job, message: Message | None) -> MessageState | None:
    """What the message becomes; a callback's has ended before."""
    if job.kind in HANDING_OVER:
        if job.in_flight:
            return MessageState.UNKNOWN
        return end_of_unsent(message) if message is not None else None
    return MessageState.UNCONFIRMED if job.kind in (JobKind.SETTLE, JobKind.RESEND) else None
