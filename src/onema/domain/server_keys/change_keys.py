"""Which server key is in use: one beside it is taken into use, and what was before is done without in the end."""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration.configure import REVISION
from onema.domain.decision import Context, Decision, World
from onema.domain.keyring import key_id
from onema.domain.records import DirectoryRevision, Key, KeyFingerprint
from onema.domain.refusals import Refusal, Refused
from onema.domain.server_keys.rows import FORMER, IN_USE, NodeKeys

KEEP_REPORTS_MS = 60_000
"""How long a process is believed to run that says nothing any more."""

_ROWS: tuple[Key, ...] = ((KeyFingerprint, IN_USE), (KeyFingerprint, FORMER))


class UseKey(msgspec.Struct, frozen=True, gc=False):
    """Make everything new under the key of this fingerprint. Result: whether it was not in use already.

    Raises Refused(CONFLICT) while something may rest under a key that was in use before.
    """

    fingerprint: int

    def keys(self, context: Context) -> Iterable[Key]:
        return _ROWS

    def decide(self, world: World, context: Context) -> Decision:
        used = world.get(KeyFingerprint, IN_USE)
        if used is None or used.fingerprint == self.fingerprint:
            return Decision(False)
        if world.get(KeyFingerprint, FORMER) is not None:
            raise Refused(Refusal.CONFLICT, "retire the former key first: something may still rest under it")
        return Decision(
            True,
            puts=(KeyFingerprint(IN_USE, self.fingerprint), KeyFingerprint(FORMER, used.fingerprint)),
        )


class RetireKey(msgspec.Struct, frozen=True, gc=False):
    """Nothing rests under the former key of this fingerprint any more. Result: whether it was still the former one.

    `revision` is that of the configuration before somebody looked whether nothing does: an account that has come from
    another cell since may have brought something. Raises Refused(CONFLICT) then, and for the key in use.
    """

    fingerprint: int
    revision: int

    def keys(self, context: Context) -> Iterable[Key]:
        return *_ROWS, (DirectoryRevision, REVISION)

    def decide(self, world: World, context: Context) -> Decision:
        used, former = (world.get(KeyFingerprint, name) for name in (IN_USE, FORMER))
        if used is not None and used.fingerprint == self.fingerprint:
            raise Refused(Refusal.CONFLICT, "this key is in use")
        if former is None or former.fingerprint != self.fingerprint:
            return Decision(False)
        newest = world.get(DirectoryRevision, REVISION)
        if newest is not None and newest.revision != self.revision:
            raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
        return Decision(True, deletes=(former.key,))


class ReportKeys(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Put what a process says of its keys in the place of what it said before; nothing `held` takes it away. Result:
    None.
    """

    process: str
    now: int
    in_use: int = 0
    held: tuple[int, ...] = ()
    progress: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        return ((NodeKeys, self.process),)

    def decide(self, world: World, context: Context) -> Decision:
        if not self.held:
            return Decision(None, deletes=((NodeKeys, self.process),))
        held = " ".join(map(key_id, self.held))
        until = self.now + KEEP_REPORTS_MS
        return Decision(
            None, puts=(NodeKeys(self.process, self.now, until, self.in_use, held, self.progress),)
        )
