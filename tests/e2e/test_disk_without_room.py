"""A server whose disk has no room: what callers and load balancers see meanwhile."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

SEND = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    environment = {"ONEMA_COMMIT_PATIENCE": "0"}
    with RunningServer(tmp_path / "data", "demo", environment=environment) as server:
        yield server


def send(server: RunningServer, number: int) -> str:
    keys = server.credentials("esms")
    return str(server.json(SEND, **keys, Phone=f"090{number:07}", Type="2", IsNumber="1")["CodeResult"])


def allow_files(server: RunningServer, size: int) -> None:
    """No file of the server may be longer, which to it is the same as a full disk."""
    assert server.process is not None
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def test_a_server_without_room_is_not_ready_until_it_can_write_again(server: RunningServer) -> None:
    """It said that it was ready, and refused every code. What still answers must not make it ready in between."""
    assert send(server, 0) == "100"
    allow_files(server, (server.data / "onema.db-wal").stat().st_size)
    assert send(server, 1) == "99"
    for number in range(2, 60):
        assert (send(server, number), server.get("/health/ready")[0]) == ("99", 503)
    allow_files(server, resource.RLIM_INFINITY)
    eventually(lambda: server.get("/health/ready")[0] == 200)
    assert send(server, 100) == "100"
    log = server.log.read_text()
    assert (log.count("the store is unavailable"), log.count("the store is back")) == (1, 1)
