from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from onema.storage.postgres import PostgresStorage
from onema.testing.cutting_proxy import CuttingProxy

from .node import Node

StartNode = Callable[..., Awaitable[Node]]
OpenStorage = Callable[..., Awaitable[PostgresStorage]]
MakeProxy = Callable[[int], CuttingProxy]


@pytest.fixture
async def make_proxy() -> AsyncIterator[MakeProxy]:
    """Makes proxies before servers' ports and stops them in the end."""
    made: list[CuttingProxy] = []

    def make(port: int) -> CuttingProxy:
        made.append(CuttingProxy(port))
        return made[-1]

    yield make
    for proxy in made:
        await proxy.stop()


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
