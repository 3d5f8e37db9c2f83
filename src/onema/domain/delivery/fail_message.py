"""A message that cannot be handed to anybody ends."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, Key, Message, MessageState, Wallet
from onema.domain.state_machines import JOB, MESSAGE, JobState, job_state


def end_of_unsent(message: Message) -> MessageState:
    """What becomes of a message for which nothing is under way: one whose phone was called is undelivered."""
    reached = bool(message.ending) and RULES[Ending(message.ending)].kind is OutcomeKind.UNDELIVERED
    return MessageState.UNDELIVERED if reached else MessageState.FAILED


class FailMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The message of a leased delivery job fails for `reason`, without an attempt: nothing went to a carrier since
    the last one. Its hold is released but for what its earlier calls have cost, and its job is done.

    Result: False when the lease is no longer ours or an attempt is in flight; then nothing changes.
    """

    id: int
    now: int
    job: int
    lease: int
    account: AccountId
    message: MessageId
    reason: str

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Wallet, self.account), (Message, self.account, self.message), (Job, self.job))

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease or not JOB.may(job_state(job), JobState.DONE, self):
            return Decision(False)
        message = world.get(Message, self.account, self.message)
        after = end_of_unsent(message) if message is not None else MessageState.FAILED
        if message is None or not MESSAGE.may(message.state, after, self):
            return Decision(False, deletes=(job.key,))
        step = Advance(by=self, id=self.id, now=self.now, after=after, reason=self.reason)
        puts, inserts, deletes = advance(world, context, message, job, step)
        return Decision(True, tuple(puts), tuple(inserts), deletes)
