import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue


class DiskThread:
    """One thread for what waits on the disk. It costs a commit less than half of what an executor does."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[tuple[Callable[[], object], asyncio.Future[None]] | None] = SimpleQueue()
        """What to do, and who waits for it; None ends the thread."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], object]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work.put((work, future))
        return future

    def stop(self) -> None:
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            error: BaseException | None = None
            # Whatever it raises belongs to who waits for it.
            try:
                work()
            except BaseException as raised:  # noqa: BLE001
                error = raised
            future.get_loop().call_soon_threadsafe(_settle, future, error)


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
