import asyncio

import pytest

from onema.domain.records import DirectoryRevision, Key
from onema.storage.contract import StorageError
from onema.testing.conformance.storage import job
from onema.testing.postgres_server import PostgresServer

from .conftest import OpenStorage

REVISION: Key = (DirectoryRevision, "directory")
BATCH = 1 << 62


@pytest.fixture
def directory_changed() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def jobs_due() -> asyncio.Event:
    return asyncio.Event()


async def heard(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(20):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True


async def test_nodes_hear_of_each_other(
    open_storage: OpenStorage,
    server: PostgresServer,
    database: str,
    directory_changed: asyncio.Event,
    jobs_due: asyncio.Event,
) -> None:
    """A change of the directory and jobs left due wake who listens; so does every reconnection."""
    writing, listening = await open_storage(), await open_storage()
    listener = await listening.listen(directory_changed.set, jobs_due.set)
    assert await heard(directory_changed)
    assert await heard(jobs_due)

    await writing.begin([REVISION])
    await writing.commit(BATCH, {REVISION: DirectoryRevision("directory", 1)}, ())
    assert await heard(directory_changed)
    assert not jobs_due.is_set()

    await writing.begin([])
    await writing.commit(BATCH + 1, {}, [job(1, due_at=100)])
    assert await heard(jobs_due)
    assert not directory_changed.is_set()

    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onema listener'",
        database,
    )
    assert await heard(directory_changed)
    assert await heard(jobs_due)
    await listener.close()


async def test_an_aborted_change_wakes_nobody(
    open_storage: OpenStorage, directory_changed: asyncio.Event, jobs_due: asyncio.Event
) -> None:
    """The announcement belongs to the transaction."""
    storage = await open_storage()
    listener = await storage.listen(directory_changed.set, jobs_due.set)
    assert await heard(directory_changed)
    await storage.begin([REVISION])
    same = DirectoryRevision("directory", 1)
    with pytest.raises(StorageError):
        await storage.commit(BATCH, {REVISION: same}, [same])
    await storage.begin([])
    await storage.commit(BATCH + 1, {}, [job(1, due_at=100)])
    jobs_due.clear()
    assert await heard(jobs_due)
    assert not directory_changed.is_set()
    await listener.close()
