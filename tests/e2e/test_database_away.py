"""One node whose PostgreSQL goes away: what callers and load balancers see meanwhile."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onema.testing.postgres_server import PostgresServer, running_server
from onema.testing.running_server import RunningServer, eventually

SEND = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


def node_on(database: PostgresServer, folder: Path, patience: str) -> RunningServer:
    environment = {
        "ONEMA_SERVER_KEY": secrets.token_hex(32),
        "ONEMA_DATABASE": database.create_database("onema"),
        "ONEMA_COMMIT_PATIENCE": patience,
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
