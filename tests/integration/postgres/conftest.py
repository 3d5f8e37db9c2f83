import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from onema.storage.postgres import PostgresStorage
from onema.testing.postgres_server import PostgresServer, running_server

from .node import Node

_numbers = itertools.count(1)

StartNode = Callable[..., Awaitable[Node]]
OpenStorage = Callable[..., Awaitable[PostgresStorage]]


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def database(server: PostgresServer) -> str:
    """The name of an empty database."""
    name = f"test_{next(_numbers)}"
    server.create_database(name)
    return name


@pytest.fixture
def dsn(server: PostgresServer, database: str) -> str:
    return server.dsn(database)


@pytest.fixture
async def open_storage(dsn: str) -> AsyncIterator[OpenStorage]:
    """Opens stores over the test's database (or another DSN) and closes them in the end."""
    opened: list[PostgresStorage] = []

    async def open_one(other_dsn: str = "", **options: Any) -> PostgresStorage:
        storage = PostgresStorage(other_dsn or dsn, **options)
        await storage.open()
        opened.append(storage)
        return storage

    yield open_one
    for storage in opened:
        await storage.close()


@pytest.fixture
async def start_node(open_storage: OpenStorage) -> AsyncIterator[StartNode]:
    """Starts nodes over the test's database (or another DSN) and stops them in the end."""
    nodes: list[Node] = []

    async def start(dsn: str = "", **options: Any) -> Node:
        node = Node(await open_storage(dsn, **options), len(nodes) + 1)
        await node.committer.start()
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.committer.stop()
