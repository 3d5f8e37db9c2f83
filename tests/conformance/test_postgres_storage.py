from collections.abc import AsyncIterator

import pytest

from onema.domain.tables import TABLES
from onema.storage.contract import Storage
from onema.storage.postgres import PostgresStorage
from onema.testing.conformance.counting import MessageCounting
from onema.testing.conformance.message_search import MessageSearch
from onema.testing.conformance.storage import StorageConformance
from onema.testing.conformance.storage_lists import StorageLists
from onema.testing.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def server(postgres_server: PostgresServer) -> PostgresServer:
    postgres_server.create_database("conformance")
    return postgres_server


class TestPostgresStorage(StorageConformance, StorageLists, MessageSearch, MessageCounting):
    @pytest.fixture
    async def storage(self, server: PostgresServer) -> AsyncIterator[Storage]:
        storage = PostgresStorage(server.dsn("conformance"))
        await storage.open()
        yield storage
        await storage.close()
        everything = ("batches", "search_parts", "search_terms", *(row_type.table for row_type in TABLES))
        server.sql("; ".join(f"DELETE FROM {table}" for table in everything), "conformance")
