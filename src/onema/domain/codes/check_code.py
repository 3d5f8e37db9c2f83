"""Compare what a person typed with the phone's current code.

A code survives a few wrong checks, and whoever may send codes without end could go on guessing with the next one. So
wrong checks are also counted per phone over all its codes, in the row of the current one: a check touches one row.
"""

import enum
from collections.abc import Iterable

import msgspec

from onema.domain.codes import limits
from onema.domain.codes.verification import (
    PURPOSE,
    forwarded,
    forwarding,
    typed_code,
    typed_codes,
    verification_state,
    with_attempts_left,
    without_code,
)
from onema.domain.decision import Context, Decision, World
from onema.domain.guard.note_verified import verified_from
from onema.domain.ids import AccountId
from onema.domain.keyring import Keyring
from onema.domain.records import Event, Key, LiveVerification, Window
from onema.domain.refusals import Refused
from onema.domain.state_machines import VERIFICATION
from onema.domain.state_machines import VerificationState as V
from onema.domain.values.phone import Phone

WRONG_CHECKS = "wrong checks"
WRONG_CHECKS_OF_A_PHONE = ((3_600, 30), (86_400, 100))
"""(seconds, at most): six codes an hour tried to their ends, and 1 % of the codes of four digits in a day. An account's
own windows per phone usually end before that.
"""


def wrong_checks_of(live: LiveVerification) -> Window:
    """What is counted against the phone, as the window that it is."""
    return Window(live.account, WRONG_CHECKS, live.phone, live.wrong_checks, live.kept_until)


class Check(enum.Enum):
    RIGHT = "right"
    WRONG = "wrong"
    USED_UP = "used_up"
    """Wrong, and it was the last try: told where that was asked for, else it is WRONG."""
    NOTHING_TO_CHECK = "nothing_to_check"
    """No code is current: none was sent, or it was used, superseded or expired."""
    EXHAUSTED = "exhausted"
    """The code is current, but it or its phone was tried too often; what was typed is not looked at."""


def counts(live: LiveVerification, now: int) -> bool:
    """Whether wrong checks are still held against the phone."""
    return live.kept_until > now


def wrong_try(left: int, *, tells_last: bool) -> Check:
    """What a wrong try is called behind which so many are left."""
    return Check.WRONG if left or not tells_last else Check.USED_UP


def verified(live: LiveVerification, now: int, event: Event) -> Decision:
    """The code was used: of its row only the phone's wrong checks stay, as long as they count."""
    noted = verified_from(live, now)
    if not counts(live, now):
        return Decision(Check.RIGHT, deletes=(live.key,), inserts=(event,), then=noted)
    return Decision(Check.RIGHT, puts=(without_code(live),), inserts=(event,), then=noted)


class Reserved(msgspec.Struct, frozen=True, gc=False):
    """The carrier of this attempt made the code; the try is counted, and the carrier must be asked."""

    verification: int
    attempt: int


class CheckCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try. The right code succeeds once and is gone; a wrong one costs an attempt. Result: Check, or
    Reserved for a code that its carrier checks.

    `as_number`: the code came as a number, which has no zeros in front; a live code has one length, so that one
    number stands for one code. With `verification`, only that one is checked, and not the one that superseded it.
    `bound` is what else the code must be good for (NewCode). `tells_last` has a wrong last try called USED_UP.
    """

    account: AccountId
    id: int
    now: int
    phone: Phone
    code: str
    as_number: bool = False
    purpose: str = PURPOSE
    verification: int = 0
    bound: str = ""
    tells_last: bool = False

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveVerification, self.account, self.phone, self.purpose),)

    def decide(self, world: World, context: Context) -> Decision:
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        if live is None or (self.verification and live.verification != self.verification):
            return Decision(Check.NOTHING_TO_CHECK)
        state = verification_state(live, self.now)
        if state is V.EXPIRED:
            return Decision(Check.NOTHING_TO_CHECK, deletes=() if counts(live, self.now) else (live.key,))
        if state is V.USED_UP:
            return Decision(Check.EXHAUSTED)
        try:
            # Most phones have no wrong check to look at.
            counted = self._one_more(live) if live.wrong_checks else None
        except Refused:
            return Decision(Check.EXHAUSTED)
        if there := forwarded(live):
            return self._reserve(live, *there, counted or self._one_more(live))
        if self._is_right(live, context.keyring):
            VERIFICATION.move(state, V.VERIFIED, self)
            return verified(live, self.now, self._event(live, "verified"))
        counted = counted or self._one_more(live)
        left = live.attempts_left - 1
        VERIFICATION.move(state, V.PENDING if left else V.USED_UP, self)
        tried = msgspec.structs.replace(
            with_attempts_left(live, left), wrong_checks=counted.counters, kept_until=counted.expires_at
        )
        event = self._event(live, "wrong code" if left else "attempts used up")
        return Decision(wrong_try(left, tells_last=self.tells_last), puts=(tried,), inserts=(event,))

    def _reserve(self, live: LiveVerification, attempt: int, reserved: int, counted: Window) -> Decision:
        """Count the try before the carrier is asked, as if it were wrong: any number may be asked for at once."""
        if reserved >= live.attempts_left:
            return Decision(Check.EXHAUSTED)
        waiting = msgspec.structs.replace(
            forwarding(live, attempt, reserved + 1),
            wrong_checks=counted.counters,
            kept_until=counted.expires_at,
        )
        return Decision(Reserved(live.verification, attempt), puts=(waiting,))

    def _one_more(self, live: LiveVerification) -> Window:
        """Raises Refused when there were too many."""
        return limits.count(wrong_checks_of(live), WRONG_CHECKS_OF_A_PHONE, self.now)

    def _is_right(self, live: LiveVerification, keyring: Keyring) -> bool:
        if not self.as_number:
            return keyring.code_matches(live.verification, typed_code(self.code), live.code_hash, self.bound)
        codes = typed_codes(self.code)
        return any(
            keyring.code_matches(live.verification, code, live.code_hash, self.bound) for code in codes
        )

    def _event(self, live: LiveVerification, kind: str) -> Event:
        return Event(self.account, live.verification, self.id, kind, "")
