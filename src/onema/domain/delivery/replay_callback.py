"""Tell an integrator once more how a message ended."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.callback_try import REPLAYED, CallbackTry
from onema.domain.delivery.message_progress import callback_job
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Event, JobKind, Key, Message, MessageState, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.request_key import KEPT_MS, RequestKey
from onema.domain.state_machines import JOB, MESSAGE, NEW, JobState


class ReplayCallbacks(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make those of several messages, once for the request that its client called `request`; those of which nobody is
    told are passed over. `digest` is of what was asked.

    Result: of how many, the same whenever it is asked again within a day. Raises Refused(DUPLICATE) where the name
    was another request's.
    """

    account: AccountId
    request: str
    digest: str
    now: int
    replays: tuple["ReplayCallback", ...]

    def keys(self, context: Context) -> Iterable[Key]:
        yield (RequestKey, self.account, self.request)
        for one in self.replays:
            yield from one.keys(context)

    def decide(self, world: World, context: Context) -> Decision:
        known = world.get(RequestKey, self.account, self.request)
        if known is not None and self.now < known.expires_at:
            if known.digest != self.digest:
                raise Refused(Refusal.DUPLICATE, "the name was another request's")
            return Decision(int(known.message))
        inserts: list[Row] = []
        count = 0
        for one in self.replays:
            try:
                inserts += one.decide(world, context).inserts
            except Refused:
                continue
            count += 1
        # What came of the request is a number here, and no message.
        served = RequestKey(self.account, self.request, self.digest, MessageId(count), self.now + KEPT_MS)
        return Decision(count, puts=(served,), inserts=tuple(inserts))


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
