"""Let count anew what an operator says: a window may be full for a reason that is none."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.check_code import wrong_checks_of
from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, LiveVerification, Window


class ResetWindows(msgspec.Struct, frozen=True, gc=False):
    """Forget what was counted of these (account, scope, subject), and the wrong checks of these (account, phone,
    purpose). Result: the windows that were there.
    """

    windows: tuple[tuple[int, str, str], ...]
    wrong_checks: tuple[tuple[int, str, str], ...] = ()

    def keys(self, context: Context) -> Iterable[Key]:
        return [
            *((Window, *window) for window in self.windows),
            *((LiveVerification, *phone) for phone in self.wrong_checks),
        ]

    def decide(self, world: World, context: Context) -> Decision:
        known = [world.get(Window, *window) for window in self.windows]
        windows = [window for window in known if window is not None]
        tried = [world.get(LiveVerification, *phone) for phone in self.wrong_checks]
        phones = [live for live in tried if live is not None and live.wrong_checks]
        return Decision(
            (*windows, *map(wrong_checks_of, phones)),
            puts=tuple(msgspec.structs.replace(live, wrong_checks="", kept_until=0) for live in phones),
            deletes=tuple(window.key for window in windows),
        )
