"""What carriers and calls tell of numbers that messages went to: a carrier took one for fraud, or a call was answered
and hung up at once.

Whoever rents numbers by the minute answers every call and is paid for it; a person listens to the code. One such call
means nothing, and a code that is typed in takes it back.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.guard import prefix
from onema.domain.guard.rows import GuardSubject, pack, until
from onema.domain.ids import AccountId
from onema.domain.records import Key
from onema.domain.values.phone import Phone

SHORT_CALL_SECONDS = 6
"""A code of four digits takes longer to be said."""


class NoteSignal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Remember it of the number's prefix; without `suspected` it was a call that was hung up at once. Result: None."""

    account: AccountId
    now: int
    phone: Phone
    suspected: bool

    def keys(self, context: Context) -> Iterable[Key]:
        return ((GuardSubject, self.account, self._subject),)

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(GuardSubject, self.account, self._subject)
        if row is None:
            # No message to the prefix was looked at, or it was long ago.
            return Decision(None)
        state = prefix.packed.of(row)
        prefix.signal(state, self.now, suspected=self.suspected)
        changed = GuardSubject(self.account, self._subject, pack(state), until(self.now, prefix.KEPT_MS))
        return Decision(None, puts=(changed,))

    @property
    def _subject(self) -> str:
        return prefix.PREFIX + self.phone[: -prefix.PREFIX_DIGITS]
