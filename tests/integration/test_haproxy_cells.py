"""deploy/haproxy/cells.cfg with a real HAProxy: each request reaches the cell of the account whose key it brings."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onema.dialects.camara.auth import new_token
from onema.dialects.camara.routes import SEND
from onema.dialects.camara.sample_requests import CamaraSteps
from onema.dialects.contract import SampleRequest
from onema.dialects.receivers.sample_requests import ReceiverSteps
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.testing.cell_cluster import CellsHaproxy
from onema.testing.running_server import eventually
from onema.wiring.cell_map import cell_map, key_hash, set_map, write_map
from onema.wiring.cells import CellsError
from onema.wiring.dialects import DIALECTS, SAMPLES

KEY, SID, ESMS_KEY = "K3Y-of.A~1", "AC" + "0" * 32, "A KEY/1"
KEYS = {"esms": ESMS_KEY, "twilio_verify": SID}
FILLED_IN = {
    "native": {"key": KEY, "secret": "s"},
    "esms": {"ApiKey": ESMS_KEY, "SecretKey": "s", "Brandname": "B", "message": "{OTP} x"},
    "vbee": {"apiKey": KEY, "apiSecret": "a-secret"},
    "ytx": {"accountSID": KEY, "authToken": "t", "appid": "1"},
    "twilio_verify": {"accountSid": SID, "authToken": "t", "serviceSid": "VA"},
}
ESMS = "/MainService.svc/json/SendMultipleMessage_V4_post"
FORM = ("Content-Type: application/x-www-form-urlencoded",)
JSON = ("Content-Type: application/json",)
MULTIPART = ("Content-Type: multipart/form-data; boundary=b",)


def camara_token() -> str:
    account = doc.Account(name="acme", number=1)
    credential = doc.Credential(account="acme", dialect="camara", key=KEY, secret="a-secret")
    documents = {(one.kind, one.identity): one for one in (account, credential)}
    return new_token(Directory(documents).credentials["camara", KEY], 0)


REQUESTS: dict[str, SampleRequest] = {
    **{
        f"{name} {number}": request
        for name, filled in FILLED_IN.items()
        for number, request in enumerate(
            [SAMPLES[name](filled).send_code(1), *(step.request for step in SAMPLES[name](filled).steps())]
        )
    },
    "camara token": next(CamaraSteps({"clientId": KEY, "clientSecret": "s"}).steps()).request,
    "camara": SampleRequest(SEND, (f"Authorization: Bearer {camara_token()}",), "{}"),
    "receivers": next(ReceiverSteps({"key": KEY, "secret": "s"}).steps()).request,
    "esms form": SampleRequest(ESMS, FORM, "Phone=1&APIKEY=A+KEY%2F1&x=1"),
    "esms form, first": SampleRequest(ESMS, FORM, "ApiKey=A%20KEY%2F1"),
    "esms JSON over lines": SampleRequest(
        ESMS, JSON, f'{{\r\n "Phone": "1",\n "apikey" : "{ESMS_KEY}"\n}}\n'
    ),
    "esms multipart": SampleRequest(
        ESMS,
        MULTIPART,
        '--b\r\nContent-Disposition: form-data; name="Phone"\r\n\r\n1\r\n'
        f'--b\r\nContent-Disposition: form-data; name="ApiKey"\r\n\r\n{ESMS_KEY}\r\n--b--\r\n',
    ),
    "esms two slashes": SampleRequest("/MainService.svc/json//X?phone=1&aPIkey=A+KEY/1&z=1"),
}


class StandInNode(BaseHTTPRequestHandler):
    """Answers with the name of its cell."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        cell = self.server.cell.encode()  # type: ignore[attr-defined]  # given by `haproxy`
        self.send_response(200)
        self.send_header("Content-Length", str(len(cell)))
        self.end_headers()
        self.wfile.write(cell)

    do_POST = do_GET  # noqa: N815  # the server asks by this name

    def log_message(self, *_: object) -> None:
        return


class QuietServer(ThreadingHTTPServer):
    def __init__(self, cell: str) -> None:
        super().__init__(("127.0.0.1", 0), StandInNode)
        self.cell = cell

    def handle_error(self, *_: object) -> None:
        """HAProxy cuts off its checks."""


def south_map() -> dict[str, str]:
    return {key_hash(name, KEYS.get(name, KEY)): "south" for name in DIALECTS}


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CellsHaproxy]:
    folder = tmp_path_factory.mktemp("haproxy")
    nodes = [QuietServer("north"), QuietServer("south")]
    for node in nodes:
        threading.Thread(target=node.serve_forever, args=(0.01,)).start()
    write_map(folder / "cells.map", south_map())
    proxy = CellsHaproxy(
        folder, [node.server_port for node in nodes], folder / "cells.map", folder / "haproxy.sock"
    )
    try:
        proxy.start()
        eventually(lambda: ask(proxy, REQUESTS["native 0"]) == "south")
        yield proxy
    finally:
        proxy.stop()
        for node in nodes:
            node.shutdown()
            node.server_close()


def ask(haproxy: CellsHaproxy, request: SampleRequest) -> str:
    """The cell that answers."""
    with socket.create_connection(("127.0.0.1", haproxy.port)) as connection:
        connection.sendall(request.as_bytes("api.example"))
        return connection.recv(65_536).rpartition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_of_each_api_reaches_its_cell(haproxy: CellsHaproxy, name: str) -> None:
    """Wherever the vendor's clients put the key: query, path, body, Basic, a token."""
    assert ask(haproxy, REQUESTS[name]) == "south"


@pytest.mark.parametrize("target", ["/MainService.svc/json/X?apikey=OTHER", "/login", "/v1/balance"])
def test_whoever_has_no_key_of_the_map_comes_to_the_first_cell(haproxy: CellsHaproxy, target: str) -> None:
    """Whose nodes say what is wrong, or show the console."""
    assert ask(haproxy, SampleRequest(target)) == "north"


def test_a_running_haproxy_takes_a_new_map_at_once(haproxy: CellsHaproxy) -> None:
    """Without a restart, which long polls and keep-alive connections would feel; and as large as it is."""
    path, at = str(haproxy.map_file), haproxy.socket
    others = {key_hash("native", str(number)): "north" for number in range(1_000)}
    asyncio.run(set_map(at, path, {**others, **south_map(), key_hash("native", KEY): "north"}))
    assert ask(haproxy, REQUESTS["native 0"]) == "north"
    assert ask(haproxy, REQUESTS["ytx 0"]) == "south"
    asyncio.run(set_map(at, path, south_map()))
    assert ask(haproxy, REQUESTS["native 0"]) == "south"
    with pytest.raises(CellsError, match="no map"):
        asyncio.run(set_map(at, "/no/such.map", {}))


def test_a_map_holds_no_key(tmp_path: Path) -> None:
    """It lies where HAProxy's user reads it. An account that has moved is where it lives, and nowhere else."""
    here, gone = doc.Account(name="acme", number=1), doc.Account(name="acme", number=1, moved_to="south")
    credential = doc.Credential(account="acme", dialect="native", key=KEY, secret="a-secret")
    north, south = (
        Directory({(one.kind, one.identity): one for one in (account, credential)})
        for account in (gone, here)
    )
    entries = cell_map({"north": north, "south": south})
    write_map(tmp_path / "cells.map", entries)
    assert (tmp_path / "cells.map").read_text() == f"{key_hash('native', KEY)} south\n"
    assert KEY not in json.dumps(entries)
