import asyncio

import pytest

from onema.domain import documents as doc
from onema.domain.configure import Configure
from onema.engine.directory_follower import DirectoryFollower
from onema.testing.memory_storage import MemoryStorage

from .conftest import StartCommitter

NEVER = 3_600.0


@pytest.mark.parametrize(
    ("is_told", "poll_seconds"), [(True, NEVER), (False, 0.01)], ids=["told", "by itself"]
)
async def test_what_another_process_configures_is_followed(
    start_committer: StartCommitter, is_told: bool, poll_seconds: float
) -> None:
    """At once when it says so; and in a while also when its word was lost, or could never come."""
    storage = MemoryStorage()
    changing, following = await start_committer(storage), await start_committer(storage)
    follower = DirectoryFollower(following, storage, poll_seconds)
    await follower.start()
    changed = following.directory_changed
    await changing.execute(Configure(entropy=bytes(32), documents=(doc.Tariff(name="default"),)))
    if is_told:
        follower.changed()
    async with asyncio.timeout(10):
        await changed.wait()
    assert following.directory.revision == changing.directory.revision == 1
    await follower.stop()
