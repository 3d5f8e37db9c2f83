"""Seals again, in the background, what rests under a server key that is not in use any more."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from onema.domain.configuration.move_account import account_of_row
from onema.domain.keyring import Keyring
from onema.domain.records import Key
from onema.domain.refusals import AccountAway
from onema.domain.server_keys.reseal import (
    RESTING,
    Progress,
    Reseal,
    is_marked_elsewhere,
    is_sealed_elsewhere,
)
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError

ROWS_AT_ONCE = 500
PAUSE_SECONDS = 0.02
"""Between two reads, so that requests come first."""
EVERY_SECONDS = 5.0
LOOKS_AGAIN_SECONDS = 60.0
"""After a look that left something: codes and requests whose time is not over."""
_ENTROPY_BYTES = 32


class Resealing:
    """Looks through all tables in which something rests under a server key, a page at a time, again until a look finds
    nothing to seal and nothing left. With one key there is nothing to look for.

    Rows of an account that is moving between cells are let be, and count as left: what is copied must not change.
    """

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        keyring: Keyring,
        *,
        pause_seconds: float = PAUSE_SECONDS,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self.is_mine: Callable[[], bool] = lambda: True
        """Whether this process is the one of all that looks by itself."""
        self._pause_seconds = pause_seconds
        self.progress: Progress | None = None
        """The last look, whole or not; None before the first."""
        self._loop = Loop(
            "resealing", self._round, every_seconds=every_seconds, expected=(StorageError, AccountAway)
        )
        self.start: Callable[[], None] = self._loop.start
        self.wake: Callable[[], None] = self._loop.wake

    async def stop(self) -> None:
        await self._loop.stop()

    async def look(self) -> Progress:
        """Through all tables once. Raises StorageError, Refused."""
        return await self._look(0.0)

    async def _round(self) -> None:
        if len(self._keyring.keys) > 1 and self.is_mine() and self._is_due():
            await self._look(self._pause_seconds)

    def _is_due(self) -> bool:
        last = self.progress
        if last is None or last.in_use != self._keyring.fingerprint or not last.ended_at or last.resealed:
            return True
        return bool(last.left) and self._gateway.now() - last.ended_at >= LOOKS_AGAIN_SECONDS * 1000

    async def _look(self, pause_seconds: float) -> Progress:
        in_use, began_at = self._keyring.fingerprint, self._gateway.now()
        seen, resealed, left = Counter[str](), Counter[str](), Counter[str]()

        def tell(ended_at: int = 0) -> Progress:
            self.progress = Progress(
                in_use=in_use,
                began_at=began_at,
                ended_at=ended_at,
                seen=dict(seen),
                resealed=dict(+resealed),
                left=dict(+left),
            )
            return self.progress

        for row_type in RESTING:
            after: Key | None = None
            while True:
                rows = await self._storage.read_after(row_type, after, ROWS_AT_ONCE)
                away = self._gateway.directory.away
                sealed = [row for row in rows if is_sealed_elsewhere(row, self._keyring)]
                here = [row.key for row in sealed if account_of_row(row) not in away]
                resealed[row_type.table] += await self._seal_again(here)
                left[row_type.table] += len(sealed) - len(here)
                now = self._gateway.now()
                left[row_type.table] += sum(is_marked_elsewhere(row, self._keyring, now) for row in rows)
                seen[row_type.table] += len(rows)
                tell()
                if len(rows) < ROWS_AT_ONCE:
                    break
                after = rows[-1].key
                await asyncio.sleep(pause_seconds)
        return tell(self._gateway.now())

    async def _seal_again(self, keys: Sequence[Key]) -> int:
        if not keys:
            return 0
        done: int = await self._gateway.execute(Reseal(tuple(keys), self._gateway.token(_ENTROPY_BYTES)))
        return done
