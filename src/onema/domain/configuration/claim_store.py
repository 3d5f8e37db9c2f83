"""A store belongs to one server key, from the first process that opens it; another follows only by `onema key`."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, KeyFingerprint
from onema.domain.server_keys.rows import FORMER, IN_USE


class ClaimStore(msgspec.Struct, frozen=True):
    """Every process's first command, before it could seal anything: the store is our first key's if it is nobody's yet.

    Result: the fingerprint of the key in use; 0 when we do not hold all keys that something may rest under.
    """

    def keys(self, context: Context) -> Iterable[Key]:
        return (KeyFingerprint, IN_USE), (KeyFingerprint, FORMER)

    def decide(self, world: World, context: Context) -> Decision:
        used, former = (world.get(KeyFingerprint, name) for name in (IN_USE, FORMER))
        if used is None:
            ours = KeyFingerprint(IN_USE, context.keyring.fingerprint)
            return Decision(ours.fingerprint, puts=(ours,))
        needed = {one.fingerprint for one in (used, former) if one is not None}
        return Decision(used.fingerprint if needed <= set(context.keyring.fingerprints) else 0)
