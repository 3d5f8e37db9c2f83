"""How many jobs a process does at once, and whose turn is next."""

import asyncio
from collections import Counter

from onema.domain.ids import AccountId
from onema.domain.records import Job

RESERVE = 4


class Places:
    """Room for so many jobs of one kind at once: calls that take minutes and integrators that do not answer their
    callbacks must not keep an SMS waiting. `crowded` says that there may be due jobs that found no place.

    Where places are shared `fairly`, an account may take one only while more are free than RESERVE times what it has.
    So one account alone gets a fifth of them and n accounts an (n + 4)th each, the rest stays free for others, and the
    first job of an account that has none finds a place as long as there is one.
    """

    def __init__(self, size: int, *, fairly: bool = False) -> None:
        self._size = size
        self._fairly = fairly
        self._held: Counter[int] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.crowded = False

    @property
    def free(self) -> int:
        return self._size - len(self.tasks)

    def grants(self, account: AccountId, free: int, promised: int = 0) -> bool:
        """Whether an account that was promised `promised` more than it has may have one of those that are `free`."""
        return free > (RESERVE * (self._held[account] + promised) if self._fairly else 0)

    def give(self, job: Job, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        self._held[job.account] += 1

    def take_back(self, job: Job, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._held[job.account] -= 1
        if not self._held[job.account]:
            del self._held[job.account]

    def round(self) -> tuple[int, int, list[int]]:
        """(limit, share, full): who takes up to `limit` due jobs, and up to `share` of any account but the `full` ones,
        gives no account more than it is granted, in whatever order they come.
        """
        limit = (self.free + 1) // 2
        share = max(1, limit // 8)
        # The last one taken must still be granted: then so many are free at least.
        most = -(-(self.free - limit + 1) // RESERVE) - share
        return limit, share, [account for account, held in self._held.items() if held > most]
