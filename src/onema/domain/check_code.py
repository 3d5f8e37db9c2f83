"""Compare what a person typed with the phone's current code."""

import enum
from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Event, Key, LiveVerification
from onema.domain.verification import typed_code, typed_codes


class Check(enum.Enum):
    RIGHT = "right"
    WRONG = "wrong"
    NOTHING_TO_CHECK = "nothing_to_check"
    """No code is current: none was sent, or it was used, superseded or expired."""
    EXHAUSTED = "exhausted"
    """The code is current but was tried too often; what was typed is not looked at."""


class CheckCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try. The right code succeeds once and is gone; a wrong one costs an attempt. Result: Check.

    `as_number`: the code came as a number, which has no zeros in front; a live code has one length, so that one
    number stands for one code.
    """

    account: int
    id: int
    now: int
    phone: str
    code: str
    as_number: bool = False
    purpose: str = "code"

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LiveVerification, self.account, self.phone, self.purpose),)

    def decide(self, world: World, context: Context) -> Decision:
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        if live is None:
            return Decision(Check.NOTHING_TO_CHECK)
        if self.now >= live.expires_at:
            return Decision(Check.NOTHING_TO_CHECK, deletes=(live.key,))
        if live.attempts_left == 0:
            return Decision(Check.EXHAUSTED)
        codes = typed_codes(self.code) if self.as_number else [typed_code(self.code)]
        if any(context.keyring.code_matches(live.verification, code, live.code_hash) for code in codes):
            return Decision(Check.RIGHT, deletes=(live.key,), inserts=(self._event(live, "verified"),))
        left = live.attempts_left - 1
        return Decision(
            Check.WRONG,
            puts=(
                LiveVerification(
                    account=live.account,
                    phone=live.phone,
                    purpose=live.purpose,
                    verification=live.verification,
                    code_hash=live.code_hash,
                    attempts_left=left,
                    expires_at=live.expires_at,
                ),
            ),
            inserts=(self._event(live, "wrong code" if left else "attempts used up"),),
        )

    def _event(self, live: LiveVerification, kind: str) -> Event:
        return Event(self.account, live.verification, self.id, kind, "")
