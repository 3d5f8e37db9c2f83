"""End a code before anybody typed it: its sender does not wait for it any more."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.check_code import counts
from onema.domain.codes.verification import verification_state, without_code
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Event, Key, LiveVerification
from onema.domain.state_machines import VERIFICATION
from onema.domain.state_machines import VerificationState as V
from onema.domain.values.phone import Phone

CANCELLED = "cancelled"
"""The kind of the event."""


class CancelCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let `verification` be checked no more, if it still can be. What was sent stays sent and paid for; the phone's
    wrong checks go on counting. Result: whether it was waited for.
    """

    account: AccountId
    id: int
    now: int
    phone: Phone
    purpose: str
    verification: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveVerification, self.account, self.phone, self.purpose),)

    def decide(self, world: World, context: Context) -> Decision:
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        if live is None or live.verification != self.verification:
            return Decision(False)
        if not VERIFICATION.may(verification_state(live, self.now), V.CANCELLED, self):
            return Decision(False)
        event = Event(self.account, self.verification, self.id, CANCELLED, "")
        if not counts(live, self.now):
            return Decision(True, deletes=(live.key,), inserts=(event,))
        return Decision(True, puts=(without_code(live),), inserts=(event,))
