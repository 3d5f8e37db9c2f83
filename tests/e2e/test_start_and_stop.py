"""What a server says when it starts and stops: to its log, and to the service manager that waits for it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onema import __version__
from onema.cli.service_manager import tell_service_manager
from onema.storage.statements import migrations
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import DEADLINE_SECONDS, RunningServer

from .acme import configure, environment


@contextmanager
def service_manager(address: str) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(DEADLINE_SECONDS)
        yield manager


def logged(server: RunningServer, action: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("action") == action]


def test_a_server_says_when_it_serves_and_when_it_stops(tmp_path: Path) -> None:
    """With what one asks first of an old log; the service manager hears it once it is true."""
    notify = tmp_path / "notify"
    server = RunningServer(
        tmp_path / "data",
        "demo",
        environment={"NOTIFY_SOCKET": str(notify), "ONEMA_LOGS_FORMAT": "json", "ONEMA_NODE_NUMBER": "7"},
    )
    with service_manager(str(notify)) as manager, server:
        ready = manager.recv(1_000).decode().split("\n")
        assert ready == ["READY=1", f"STATUS=listens on 127.0.0.1:{server.port}"]
        assert server.get("/health/ready")[0] == 200
        server.stop()
        assert manager.recv(1_000) == b"STOPPING=1"
    started, stopping, stopped = logged(server, "serve")
    assert [line["event"] for line in (started, stopping, stopped)] == ["started", "stopping", "stopped"]
    assert {name: started[name] for name in ("version", "node", "roles", "store", "address", "carriers")} == {
        "version": __version__,
        "node": 7,
        "roles": ["api", "deliver", "voice", "console"],
        "store": str(server.data / "onema.db"),
        "address": f"127.0.0.1:{server.port}",
        "carriers": ["handset"],
    }
    assert started["schema"] == migrations("sqlite")[-1].number


def test_a_supervisor_speaks_for_its_workers(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """The service manager hears once, when all of them serve; the log has no password of the database."""
    notify = tmp_path / "notify"
    settings = environment(postgres_server.create_database("notified"))
    server = RunningServer(
        tmp_path / "data",
        "serve",
        "--workers",
        "2",
        environment={**settings, "NOTIFY_SOCKET": str(notify), "ONEMA_LOGS_FORMAT": "json"},
    )
    with service_manager(str(notify)) as manager, server:
        assert manager.recv(1_000).startswith(b"READY=1\n")
        assert {line["worker"] for line in logged(server, "serve") if line["event"] == "started"} == {1, 2}
        configure(server)
        server.stop()
        assert manager.recv(1_000) == b"STOPPING=1"
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(1_000)
    assert [line["event"] for line in logged(server, "supervise")] == ["started", "stopping", "stopped"]
    stores = {line["store"] for line in logged(server, "serve") if line["event"] == "started"}
    assert all(store.startswith("postgresql://") and "@" not in store for store in stores)


def test_a_manager_may_listen_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Linux' abstract namespace, which @ stands for."""
    name = f"onema-{tmp_path.name}-{id(tmp_path)}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with service_manager(f"\0{name}") as manager:
        tell_service_manager("READY=1", "STATUS=x")
        assert manager.recv(1_000) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1"])
def test_without_a_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server serves anyway."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell_service_manager("READY=1")
