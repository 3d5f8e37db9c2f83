"""The simulated phone receives something."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import InboxItem, Key


class KeepInInbox(msgspec.Struct, frozen=True, gc=False):
    """Keep `item` in the handset's inbox. Idempotent by message id. Result: whether it was new."""

    item: InboxItem

    def keys(self, context: Context) -> Iterable[Key]:
        return ((InboxItem, self.item.id),)

    def decide(self, world: World, context: Context) -> Decision:
        if world.get(InboxItem, self.item.id) is not None:
            return Decision(False)
        return Decision(True, puts=(self.item,))
