"""How far a call is, while it lasts."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_progress import moved
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Attempt, AttemptState, Call, Key


class RecordCallState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt's call came to `state` at `at` (Unix ms), with all keys that were `pressed` so far. What comes late,
    twice or out of order, and what comes after the attempt's end, changes nothing. Result: whether it was news.
    """

    account: AccountId
    message: MessageId
    attempt: int
    state: CallState
    at: int
    pressed: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (Attempt, self.account, self.message, self.attempt),
            (Call, self.account, self.message, self.attempt),
        )

    def decide(self, world: World, context: Context) -> Decision:
        attempt = world.get(Attempt, self.account, self.message, self.attempt)
        if attempt is None or attempt.state != AttemptState.STARTED:
            return Decision(False)
        call = world.get(Call, self.account, self.message, self.attempt)
        news = moved(call, attempt, self.state, self.at, self.pressed, self)
        return Decision(False) if news is None else Decision(True, puts=(news,))
