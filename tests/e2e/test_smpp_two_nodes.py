"""Two nodes that share the binds of one carrier: each has some, never all together too many, and one may die."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from onema.storage.postgres import PostgresStorage
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, comes_true
from onema.testing.smsc.script import script_of
from tests.e2e.acme import environment
from tests.e2e.smpp_faults import PATIENCE_SECONDS, Load, WatchedSmsc, check_the_books, configuration, phones

BINDS = 4
MESSAGES = 400


@pytest.fixture
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database("smpp_nodes")


@pytest.fixture
def nodes(database: str, tmp_path: Path) -> Iterator[list[RunningServer]]:
    """Not started."""
    shared = {**environment(database), "ONEMA_LOGS_LEVEL": "warning"}
    made = [
        RunningServer(
            tmp_path / f"node{number}", "serve", environment={**shared, "ONEMA_NODE_NUMBER": str(number)}
        )
        for number in (1, 2)
    ]
    with ExitStack() as stack:
        for node in made:
            stack.callback(node.kill)
        yield made


async def test_a_node_that_dies_takes_no_message_with_it(database: str, nodes: list[RunningServer]) -> None:
    """Receipts of what it sent reach the other node; what nobody was told about is sent once or is unknown."""
    async with WatchedSmsc(0) as first, WatchedSmsc(0) as second:
        # One bind more than there may be would be refused.
        first.script = script_of({"most_binds": BINDS, "receipt_spread": 0.5})
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in nodes))
        text = configuration(first.port, second.port, BINDS)
        await asyncio.to_thread(nodes[0].onema, "apply", "-", stdin=text)

        async def both_have_some() -> bool:
            held = await asyncio.to_thread(nodes[0].onema, "carrier", "capacity")
            return [one["capacity"] for one in held] == [BINDS // 2] * 2 and first.binds == BINDS

        await comes_true(both_have_some, PATIENCE_SECONDS)
        load = Load([node.port for node in nodes])
        sending = asyncio.ensure_future(load.send(phones(0, MESSAGES)))
        await load.reaches(MESSAGES // 2)
        await asyncio.to_thread(nodes[1].kill)
        await sending
        storage = PostgresStorage(database)
        await storage.open()
        try:
            ended = await check_the_books(storage, load, first, second)
        finally:
            await storage.close()
        first.forget_receipts()
        second.forget_receipts()
        assert ended["delivered"] >= len(load.accepted) * 0.8
        assert first.counts.refused_binds == 0
