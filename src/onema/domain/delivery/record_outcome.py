"""What became of an attempt: from the channel at once, from a receipt later, or from nobody in time."""

from collections.abc import Iterable
from typing import TypeGuard

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.records import (
    Attempt,
    AttemptState,
    CarrierReference,
    Event,
    InboxItem,
    Job,
    Key,
    Message,
    MessageState,
    Wallet,
)
from onema.domain.state_machines import ATTEMPT, JOB, MESSAGE, JobState, job_state

_MESSAGE_STATE = {
    OutcomeKind.SUBMITTED: MessageState.SENT,
    OutcomeKind.DELIVERED: MessageState.DELIVERED,
    OutcomeKind.UNDELIVERED: MessageState.UNDELIVERED,
    OutcomeKind.TEMPORARY: MessageState.FAILED,
    OutcomeKind.PERMANENT: MessageState.FAILED,
    OutcomeKind.UNKNOWN: MessageState.UNKNOWN,
}
_ATTEMPT_STATE = {kind: AttemptState(kind.value) for kind in OutcomeKind}


class _AttemptCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A word about one attempt of one message."""

    id: int
    now: int
    account: int
    message: int
    attempt: int
    outcome: Outcome

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (Wallet, self.account),
            (Message, self.account, self.message),
            (Attempt, self.account, self.message, self.attempt),
            (Job, self.message),
        )

    def _ended(self, attempt: Attempt) -> Attempt:
        return msgspec.structs.replace(
            attempt,
            state=ATTEMPT.move(attempt.state, _ATTEMPT_STATE[self.outcome.kind], self),
            carrier_reference=self.outcome.carrier_reference or attempt.carrier_reference,
            detail=self.outcome.detail or self.outcome.reason or attempt.detail,
            ended_at=self.now,
        )

    def _step(self, settle_at: int = 0) -> Advance:
        return Advance(
            by=self,
            id=self.id,
            now=self.now,
            after=_MESSAGE_STATE[self.outcome.kind],
            reason=self.outcome.reason,
            seconds=self.outcome.seconds,
            settle_at=settle_at,
        )


class RecordOutcome(_AttemptCommand, frozen=True, kw_only=True, gc=False):
    """How an attempt ended, as its channel saw it.

    A temporary outcome leaves the job for `retry_at` when that is set, and fails the message when it is 0.
    `receipt_until` is when a receipt is no longer waited for. Idempotent: an attempt whose end is known (a
    receipt may have been faster) is left alone. Result: whether it changed anything.
    """

    receipt_until: int
    retry_at: int = 0

    def decide(self, world: World, context: Context) -> Decision:
        attempt = world.get(Attempt, self.account, self.message, self.attempt)
        message = world.get(Message, self.account, self.message)
        job = world.get(Job, self.message)
        if attempt is None or message is None:
            return Decision(False)
        if not ATTEMPT.may(attempt.state, _ATTEMPT_STATE[self.outcome.kind], self):
            return Decision(False)
        ended = self._ended(attempt)
        if self.outcome.kind is OutcomeKind.TEMPORARY and self.retry_at and self._may_send_again(job):
            again = msgspec.structs.replace(job, due_at=self.retry_at, in_flight=False)
            return Decision(True, puts=(ended, again))
        step = self._step(self.receipt_until)
        if not MESSAGE.may(message.state, step.after, self):
            return Decision(False, puts=(ended,))
        puts, inserts, deletes = advance(world, context, message, job, step)
        if self.outcome.shown and job is not None:
            # The job holds it sealed as the inbox does. No second outcome counts, so none is inserted twice.
            inserts.append(InboxItem(message.id, message.phone, message.channel, message.sender, job.payload))
        if self.outcome.carrier_reference and not deletes:
            inserts.append(
                CarrierReference(
                    carrier=attempt.carrier,
                    reference=self.outcome.carrier_reference,
                    account=self.account,
                    message=self.message,
                    attempt=self.attempt,
                    expires_at=self.receipt_until,
                )
            )
        return Decision(True, (ended, *puts), tuple(inserts), deletes)

    def _may_send_again(self, job: Job | None) -> TypeGuard[Job]:
        """Not once the attempt was taken for unknown: then there is nothing left to send."""
        return job is not None and JOB.may(job_state(job), JobState.TO_SEND, self)


class RecordReceipt(_AttemptCommand, frozen=True, kw_only=True, gc=False):
    """A carrier's later word on an attempt: DELIVERED or UNDELIVERED. It may overtake the attempt's own
    outcome, come twice, or days late; only the first final word counts. Result: whether it did.
    """

    def decide(self, world: World, context: Context) -> Decision:
        attempt = world.get(Attempt, self.account, self.message, self.attempt)
        message = world.get(Message, self.account, self.message)
        step = self._step()
        if attempt is None or message is None or not MESSAGE.may(message.state, step.after, self):
            return Decision(False)
        puts, inserts, deletes = advance(world, context, message, world.get(Job, self.message), step)
        event = Event(self.account, self.message, self.id, f"receipt: {step.after}", step.reason)
        return Decision(True, (self._ended(attempt), *puts), (event, *inserts), deletes)


class SettleMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """No receipt came in time: the message ends unconfirmed, what is still held goes back. Result: whether."""

    id: int
    now: int
    account: int
    message: int
    lease: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Wallet, self.account), (Message, self.account, self.message), (Job, self.message))

    def decide(self, world: World, context: Context) -> Decision:
        message = world.get(Message, self.account, self.message)
        job = world.get(Job, self.message)
        if job is None or job.lease != self.lease or not JOB.may(job_state(job), JobState.DONE, self):
            return Decision(False)
        if message is None or not MESSAGE.may(message.state, MessageState.UNCONFIRMED, self):
            return Decision(False, deletes=(job.key,))
        step = Advance(
            by=self, id=self.id, now=self.now, after=MessageState.UNCONFIRMED, reason="no receipt came"
        )
        puts, inserts, deletes = advance(world, context, message, job, step)
        return Decision(True, tuple(puts), tuple(inserts), deletes)
