import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from onema.domain.records import Job, JobKind
from onema.settings import Listen, Settings
from onema.storage.contract import Subscription
from onema.testing.memory_storage import MemoryStorage
from onema.wiring.server import App


class AnnouncingStorage(MemoryStorage):
    """Lets a test be another process: `on_jobs_due` says that it left jobs. `asked` counts who looks for some."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Semaphore(0)

    async def listen(
        self, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> Subscription:
        self.on_jobs_due = on_jobs_due
        return await super().listen(on_directory_changed, on_jobs_due)

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        self.asked.release()
        return await super().lease_jobs(now, until, limit, kinds, elsewhere)


async def test_jobs_that_another_process_left_are_looked_for_at_once(tmp_path: Path) -> None:
    """Also when the worker is just looking. By itself it would look ten times at most until the deadline."""
    storage = AnnouncingStorage()
    settings = Settings(data=tmp_path, listen=Listen(port=0))
    async with App(settings, storage=lambda _: storage), asyncio.timeout(10):
        for _ in range(20 * len(JobKind)):
            storage.on_jobs_due()
            await storage.asked.acquire()
