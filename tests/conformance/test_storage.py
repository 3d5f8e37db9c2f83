from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onema.storage.contract import Storage
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.counting import MessageCounting
from onema.testing.conformance.message_search import MessageSearch
from onema.testing.conformance.storage import StorageConformance
from onema.testing.conformance.storage_lists import StorageLists
from onema.testing.memory_storage import MemoryStorage


class TestMemoryStorage(StorageConformance, StorageLists, MessageSearch, MessageCounting):
    prepares = 0

    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage()


class TestSqliteStorage(StorageConformance, StorageLists, MessageSearch, MessageCounting):
    @pytest.fixture
    async def storage(self, tmp_path: Path) -> AsyncIterator[Storage]:
        storage = SqliteStorage(tmp_path / "onema.db")
        await storage.open()
        yield storage
        await storage.close()
