"""What became of an attempt: from the channel at once, or from nobody in time."""

from collections.abc import Iterable
from typing import TypeGuard

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery import call_progress, several
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_news import Tells, end_of, news_job
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.delivery.outcome import FINAL_WORDS, RECEIPT_WORDS, Outcome, OutcomeKind, keep_network
from onema.domain.delivery.recall import recall_at, to_be_called_again
from onema.domain.delivery.record_receipt import take_early_words
from onema.domain.delivery.signals import signal_of
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    AttemptState,
    Call,
    CarrierReference,
    Event,
    InboxItem,
    Job,
    Key,
    Message,
    MessageState,
    Row,
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


class RecordOutcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt ended, as its channel saw it.

    A temporary outcome leaves the job for `retry_at` when that is set, and fails the message when it is 0.
    `receipt_until` is when a receipt is no longer waited for. Receipts that came before it, by the names that `carrier`
    gave, count with it. An outcome with `call` ends the attempt's call, which the job `news_id` tells where `tells`
    says so of its message's API. Idempotent: an attempt whose end is known is left alone. Result: whether it changed
    anything.
    """

    id: int
    now: int
    account: AccountId
    message: MessageId
    attempt: int
    outcome: Outcome
    receipt_until: int
    retry_at: int = 0
    carrier: str = ""
    news_id: int = 0
    tells: Tells | None = None

    def keys(self, context: Context) -> Iterable[Key]:
        keys: tuple[Key, ...] = (
            (Wallet, self.account),
            (Message, self.account, self.message),
            (Attempt, self.account, self.message, self.attempt),
            (Job, self.message),
        )
        if self.outcome.references:
            keys += tuple((CarrierReference, self.carrier, name) for name in self.outcome.references)
        if self.outcome.call is not None:
            calls = range(1, self.attempt + 1)
            keys += tuple((Call, self.account, self.message, number) for number in calls)
        return keys

    def decide(self, world: World, context: Context) -> Decision:
        decision = self._decide(world, context)
        if decision.result and (message := world.get(Message, self.account, self.message)):
            decision.then = signal_of(self.outcome, message, self.now)
        return decision

    def _decide(self, world: World, context: Context) -> Decision:
        attempt = world.get(Attempt, self.account, self.message, self.attempt)
        message = world.get(Message, self.account, self.message)
        job = world.get(Job, self.message)
        if attempt is None or message is None:
            return Decision(False)
        if not ATTEMPT.may(attempt.state, _ATTEMPT_STATE[self.outcome.kind], self):
            return Decision(False)
        outcome, awaited = self.outcome, 0
        named: tuple[Row, ...] = ()
        told: tuple[Row, ...] = ()
        if outcome.call is not None:
            call = world.get(Call, self.account, self.message, self.attempt)
            outcome = call_progress.as_far_as_known(call, outcome)
            over = call_progress.ended(call, attempt, outcome, self.now, self)
            named = (over,)
            if self.tells and (call is None or call.state != CallState.ENDED):
                told = news_job(context, self.tells, message, end_of(over), self.news_id, self.now)
        if outcome.references and outcome.kind in RECEIPT_WORDS:
            early = take_early_words(world, attempt, outcome, self._forget_at)
            named += early.rows
            if early.final and outcome.kind not in FINAL_WORDS:
                outcome = early.final
                told += (
                    Event(self.account, self.message, self.id, f"receipt: {outcome.kind}", outcome.word),
                )
            elif outcome.kind not in FINAL_WORDS:
                awaited = early.awaited
        ended = self._ended(attempt, outcome, awaited)
        if message.resends or (job is not None and job.watch):
            return several.one_ended(self, world, context, message, job, attempt, ended, outcome, named, told)
        if outcome.kind is OutcomeKind.TEMPORARY and self.retry_at and self._may_send_again(job):
            again = msgspec.structs.replace(job, due_at=self.retry_at, in_flight=False)
            return Decision(True, puts=(ended, again, *named), inserts=told)
        if outcome.call is not None and self._may_send_again(job):
            called = self._called_again(world, context, message, outcome, job)
            if called is not None:
                return Decision(True, puts=(ended, *called, *named), inserts=told)
        step = Advance(
            by=self,
            id=self.id,
            now=self.now,
            after=_MESSAGE_STATE[outcome.kind],
            reason=outcome.word,
            ending=outcome.ending or "",
            seconds=outcome.seconds,
            settle_at=self.receipt_until,
        )
        if context.directory.resends and job is not None and job.in_flight:
            step = several.watched_from_now(context, message, attempt.carrier, step)
        if not MESSAGE.may(message.state, step.after, self):
            return Decision(False, puts=(ended, *named), inserts=told)
        puts, inserts, deletes = advance(world, context, message, job, step)
        if self.outcome.shown and job is not None and job.payload:
            # The job holds it sealed as the inbox does. No second outcome counts, so none is inserted twice.
            inserts.append(InboxItem(message.id, message.phone, message.channel, message.sender, job.payload))
        return Decision(True, (ended, *puts, *named), (*told, *inserts), deletes)

    def _called_again(
        self, world: World, context: Context, message: Message, outcome: Outcome, job: Job
    ) -> tuple[Row, ...] | None:
        """What is changed where the application has the phone called once more; None where it has not."""
        numbers = range(1, self.attempt)
        before = [world.get(Call, self.account, self.message, number) for number in numbers]
        at = recall_at(context, message, outcome, filter(None, before), self.now)
        waiting = to_be_called_again(context, message, outcome) if at else None
        if waiting is None:
            return None
        return (waiting, msgspec.structs.replace(job, due_at=at, in_flight=False))

    def _may_send_again(self, job: Job | None) -> TypeGuard[Job]:
        """Not once the attempt was taken for unknown: then there is nothing left to send."""
        return job is not None and JOB.may(job_state(job), JobState.TO_SEND, self)

    @property
    def _forget_at(self) -> int:
        """A late receipt is known for as long again as one is waited for."""
        return 2 * self.receipt_until - self.now

    def _ended(self, attempt: Attempt, outcome: Outcome, awaited: int) -> Attempt:
        return msgspec.structs.replace(
            attempt,
            state=ATTEMPT.move(attempt.state, _ATTEMPT_STATE[outcome.kind], self),
            carrier_reference=" ".join(self.outcome.references) or attempt.carrier_reference,
            detail=outcome.detail or outcome.reason or attempt.detail,
            ended_at=self.now,
            awaited=awaited,
            ending=outcome.ending or attempt.ending,
            network=keep_network(attempt.network, outcome.network),
        )


class SettleMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """No receipt came in time: the message ends unconfirmed, what is still held goes back. Result: whether."""

    id: int
    now: int
    account: AccountId
    message: MessageId
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
