"""Take a code as verified on the word of its sender, who has checked it himself."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.check_code import verified
from onema.domain.codes.verification import verification_state
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Event, Key, LiveVerification
from onema.domain.state_machines import VERIFICATION
from onema.domain.state_machines import VerificationState as V
from onema.domain.values.phone import Phone


class ApproveCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """End `verification` as a right check would, if it can still be checked. Result: Check.RIGHT, or None."""

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
            return Decision(None)
        state = verification_state(live, self.now)
        if not VERIFICATION.may(state, V.VERIFIED, self):
            return Decision(None)
        return verified(live, self.now, Event(self.account, self.verification, self.id, "verified", ""))
