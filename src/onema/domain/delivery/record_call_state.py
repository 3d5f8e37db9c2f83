"""How far a call is, while it lasts."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_news import CallNews, Tells, news_job
from onema.domain.delivery.call_progress import moved
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Attempt, AttemptState, Call, Key, Message
from onema.domain.state_machines import JOB, NEW, JobState


class RecordCallState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt's call came to `state` at `at` (Unix ms), with all keys that were `pressed` so far. What comes late,
    twice or out of order, and what comes after the attempt's end, changes nothing. What `tells` says of its message's
    API is told, by the job `id`. Result: whether it was news.
    """

    id: int
    now: int
    account: AccountId
    message: MessageId
    attempt: int
    state: CallState
    at: int
    pressed: str = ""
    tells: Tells | None = None

    def keys(self, context: Context) -> Iterable[Key]:
        keys: tuple[Key, ...] = (
            (Attempt, self.account, self.message, self.attempt),
            (Call, self.account, self.message, self.attempt),
        )
        return ((Message, self.account, self.message), *keys) if self.tells else keys

    def decide(self, world: World, context: Context) -> Decision:
        attempt = world.get(Attempt, self.account, self.message, self.attempt)
        if attempt is None or attempt.state != AttemptState.STARTED:
            return Decision(False)
        call = world.get(Call, self.account, self.message, self.attempt)
        moves_to = moved(call, attempt, self.state, self.at, self.pressed, self)
        if moves_to is None:
            return Decision(False)
        if not self.tells:
            return Decision(True, puts=(moves_to,))
        # An answer that came with keys is told as one, and its keys with the next or the end.
        is_key = call is not None and call.state == self.state
        news = CallNews(self.attempt, self.state, self.at, moves_to.keys if is_key else "")
        message = world.get(Message, self.account, self.message)
        jobs = news_job(context, self.tells, message, news, self.id, self.now)
        if jobs:
            JOB.move(NEW, JobState.TO_REPORT, self)
        return Decision(True, puts=(moves_to,), inserts=jobs)
