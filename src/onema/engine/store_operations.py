"""Store operations that must not fall into a batch, such as leasing and sweeping: they run between batches."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from onema.engine.store_patience import StorePatience
from onema.storage.contract import Unavailable

T = TypeVar("T")


class StoreOperations:
    """Those that wait. Truthy while there are any."""

    def __init__(self, patience: StorePatience) -> None:
        self._patience = patience
        self._waiting: list[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = []
        """Each with who waits for its result; `run` takes all of them."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, operation: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, future))
        return future

    async def run(self) -> None:
        """Run those that wait now; what comes meanwhile lets a batch go first."""
        waiting, self._waiting = self._waiting, []
        for operation, future in waiting:
            # Whatever a store operation raises belongs to who asked for it, not to the batches of others.
            try:
                result = await self._patience.keep_nobody_behind(operation())
            except Exception as error:  # noqa: BLE001
                if isinstance(error, Unavailable):
                    self._patience.is_away(error)
                if not future.done():
                    future.set_exception(error)
            else:
                await self._patience.answered()
                if not future.done():
                    future.set_result(result)
