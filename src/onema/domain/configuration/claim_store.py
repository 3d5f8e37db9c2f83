"""A store belongs to one server key, from the first process that opens it."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, KeyFingerprint

_SERVER_KEY = "server key"


class ClaimStore(msgspec.Struct, frozen=True):
    """Every process's first command, before it could seal anything: the store is our key's if it is nobody's yet.

    Result: False when it belongs to another key.
    """

    def keys(self, context: Context) -> Iterable[Key]:
        return ((KeyFingerprint, _SERVER_KEY),)

    def decide(self, world: World, context: Context) -> Decision:
        ours = KeyFingerprint(_SERVER_KEY, context.keyring.fingerprint)
        found = world.get(KeyFingerprint, _SERVER_KEY)
        if found is None:
            return Decision(True, puts=(ours,))
        return Decision(found == ours)
