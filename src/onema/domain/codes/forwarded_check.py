"""A code that its carrier made and checks: we count the tries, the carrier says what each was worth.

A try is reserved under the row's lock before the carrier is asked, outside of any batch, and what it says is recorded
by a second command. So tries that run at once are never more than are left, a try whose process dies stays spent, and
only one right answer finds the code still there. docs/decisions/0028-codes-of-carriers.md has the reasons.

The live row of such a code has no hash. In its place stand the number of the attempt whose carrier made the code, and
how many tries are reserved.
"""

import enum
from collections.abc import Iterable

import msgspec

from onema.domain.codes import limits
from onema.domain.codes.check_code import Check, verified, wrong_checks_of, wrong_try
from onema.domain.codes.verification import (
    forwarded,
    forwarding,
    verification_state,
    with_attempts_left,
)
from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Event, Key, LiveVerification
from onema.domain.state_machines import VERIFICATION
from onema.domain.state_machines import VerificationState as V
from onema.domain.values.phone import Phone


class Verdict(enum.Enum):
    """What a carrier says of what was typed."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    """It knows of no such code any more."""
    EXHAUSTED = "exhausted"
    """It was tried too often there."""
    NO_ANSWER = "no_answer"
    """Nothing is known: the carrier could not be asked, or did not answer in time."""


class ForwardChecks(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The carrier of this attempt has made a code and sent it: from now on it checks what is typed. Result: False when
    the code is no longer the phone's current one, so that the carrier may forget it.
    """

    account: AccountId
    now: int
    phone: Phone
    purpose: str
    verification: int
    attempt: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveVerification, self.account, self.phone, self.purpose),)

    def decide(self, world: World, context: Context) -> Decision:
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        if live is None or live.verification != self.verification:
            return Decision(False)
        state = verification_state(live, self.now)
        if state is not V.PENDING:
            return Decision(False)
        VERIFICATION.move(state, V.PENDING, self)
        return Decision(True, puts=(forwarding(live, self.attempt, 0),))


class RecordForwardedCheck(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the carrier said of the try that CheckCode has reserved at `reserved_at`. Result: Check; None for no answer,
    and then the try is given back.
    """

    account: AccountId
    id: int
    now: int
    phone: Phone
    purpose: str
    verification: int
    reserved_at: int
    verdict: Verdict
    tells_last: bool = False
    """As CheckCode has it."""

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveVerification, self.account, self.phone, self.purpose),)

    def decide(self, world: World, context: Context) -> Decision:
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        here = forwarded(live) if live is not None else None
        if live is None or here is None or live.verification != self.verification:
            # Another try was right first, or a newer code took its place.
            return Decision(Check.NOTHING_TO_CHECK)
        # As of the try: whoever typed in time is answered, however long the carrier took.
        state = verification_state(live, self.reserved_at)
        if state is not V.PENDING:
            return Decision(Check.EXHAUSTED if state is V.USED_UP else Check.NOTHING_TO_CHECK)
        attempt, reserved = here
        answered = forwarding(live, attempt, max(0, reserved - 1))
        match self.verdict:
            case Verdict.RIGHT:
                VERIFICATION.move(state, V.VERIFIED, self)
                return verified(self._uncounted(answered), self.now, self._event(live, "verified"))
            case Verdict.NO_ANSWER:
                return Decision(
                    None, puts=(self._uncounted(answered),), inserts=(self._event(live, "not checked"),)
                )
            case Verdict.EXPIRED:
                VERIFICATION.move(state, V.EXPIRED, self)
                gone = msgspec.structs.replace(self._uncounted(answered), expires_at=0)
                return Decision(
                    Check.NOTHING_TO_CHECK,
                    puts=(gone,),
                    inserts=(self._event(live, "expired at the carrier"),),
                )
            case Verdict.WRONG | Verdict.EXHAUSTED:
                wrong = self.verdict is Verdict.WRONG
                left_over = live.attempts_left - 1 if wrong else 0
                VERIFICATION.move(state, V.PENDING if left_over else V.USED_UP, self)
                tried = with_attempts_left(answered, left_over)
                event = self._event(live, "wrong code" if left_over else "attempts used up")
                said = wrong_try(left_over, tells_last=self.tells_last) if wrong else Check.EXHAUSTED
                return Decision(said, puts=(tried,), inserts=(event,))

    def _uncounted(self, live: LiveVerification) -> LiveVerification:
        """Without the wrong check that the phone was charged when the try was reserved."""
        window = limits.take_back(wrong_checks_of(live), self.reserved_at)
        return msgspec.structs.replace(live, wrong_checks=window.counters, kept_until=window.expires_at)

    def _event(self, live: LiveVerification, kind: str) -> Event:
        return Event(self.account, live.verification, self.id, kind, "")
