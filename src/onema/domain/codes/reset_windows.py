"""Let count anew what an operator says: a window may be full for a reason that is none."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, Window


class ResetWindows(msgspec.Struct, frozen=True, gc=False):
    """Forget what was counted of these (account, scope, subject). Result: the windows that were there."""

    windows: tuple[tuple[int, str, str], ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return [(Window, *window) for window in self.windows]

    def decide(self, world: World, context: Context) -> Decision:
        known = [world.get(Window, *window) for window in self.windows]
        there = tuple(window for window in known if window is not None)
        return Decision(there, deletes=tuple(window.key for window in there))
