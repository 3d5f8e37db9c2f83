"""A store with two writers: two batches are in flight at once, if they share no row and are worth it."""

import asyncio
from collections.abc import Mapping, Sequence

from onema.domain.records import Job, JobKind, Key, Row
from onema.engine.command_queue import WORTH_A_BATCH
from onema.engine.committer import Committer
from onema.storage.contract import NEWEST, Conflict
from onema.testing.memory_storage import MemoryStorage

from .conftest import StartCommitter
from .test_committer import Add, Insert, RecordingDispatcher, a_job, balance

MANY = 2 * WORTH_A_BATCH


class SlowWriter(MemoryStorage):
    """Its commits wait until they are let through."""

    def __init__(self, first: "SlowWriter | None" = None) -> None:
        super().__init__(first)
        self.committing: asyncio.Queue[int] = first.committing if first else asyncio.Queue()
        """The size of each batch that has come to its commit."""
        self.let_through: asyncio.Semaphore = first.let_through if first else asyncio.Semaphore(0)
        self.lost = 0

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        self.committing.put_nowait(len(written) + len(inserted) + len(self._inserted))
        await self.let_through.acquire()
        if self.lost:
            self.lost -= 1
            raise Conflict("another node was faster")
        await super().commit(batch, written, inserted, known)


async def two_writers(start_committer: StartCommitter) -> tuple[SlowWriter, Committer]:
    storage = SlowWriter()
    SlowWriter(storage)
    return storage, await start_committer(storage)


def add_to(committer: Committer, accounts: Sequence[int]) -> list["asyncio.Future[int]"]:
    return [committer.execute(Add(1, account)) for account in accounts]


async def in_flight(storage: SlowWriter) -> int:
    """How many batches are at their commit once everything has come as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)
    return storage.committing.qsize()


async def test_two_halves_are_committed_at_once(start_committer: StartCommitter) -> None:
    """While one is saved the other is decided."""
    storage, committer = await two_writers(start_committer)
    results = add_to(committer, range(MANY))
    assert [await storage.committing.get(), await storage.committing.get()] == [WORTH_A_BATCH] * 2
    storage.let_through.release()
    storage.let_through.release()
    assert await asyncio.gather(*results) == [1] * MANY
    assert storage.batches == 2


async def test_few_commands_wait_for_the_batch_in_flight(start_committer: StartCommitter) -> None:
    """A small batch of its own would cost more than the wait; one more makes it large enough."""
    storage, committer = await two_writers(start_committer)
    first = add_to(committer, [0])
    assert await storage.committing.get() == 1
    results = add_to(committer, range(1, WORTH_A_BATCH))
    assert await in_flight(storage) == 0
    results += add_to(committer, [WORTH_A_BATCH])
    assert await storage.committing.get() == WORTH_A_BATCH
    storage.let_through.release()
    storage.let_through.release()
    assert await asyncio.gather(*first, *results) == [1] * (WORTH_A_BATCH + 1)


async def test_commands_on_one_row_are_one_batch(start_committer: StartCommitter) -> None:
    """One hot wallet: a second batch would only wait for the first."""
    storage, committer = await two_writers(start_committer)
    results = add_to(committer, [1] * MANY)
    assert await storage.committing.get() == 1
    assert await in_flight(storage) == 0
    storage.let_through.release()
    assert await asyncio.gather(*results) == list(range(1, MANY + 1))


async def test_what_shares_a_row_with_a_batch_in_flight_waits_for_it(start_committer: StartCommitter) -> None:
    """The others go ahead, and nothing is lost or decided on stale rows."""
    storage, committer = await two_writers(start_committer)
    first = add_to(committer, [1])
    assert await storage.committing.get() == 1
    results = add_to(committer, [1, *range(2, WORTH_A_BATCH + 1)])
    assert await in_flight(storage) == 0, "one of them shares the wallet, and too few are left"
    results += add_to(committer, range(WORTH_A_BATCH + 1, MANY + 1))
    for _ in range(3):
        storage.let_through.release()
    assert await asyncio.gather(*first, *results) == [1, 2, *[1] * (MANY - 1)]


async def test_a_batch_that_lost_is_decided_again_beside_the_other(start_committer: StartCommitter) -> None:
    """A conflict of one writer is not the other's."""
    storage, committer = await two_writers(start_committer)
    storage.lost = 1
    results = add_to(committer, range(MANY))
    for _ in range(3):
        await storage.committing.get()
        storage.let_through.release()
    assert await asyncio.gather(*results) == [1] * MANY
    assert await balance(storage) == 1
    assert storage.batches == 2


async def test_store_operations_run_when_no_batch_is_in_flight(start_committer: StartCommitter) -> None:
    """Nor is one begun while they wait."""
    storage, committer = await two_writers(start_committer)
    results = add_to(committer, range(MANY))
    await storage.committing.get()
    await storage.committing.get()
    ran: list[bool] = []

    async def operate() -> None:
        ran.append(True)

    operation = asyncio.ensure_future(committer.between_batches(operate))
    results += add_to(committer, range(MANY, 2 * MANY))
    storage.let_through.release()
    assert await in_flight(storage) == 0
    assert not ran
    storage.let_through.release()
    await operation
    for _ in range(2):
        await storage.committing.get()
        storage.let_through.release()
    await asyncio.gather(*results)


async def test_jobs_of_both_batches_fit_into_this_process(start_committer: StartCommitter) -> None:
    """The room that one was promised is not promised again."""
    storage, committer = await two_writers(start_committer)
    dispatcher = RecordingDispatcher(room=WORTH_A_BATCH + 10)
    committer.deliver_to(dispatcher)
    results = [committer.execute(Insert(a_job(number))) for number in range(MANY)]
    await storage.committing.get()
    await storage.committing.get()
    storage.let_through.release()
    storage.let_through.release()
    await asyncio.gather(*results)
    assert len(dispatcher.taken) == WORTH_A_BATCH + 10
    left = await storage.lease_jobs(10**15, 10**15, MANY, {JobKind.SMS})
    due = [job for job in left if isinstance(job, Job) and job.lease == 1]
    assert len(due) == WORTH_A_BATCH - 10


async def test_stopping_commits_what_waits_behind_two_batches(start_committer: StartCommitter) -> None:
    """A graceful stop drains both writers and the queue."""
    storage, committer = await two_writers(start_committer)
    results = add_to(committer, range(MANY))
    await storage.committing.get()
    await storage.committing.get()
    results += add_to(committer, [1, 2, 3])
    stopping = asyncio.ensure_future(committer.stop())
    for _ in range(3):
        storage.let_through.release()
    await stopping
    assert await asyncio.gather(*results) == [1] * MANY + [2, 2, 2]
