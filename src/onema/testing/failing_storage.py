"""A store that fails when it is told to, around one that works."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onema.domain.records import Key, Row
from onema.storage.contract import NEWEST, Storage, StorageError

Failure = Callable[[Mapping[Key, Row | None], Sequence[Row]], StorageError | None]


class FailingStorage:
    """Passes everything on; before or after a commit it raises what `before` or `after` return for the batch."""

    def __init__(
        self, inner: Storage, *, before: Failure | None = None, after: Failure | None = None
    ) -> None:
        self._inner = inner
        self.before = before
        self.after = after
        self.commits = 0
        self.other_writers = ()  # every batch comes by here

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def prove_writable(self) -> None:
        if self.before is not None and (error := self.before({}, ())) is not None:
            raise error
        await self._inner.prove_writable()

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        self.commits += 1
        if self.before is not None and (error := self.before(written, inserted)) is not None:
            await self._inner.abort()
            raise error
        await self._inner.commit(batch, written, inserted, known)
        if self.after is not None and (error := self.after(written, inserted)) is not None:
            raise error


def once(error: StorageError) -> Failure:
    """Fail the first batch only."""
    return times(1, error)


def times(count: int, error: StorageError) -> Failure:
    """Fail the first `count` batches."""
    left = [error] * count
    return lambda written, inserted: left.pop() if left else None


def always(error: StorageError) -> Failure:
    """Fail every batch."""
    return lambda written, inserted: error
