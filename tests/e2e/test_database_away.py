"""One node whose PostgreSQL goes away: what callers and load balancers see meanwhile."""

import asyncio
import http.client
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onema.testing.cutting_proxy import CuttingProxy
from onema.testing.postgres_server import PostgresServer, running_server
from onema.testing.running_server import RunningServer, eventually

SEND = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


def node_on(
    database: PostgresServer, folder: Path, patience: str, port: int | None = None, stop_deadline: str = "15"
) -> RunningServer:
    """`port` leads to the database."""
    database.create_database("onema")
    environment = {
        "ONEMA_SERVER_KEY": secrets.token_hex(32),
        "ONEMA_DATABASE": database.dsn("onema", port=port),
        "ONEMA_COMMIT_PATIENCE": patience,
        "ONEMA_LISTEN_STOP_DEADLINE": stop_deadline,
    }
    return RunningServer(folder / "node", "demo", environment=environment)


def send(node: RunningServer, number: int) -> str:
    keys = node.credentials("esms")
    return str(node.json(SEND, **keys, Phone=f"090{number:07}", Type="2", IsNumber="1")["CodeResult"])


def test_a_database_that_restarts_costs_callers_nothing_but_time(
    database: PostgresServer, tmp_path: Path
) -> None:
    """Requests that meet the gap wait for its end, and are answered as if there had been none."""
    with node_on(database, tmp_path, patience="60") as node, ThreadPoolExecutor(20) as pool:
        assert send(node, 0) == "100"
        database.kill()
        waiting = [pool.submit(send, node, number) for number in range(1, 21)]
        eventually(lambda: node.get("/health/ready")[0] == 503)
        database.start()
        assert {sending.result() for sending in waiting} == {"100"}
        eventually(lambda: node.get("/health/ready")[0] == 200)


def test_a_node_without_its_database_is_not_ready_and_says_so_in_the_vendors_words(
    database: PostgresServer, tmp_path: Path
) -> None:
    """A load balancer takes it out even while nobody asks it for anything, and back in when it can serve."""
    with node_on(database, tmp_path, patience="0.5") as node:
        database.kill()
        eventually(lambda: node.get("/health/ready")[0] == 503)
        assert node.get("/health/live")[0] == 200
        assert send(node, 1) == "99"
        database.start()
        eventually(lambda: node.get("/health/ready")[0] == 200)
        assert send(node, 2) == "100"


@pytest.mark.full
async def test_a_node_whose_database_falls_silent_ends_when_it_is_told_to(
    database: PostgresServer, tmp_path: Path
) -> None:
    """With a request in its hands whose commit it would look up for a minute: a service manager kills sooner."""
    proxy = CuttingProxy(database.port)
    node = node_on(database, tmp_path, patience="60", port=await proxy.start(), stop_deadline="1")
    try:
        await asyncio.to_thread(node.start)
        assert await asyncio.to_thread(send, node, 0) == "100"
        proxy.silence()
        sending = asyncio.create_task(asyncio.to_thread(send, node, 1))
        await asyncio.to_thread(eventually, lambda: node.get("/health/ready")[0] == 503)
        async with asyncio.timeout(15):
            assert await asyncio.to_thread(node.stop) == 0
        with pytest.raises(http.client.HTTPException):
            await sending
    finally:
        node.kill()
        await proxy.stop()
