from collections.abc import Iterator

import pytest

from onema.domain.refusals import Refusal
from onema.testing.postgres_server import PostgresServer, running_server

from .conftest import OpenStorage
from .load import Load
from .node import Node

ROUNDS = 3


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may kill."""
    with running_server() as server:
        yield server


async def test_what_was_acknowledged_survives_kill_9(
    own_server: PostgresServer, open_storage: OpenStorage
) -> None:
    """Requests are refused while it is away, never answered falsely; then service goes on without a restart."""
    load = Load(Node(await open_storage(own_server.create_database("books")), 1))
    await load.start()
    for _ in range(ROUNDS):
        await load.more(200)
        own_server.kill()
        await load.refusal()
        own_server.start()
    await load.more(200)
    await load.stop()
    assert load.refused == {Refusal.STORE_UNAVAILABLE}
    await load.check_the_books()
    holds = own_server.sql("SELECT count(*) FROM ledger WHERE kind = 'hold'", "books")
    assert holds == own_server.sql("SELECT count(*) FROM messages", "books")
