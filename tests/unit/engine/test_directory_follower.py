import asyncio

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.keyring import Keyring
from onema.domain.records import DirectoryRevision, DirectoryRow
from onema.engine.directory_follower import DirectoryFollower
from onema.engine.directory_loading import SLICE, load_directory
from onema.testing.memory_storage import MemoryStorage
from onema.testing.turns_of_the_loop import TurnsOfTheLoop

from .conftest import StartCommitter

NEVER = 3_600.0
KEYRING = Keyring(b"k" * 32)


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


@pytest.mark.parametrize("count", [3, 2 * SLICE + 1])
async def test_a_node_that_follows_knows_what_the_changing_one_knows(
    start_committer: StartCommitter, count: int
) -> None:
    """What was added, changed and removed; and of what stayed it makes nothing anew."""
    storage = MemoryStorage()
    changing = await start_committer(storage)
    await changing.execute(Configure(entropy=bytes(32), documents=(doc.Tariff(name="default"), *accounts(3))))
    following = await start_committer(storage)
    stays = following.directory.account_named["account-2"]
    await changing.execute(
        Configure(
            entropy=bytes(32),
            documents=(doc.Account(name="account-1", state="inactive"), *accounts(count, "new")),
            remove=(("account", "account-0"),),
        )
    )
    await following.refresh_directory()
    assert following.directory.revision == 2
    assert dict(following.directory.documents) == dict(changing.directory.documents)
    assert dict(following.directory.documents) == dict((await load_directory(storage, KEYRING)).documents)
    assert set(following.directory.account_named) == set(changing.directory.account_named)
    assert not following.directory.account_named["account-1"].active
    assert following.directory.account_named["account-2"] is stays


async def test_an_older_store_is_followed_too(start_committer: StartCommitter) -> None:
    """A backup took its place: what was configured since is gone."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    await committer.execute(Configure(entropy=bytes(32), documents=(doc.Tariff(name="first"),)))
    (first,) = (await storage.read_directory())[1]
    await committer.execute(Configure(entropy=bytes(32), documents=(doc.Tariff(name="second"),)))
    second = (DirectoryRow, "tariff", "second")
    older = DirectoryRevision("directory", 1)
    await storage.begin([])
    await storage.commit(99, {older.key: older, second: None}, [])
    await committer.refresh_directory()
    assert list(committer.directory.documents) == [(first.kind, first.name)]
    assert committer.directory.revision == 1


async def test_a_large_change_of_another_node_leaves_the_loop_to_others(
    start_committer: StartCommitter,
) -> None:
    """Codes are sent and checked while thousands of documents are taken up."""
    storage = MemoryStorage()
    changing, following = await start_committer(storage), await start_committer(storage)
    tariff = doc.Tariff(name="default")
    await changing.execute(Configure(entropy=bytes(32), documents=(tariff, *accounts(5 * SLICE))))
    async with TurnsOfTheLoop() as turns:
        await following.refresh_directory()
    assert turns.count > 10


def accounts(count: int, name: str = "account") -> list[doc.Account]:
    return [doc.Account(name=f"{name}-{number}") for number in range(count)]
