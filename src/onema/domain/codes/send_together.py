"""The same to several phones: all of them get it, or nobody."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_text import CallWithText
from onema.domain.codes.send_text import SendText
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import MessageId
from onema.domain.records import Key


class SendTogether(msgspec.Struct, frozen=True, gc=False):
    """Send one text to several phones, or read it out to them: all of them or, where one is refused, none. Only the
    first of `sends` says that their reference may be used once.

    Result: Accepted of the first; with its refusal, it alone was written down. Raises Refused.
    """

    sends: tuple[SendText | CallWithText, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return {key for send in self.sends for key in send.keys(context)}

    def decide(self, world: World, context: Context) -> Decision:
        trial, first = world.trial(), Accepted(MessageId(self.sends[0].id))
        for send in self.sends:
            decision = send.decide(trial, context)
            if decision.result.refusal is not None:
                return decision
            trial.apply(decision)
        written = tuple(row for row in trial.written.values() if row is not None)
        return Decision(first, puts=written, inserts=tuple(trial.inserted))
