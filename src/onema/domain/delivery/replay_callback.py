"""Tell an integrator once more how a message ended."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.callback_try import REPLAYED, CallbackTry
from onema.domain.delivery.message_progress import callback_job
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Event, JobKind, Key, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import JOB, MESSAGE, NEW, JobState


class ReplayCallback(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make the callback of a message that has ended once more, as the job `id`, due now. The receiver hears the same
    again, as it may of any callback, so that to replay twice does no harm.

    Raises Refused(CONFLICT) for a message that is not there, that was refused, which nobody is told, or that has no end
    yet, and for one whose end has no URL to be told at.
    """

    account: AccountId
    message: MessageId
    id: int
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Message, self.account, self.message),)

    def decide(self, world: World, context: Context) -> Decision:
        message = world.get(Message, self.account, self.message)
        if message is None or self.account not in context.directory.accounts:
            raise Refused(Refusal.CONFLICT, f"There is no message {self.message}.")
        state = MessageState(message.state)
        if state not in MESSAGE.final or state is MessageState.REFUSED:
            raise Refused(
                Refusal.CONFLICT, f"message {self.message} is {state}; only the end of a message is told"
            )
        jobs = callback_job(context, message, self.id, self.now)
        if not jobs:
            raise Refused(Refusal.CONFLICT, f"message {self.message} has no callback URL to be told at")
        JOB.move(NEW, JobState.TO_REPORT, self)
        note = CallbackTry(then=REPLAYED).noted()
        return Decision(
            None, inserts=(*jobs, Event(self.account, self.message, self.id, str(JobKind.CALLBACK), note))
        )
