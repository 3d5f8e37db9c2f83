"""Which number a call shows: the hotlines of a pool take turns, none beyond its daily cap."""

from collections.abc import Iterable

from onema.domain.codes import limits
from onema.domain.configuration.directory import PoolView
from onema.domain.decision import World
from onema.domain.ids import AccountId
from onema.domain.records import Key, Window
from onema.domain.refusals import Refusal, Refused

SCOPE = "hotline"
_DAY_SECONDS = 86_400
_NO_CAP = 2**31
EVERY_ACCOUNT = AccountId(0)


def hotline_keys(pool: PoolView | None) -> Iterable[Key]:
    """The counters of the pool's hotlines, which all accounts share."""
    hotlines = pool.hotlines if pool is not None else ()
    return [(Window, EVERY_ACCOUNT, SCOPE, hotline.number) for hotline in hotlines]


def take_hotline(world: World, pool: PoolView | None, now: int) -> tuple[str, Window]:
    """The number that was used least in its last 24 hours, and its counter with one more use.

    Raises Refused(POOL_UNKNOWN | POOL_INACTIVE | HOTLINE_UNAVAILABLE).
    """
    if pool is None:
        raise Refused(Refusal.POOL_UNKNOWN)
    if not pool.active:
        raise Refused(Refusal.POOL_INACTIVE)
    free = []
    for hotline in pool.hotlines:
        counter = world.get(Window, EVERY_ACCOUNT, SCOPE, hotline.number)
        used = used_now(counter, now)
        if not hotline.daily_cap or used < hotline.daily_cap:
            free.append((used, hotline, counter))
    if not free:
        raise Refused(Refusal.HOTLINE_UNAVAILABLE)
    _, hotline, counter = min(free, key=lambda candidate: candidate[0])
    return hotline.number, _with_one_more(counter, hotline.number, hotline.daily_cap, now)


def used_now(counter: Window | None, now: int) -> int:
    """How often a number was used in its last 24 hours, which begin with the first call."""
    return limits.used_now(counter, _DAY_SECONDS, now)


def use_again(world: World, pools: Iterable[PoolView], number: str, now: int) -> Window | None:
    """The counter of the hotline `number` with one more use; None where its cap is reached. What is no hotline's any
    more has none.
    """
    caps = [hotline.daily_cap for pool in pools for hotline in pool.hotlines if hotline.number == number]
    counter = world.get(Window, EVERY_ACCOUNT, SCOPE, number)
    try:
        return _with_one_more(counter, number, max(caps, default=0) if all(caps) else 0, now)
    except Refused:
        return None


def _with_one_more(counter: Window | None, number: str, cap: int, now: int) -> Window:
    counter = counter or Window(EVERY_ACCOUNT, SCOPE, number, "", 0)
    return limits.count(counter, [(_DAY_SECONDS, cap or _NO_CAP)], now)
