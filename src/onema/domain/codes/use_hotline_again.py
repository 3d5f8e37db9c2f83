"""A phone is called again from the number that it was called from before, which is one more call of that number."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.hotlines import EVERY_ACCOUNT, SCOPE, use_again
from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, Window


class UseHotlineAgain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Count one more call from the hotline `number`. Result: False where it has no call left today; then nothing is
    counted. A number that is no hotline's any more has no cap.
    """

    number: str
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Window, EVERY_ACCOUNT, SCOPE, self.number),)

    def decide(self, world: World, context: Context) -> Decision:
        counted = use_again(world, context.directory.pools.values(), self.number, self.now)
        return Decision(counted is not None, puts=(counted,) if counted is not None else ())
