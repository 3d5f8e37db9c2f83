"""What a restored store still had to send may have been sent after the backup was made: it is not sent again."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.call_progress import cut_short
from onema.domain.delivery.message_progress import awaiting_receipt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    AttemptState,
    Call,
    DirectoryRevision,
    Event,
    Job,
    JobKind,
    Key,
    Message,
    MessageState,
    Row,
)
from onema.domain.state_machines import ATTEMPT, JOB, MESSAGE, JobState, job_state

BACKUP = "backup"
"""The DirectoryRevision that a file of `onema backup` has, and no store that has run: when it was made (Unix ms)."""
WHY = "restored from a backup: it may have been sent"
_HELD = frozenset((JobState.TO_SEND, JobState.IN_FLIGHT, JobState.WATCHED))


class HoldRestored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job of a restored store: what was to be sent is unknown and waits for a receipt until `receipt_until`, never to
    be sent again; a code's plan ends. What is scheduled for later than `now` nobody has sent yet; callbacks may come
    twice, and settling sends nothing: these stay as they are.

    Result: the kind of the job that was held; "" where nothing was.
    """

    job: int
    account: AccountId
    message: MessageId
    attempt: int
    id: int
    now: int
    receipt_until: int

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (Message, self.account, self.message),
            (Attempt, self.account, self.message, self.attempt),
            (Call, self.account, self.message, self.attempt),
            (Job, self.job),
        )

    def decide(self, world: World, context: Context) -> Decision:
        job, message = world.get(Job, self.job), world.get(Message, self.account, self.message)
        if job is None or message is None or self._is_for_later(job):
            return Decision("")
        event = Event(job.account, job.message, self.id, str(job.kind), WHY)
        state = job_state(job)
        if state is JobState.PLANNED:
            JOB.move(state, JobState.DONE, self)
            return Decision(str(job.kind), inserts=(event,), deletes=(job.key,))
        if state not in _HELD:
            return Decision("")
        JOB.move(state, JobState.AWAITING_RECEIPT, self)
        puts: list[Row] = [awaiting_receipt(job, self.receipt_until), *self._in_flight(world, job)]
        if MESSAGE.may(message.state, MessageState.UNKNOWN, self):
            unknown = MESSAGE.move(message.state, MessageState.UNKNOWN, self)
            puts.append(msgspec.structs.replace(message, state=unknown, reason=WHY))
        return Decision(str(job.kind), tuple(puts), (event,))

    def _is_for_later(self, job: Job) -> bool:
        return job.kind == JobKind.SCHEDULED and not job.in_flight and job.due_at > self.now

    def _in_flight(self, world: World, job: Job) -> Iterable[Row]:
        attempt = world.get(Attempt, job.account, job.message, job.attempt)
        if not job.in_flight or attempt is None or attempt.state != AttemptState.STARTED:
            return
        unknown = ATTEMPT.move(attempt.state, AttemptState.UNKNOWN, self)
        yield msgspec.structs.replace(attempt, state=unknown, detail=WHY, ended_at=self.now)
        call = world.get(Call, job.account, job.message, job.attempt)
        if call is not None and not call.ended_at:
            yield cut_short(call, self.now, self)


class ForgetBackup(msgspec.Struct, frozen=True, gc=False):
    """The store is no backup any more: it runs. Result: None."""

    def keys(self, context: Context) -> Iterable[Key]:
        return ((DirectoryRevision, BACKUP),)

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(None, deletes=((DirectoryRevision, BACKUP),))
