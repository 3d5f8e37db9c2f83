from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_TRIES = 5
_REMEMBERED = 10_000
_FORGET_AFTER_MS = 3_600_000


@dataclass
class _Tries:
    count: int = 0
    last: int = 0
    closed_until: int = 0


class Throttle:
    """Counts tries per key; after `FREE_TRIES` without success each next one waits twice as long as the last.

    In memory: a restart forgets, which costs an attacker's patience less than a table would cost us.
    """

    def __init__(self, now: Callable[[], int], first_wait_ms: int, longest_wait_ms: int) -> None:
        self._now = now
        self._first_wait_ms = first_wait_ms
        self._longest_wait_ms = longest_wait_ms
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        """By key; the one that tried last at the end, the first to be forgotten at the front."""

    def wait_ms(self, key: str) -> int:
        """How long this key must still wait; 0 when it may try."""
        tries = self._tries.get(key)
        left = tries.closed_until - self._now() if tries else 0
        # Were it longer, the clock would have been ahead when it was counted.
        return left if 0 < left <= self._longest_wait_ms else 0

    def count(self, key: str) -> None:
        """A try begins. It counts as failed until `succeeded`, so that parallel ones are all counted."""
        now = self._now()
        tries = self._tries.get(key)
        if tries is None or abs(now - tries.last) > _FORGET_AFTER_MS:
            tries = self._tries[key] = _Tries()
        self._tries.move_to_end(key)
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        tries.count += 1
        tries.last = now
        if tries.count >= FREE_TRIES:
            doubled = self._first_wait_ms << min(tries.count - FREE_TRIES, 16)
            tries.closed_until = now + min(doubled, self._longest_wait_ms)

    def succeeded(self, key: str) -> None:
        self._tries.pop(key, None)
