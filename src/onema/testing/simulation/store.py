"""One store for several writers: rows are locked from the loading to the commit, every step takes a while, answers are
lost, and a writer that died never writes again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

from onema.domain.records import Job, JobKind, Key, Row
from onema.storage.contract import NEWEST, CommitUnknown, Unavailable
from onema.testing.memory_storage import MemoryStorage

R = TypeVar("R", bound=Row)
Rows = Mapping[Key, Row | None]


class _Rows(dict[Key, Row]):
    """Rows by key, and by their type, so that a look at one table need not pass all the others."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[type[Row], dict[Key, Row]] = {}

    def __setitem__(self, key: Key, row: Row) -> None:
        super().__setitem__(key, row)
        self.tables.setdefault(key[0], {})[key] = row

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        del self.tables[key[0]][key]

    def update(self, rows: Mapping[Key, Row]) -> None:  # type: ignore[override]  # the one form that is used
        for key, row in rows.items():
            self[key] = row


class Faults:
    """How often a step of the store goes wrong (chances of 0.0 to 1.0), and how long each takes at most (seconds)."""

    def __init__(self, lost_answers: float = 0.0, outages: float = 0.0, longest: float = 0.02) -> None:
        self.lost_answers = lost_answers
        self.outages = outages
        self.longest = longest


class SimulatedStore:
    """The rows that all writers share. `judge` sees each commit before it is made: the rows as they were, what is
    written over them, and the new ones.
    """

    def __init__(
        self, chance: Random, faults: Faults, judge: Callable[[Rows, Rows, Sequence[Row]], None]
    ) -> None:
        self.rows = _Rows()
        self.batches: set[int] = set()
        self.chance = chance
        self.faults = faults
        self.judge = judge
        self._locks: dict[Key, asyncio.Future[None]] = {}
        """Set when whoever holds the row lets go."""

    def table(self, row_type: type[R], *, but_locked: bool = False) -> list[R]:
        """The rows of a type, without those that a writer has locked if need be."""
        found: dict[Key, R] = self.rows.tables.get(row_type, {})  # type: ignore[assignment]  # rows by their own type
        if not but_locked:
            return list(found.values())
        return [row for key, row in found.items() if key not in self._locks]

    async def pause(self) -> None:
        await asyncio.sleep(self.chance.random() * self.faults.longest)

    async def lock(self, keys: Sequence[Key]) -> None:
        for key in keys:
            while key in self._locks:
                await asyncio.shield(self._locks[key])
            self._locks[key] = asyncio.get_running_loop().create_future()

    def unlock(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._locks.pop(key).set_result(None)


class WriterOfOne(MemoryStorage):
    """One node's way to the store."""

    def __init__(self, store: SimulatedStore) -> None:
        super().__init__()
        self._store = store
        self._rows = store.rows
        self._batches = store.batches
        self._locked: Sequence[Key] = ()
        self._skips_locked = False
        """Set while one of the short transactions looks for rows."""
        self._is_dead = False

    def die(self) -> None:
        """Nothing comes through any more. What was loaded is let go, as a server does for a client that went away."""
        self._is_dead = True
        self._let_go()

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        await self._step()
        if self._store.chance.random() < self._store.faults.outages:
            raise Unavailable("the store is away")
        self._inserted.clear()
        taken: list[Key] = []
        try:
            for key in keys:
                await self._store.lock((key,))
                taken.append(key)
            self._breathe()
        except BaseException:
            self._store.unlock(taken)
            raise
        self._locked = taken
        return {key: self._rows[key] for key in keys if key in self._rows}

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        await self._step()
        is_lost = self._store.chance.random() < self._store.faults.lost_answers
        if is_lost and self._store.chance.random() < 0.5:
            self._let_go()
            raise CommitUnknown("the link broke before the commit was made")
        self._apply(written, (*self._inserted, *inserted))
        self._batches.add(batch)
        self._let_go()
        await self._store.pause()
        if is_lost or self._is_dead:
            raise CommitUnknown("the link broke after the commit was made")

    async def abort(self) -> None:
        self._let_go()

    async def confirm(self, known: int = NEWEST) -> None:
        await self._step()
        self._let_go()

    async def was_committed(self, batch: int) -> bool:
        await self._step()
        return batch in self._batches

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        await self._step()
        return {key: self._rows[key] for key in keys if key in self._rows}

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        await self._step()
        with self._skipping_locked():
            return await super().lease_jobs(now, until, limit, kinds, elsewhere)

    async def lease_callbacks(
        self, now: int, until: int, limit: int, share: int, full: Collection[int] = ()
    ) -> Sequence[Job]:
        await self._step()
        with self._skipping_locked():
            return await super().lease_callbacks(now, until, limit, share, full)

    async def sweep(self, now: int, limit: int) -> int:
        await self._step()
        with self._skipping_locked():
            return await super().sweep(now, limit)

    async def bring_forward(self, kind: JobKind, latest: int, now: int) -> int:
        await self._step()
        with self._skipping_locked():
            return await super().bring_forward(kind, latest, now)

    @contextlib.contextmanager
    def _skipping_locked(self) -> Iterator[None]:
        """As SKIP LOCKED does. Nobody else runs meanwhile."""
        self._skips_locked = True
        try:
            yield
        finally:
            self._skips_locked = False

    def _of(self, row_type: type[R]) -> list[R]:
        return self._store.table(row_type, but_locked=self._skips_locked)

    def _apply(self, written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> None:
        self._store.judge(self._rows, written, inserted)
        for key, row in written.items():
            if row is not None:
                self._rows[key] = row
            elif key in self._rows:
                del self._rows[key]
        for row in inserted:
            self._rows[row.key] = row

    def _let_go(self) -> None:
        locked, self._locked = self._locked, ()
        self._store.unlock(locked)

    async def _step(self) -> None:
        self._breathe()
        await self._store.pause()
        self._breathe()

    def _breathe(self) -> None:
        if self._is_dead:
            raise Unavailable("this writer died")
