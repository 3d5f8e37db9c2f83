"""Servers that do a part each, on one PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer

from .acme import call, configure, environment, received, send


@pytest.fixture(scope="module")
def shared(postgres_server: PostgresServer) -> dict[str, str]:
    return environment(postgres_server.create_database("roles"))


@pytest.fixture
def api(shared: dict[str, str], tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "api", "serve", "--roles", "api", environment=shared) as server:
        configure(server)
        yield server


def with_roles(roles: str, shared: dict[str, str], folder: Path) -> RunningServer:
    return RunningServer(folder / roles.replace(",", "-"), "serve", "--roles", roles, environment=shared)


def test_what_one_accepts_another_delivers(
    api: RunningServer, postgres_server: PostgresServer, shared: dict[str, str], tmp_path: Path
) -> None:
    """A server without the role to deliver leases nothing; calls wait for one that may place them."""
    assert send(api, "0901000001") == "100"
    assert call(api, "0901000002")["message"] == "success"
    assert postgres_server.sql("SELECT DISTINCT kind, lease FROM jobs ORDER BY kind", "roles").split() == [
        "call|0",
        "sms|0",
    ]
    with with_roles("deliver,console", shared, tmp_path) as delivering:
        received(delivering, "0901000001")
        # It came after the call, and was taken past it.
        assert send(api, "0901000003") == "100"
        received(delivering, "0901000003")
        assert delivering.json("/handset/messages", to="0901000002") == []
        assert postgres_server.sql("SELECT kind, lease FROM jobs", "roles") == "call|0"
        with with_roles("voice", shared, tmp_path):
            assert received(delivering, "0901000002")[0]["code"] == "0307"


def test_a_part_that_is_served_elsewhere_says_so(
    api: RunningServer, shared: dict[str, str], tmp_path: Path
) -> None:
    """404 in plain words, and the probes answer all the same."""
    with with_roles("deliver,console", shared, tmp_path) as delivering:
        for server, path, role in (
            (api, "/handset", "console"),
            (api, "/login", "console"),
            (delivering, "/MainService.svc/json/GetBalance/a/b", "api"),
            (delivering, "/201512/sid/x/call/CodeCallOut.wx", "api"),
            (delivering, "/api/v1/public-api/voice-otp", "api"),
        ):
            status, body = server.get(path)
            assert (status, f"does not have the role '{role}'" in body.decode()) == (404, True), path
        assert [server.get("/health/ready")[0] for server in (api, delivering)] == [200, 200]
        assert delivering.get("/handset")[0] == 200
