"""Logins that fail: after a few each next one waits, over all processes alike."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import LoginTries
from onema.domain.records import Key
from onema.domain.refusals import Refusal, Refused

FREE_TRIES = 5
FORGOTTEN_AFTER_MS = 3_600_000


class Patience(msgspec.Struct, frozen=True):
    """How long a subject of `scope` waits (ms) after its fifth failure, which doubles with each next, and at most."""

    scope: str
    first_ms: int
    longest_ms: int


ADDRESS_WAITS_MS = (30_000, 900_000)
NAME_WAITS_MS = (15_000, 60_000)
ADDRESS = Patience("address", *ADDRESS_WAITS_MS)
"""Where a try comes from."""
NAME = Patience("name", *NAME_WAITS_MS)
"""A name may be blocked by anyone who knows it, so it never waits long."""
BROWSER = Patience("browser", *ADDRESS_WAITS_MS)
"""One in which the name was logged in before counts by itself: strangers who know the name cannot make it wait."""
SECOND = Patience("second factor", *ADDRESS_WAITS_MS)
"""Whoever tries it knows the password."""
USED_FOR_MS = 900_000


class UseOnce(msgspec.Struct, frozen=True, gc=False):
    """Something that strangers show counts once. Refused (CODE_INVALID) when it was used in the last 15 minutes."""

    what: str
    digest: str
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((LoginTries, self.what, self.digest),)

    def decide(self, world: World, context: Context) -> Decision:
        if world.get(LoginTries, self.what, self.digest) is not None:
            raise Refused(Refusal.CODE_INVALID, "it was used")
        return Decision(None, puts=(LoginTries(self.what, self.digest, 1, self.now, self.now + USED_FOR_MS),))


class CountTry(msgspec.Struct, frozen=True, gc=False):
    """A try begins, and counts as failed until `ForgetTries`, so that parallel ones are all counted. `of` are whose it
    is. Result: how long (ms) it must wait instead; 0 when it may be made.
    """

    of: tuple[tuple[Patience, str], ...]
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return [(LoginTries, patience.scope, subject) for patience, subject in self.of]

    def decide(self, world: World, context: Context) -> Decision:
        found = [
            (patience, subject, world.get(LoginTries, patience.scope, subject))
            for patience, subject in self.of
        ]
        waits = [wait_ms(tries, patience, self.now) for patience, _, tries in found]
        if longest := max(waits, default=0):
            # Whoever knocks while they wait does not wait any longer for it.
            return Decision(longest)
        counted = [
            LoginTries(
                patience.scope,
                subject,
                (tries.failures if tries is not None and not _forgotten(tries, self.now) else 0) + 1,
                self.now,
                self.now + FORGOTTEN_AFTER_MS,
            )
            for patience, subject, tries in found
        ]
        return Decision(0, puts=tuple(counted))


class ForgetTries(msgspec.Struct, frozen=True, gc=False):
    """A try succeeded. Result: None."""

    of: tuple[tuple[Patience, str], ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return [(LoginTries, patience.scope, subject) for patience, subject in self.of]

    def decide(self, world: World, context: Context) -> Decision:
        keys: list[Key] = [
            (LoginTries, patience.scope, subject)
            for patience, subject in self.of
            if world.get(LoginTries, patience.scope, subject) is not None
        ]
        return Decision(None, deletes=tuple(keys))


def wait_ms(tries: LoginTries | None, patience: Patience, now: int) -> int:
    if tries is None or tries.failures < FREE_TRIES or _forgotten(tries, now):
        return 0
    wait = min(patience.first_ms << min(tries.failures - FREE_TRIES, 16), patience.longest_ms)
    left = tries.last_at + wait - now
    # Were it longer, the clock would have been ahead when it was counted.
    return left if 0 < left <= patience.longest_ms else 0


def _forgotten(tries: LoginTries, now: int) -> bool:
    return abs(now - tries.last_at) > FORGOTTEN_AFTER_MS
