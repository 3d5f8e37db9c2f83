import asyncio
from collections.abc import Collection

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import encode_document
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import DirectoryRevision, DirectoryRow
from onema.engine.directory_follower import DirectoryFollower
from onema.storage.contract import DirectoryChanges
from onema.testing.conformance.storage import insert
from onema.testing.memory_storage import MemoryStorage

from .conftest import StartCommitter

CREDENTIAL = doc.Credential(account="acme", dialect="esms", key="ACME", secret="ACME-SECRET")


class WatchedStorage(MemoryStorage):
    """Says when its configuration has been read."""

    def __init__(self) -> None:
        super().__init__()
        self.was_read = asyncio.Event()

    async def read_directory_changes(
        self, since: int, known: Collection[tuple[str, str]]
    ) -> DirectoryChanges:
        self.was_read.set()
        return await super().read_directory_changes(since, known)


async def test_a_node_follows_on_after_a_configuration_that_it_cannot_use(
    start_committer: StartCommitter, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody with another key has sealed a secret: the node says so, keeps its last one, and has the next."""
    storage = WatchedStorage()
    committer = await start_committer(storage)
    follower = DirectoryFollower(committer, storage, poll_seconds=0.01)
    await follower.start()
    storage.was_read.clear()
    sealed = encode_document(CREDENTIAL, Keyring(b"x" * 32), bytes(NONCE_BYTES))
    row = DirectoryRow(CREDENTIAL.kind, CREDENTIAL.identity, 1, sealed)
    await insert(storage, row, DirectoryRevision("directory", 1))
    async with asyncio.timeout(10):
        await storage.was_read.wait()
        assert committer.directory.revision == 0
        assert "configuration cannot be used, the last one stays" in caplog.messages
        changed, mended = committer.directory_changed, DirectoryRevision("directory", 2)
        await storage.begin([])
        await storage.commit(2, {row.key: None, mended.key: mended}, [])
        await changed.wait()
    assert committer.directory.revision == 2
    await follower.stop()
