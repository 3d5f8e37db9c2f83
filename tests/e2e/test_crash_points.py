"""kill -9 at every numbered point of docs/delivery-path.md."""

import base64
import contextlib
import http.client
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.testing.crash_points import POINTS
from onema.testing.running_server import RunningServer, eventually

PHONE = "0901888484"
UNDELIVERED_PHONE = "0990000002"
SERVICE = "/MainService.svc/json"
MODULE = "onema.testing.crash_points"


class Client:
    """An integrator that speaks eSMS to whatever server runs on the data folder."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._keys = server.credentials("esms")

    def send(self, phone: str = PHONE) -> dict[str, Any]:
        answer: dict[str, Any] = self._server.json(
            f"{SERVICE}/SendMessageAutoGenCode_V4_get",
            Phone=phone,
            ApiKey=self._keys["ApiKey"],
            SecretKey=self._keys["SecretKey"],
            Brandname=self._keys["Brandname"],
            Type="2",
            message=self._keys["message"],
            IsNumber="1",
        )
        return answer

    def check(self, code: str, phone: str = PHONE) -> dict[str, Any]:
        answer: dict[str, Any] = self._server.json(
            f"{SERVICE}/CheckCodeGen_V4_get",
            Phone=phone,
            ApiKey=self._keys["ApiKey"],
            SecretKey=self._keys["SecretKey"],
            Code=code,
        )
        return answer

    def received(self, phone: str = PHONE) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._server.json("/handset/messages", to=phone)
        return found


def begin_a_plan(server: RunningServer) -> None:
    """By our own API: a second SMS with the same code when the first was not checked within a second."""
    keys = server.credentials("native")
    login = base64.b64encode(f"{keys['key']}:{keys['secret']}".encode()).decode()
    plan = [{"channel": "sms"}, {"channel": "sms", "after": 1, "without": "check"}]
    asked = {"to": f"+84{PHONE[1:]}", "channels": plan, "text": "{OTP} is your code"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/verifications",
        json.dumps(asked).encode(),
        {"Authorization": f"Basic {login}"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 201


def books(data: Path) -> list[dict[str, Any]]:
    """Every message's story, by the command line; `doctor` fails unless ledgers and balances agree."""
    onema(data, "doctor")
    return [
        onema(data, "message", "show", message["id"]) for message in onema(data, "message", "list", "demo")
    ]


def onema(data: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "onema.cli", "--data", str(data), "--json", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def crash_at(data: Path, point: str) -> RunningServer:
    server = RunningServer(data, "--crash-at", point, module=MODULE)
    server.start()
    return server


def _all_delivered(stories: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return stories if all(story["state"] == "delivered" for story in stories) else None


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def restarted(data: Path) -> Iterator[RunningServer]:
    """The server that takes over after the crash; started by the test."""
    server = RunningServer(data, "--crash-at", "never", module=MODULE)
    yield server
    server.kill()


def test_every_point_is_on_the_page() -> None:
    """The page of the delivery path names every point that these tests know, and no other."""
    page = (Path(__file__).parents[2] / "docs" / "delivery-path.md").read_text()
    assert {point for point in POINTS if f"`{point}`" in page} == set(POINTS)


def test_before_the_commit_nothing_exists(data: Path, restarted: RunningServer) -> None:
    """The client saw no answer; there is no message and no money moved."""
    server = crash_at(data, "before-send-commit")
    with pytest.raises((OSError, http.client.HTTPException)):
        Client(server).send()
    assert server.wait_for_death() == -9
    restarted.start()
    assert books(data) == []
    assert Client(restarted).send()["CodeResult"] == "100"


@pytest.mark.parametrize(
    "point",
    ["after-send-commit", "before-start-commit", "before-carrier", "after-carrier", "after-outcome-commit"],
)
def test_an_accepted_code_arrives_once_whatever_happens(
    data: Path, restarted: RunningServer, point: str
) -> None:
    """After the restart the code is delivered, charged once, and works."""
    server = crash_at(data, point)
    try:
        Client(server).send()
    except (OSError, http.client.HTTPException):
        assert point in ("after-send-commit", "before-start-commit", "before-carrier", "after-carrier")
    assert server.wait_for_death() == -9
    restarted.start()
    client = Client(restarted)
    received = eventually(client.received)
    story = eventually(lambda: next((s for s in books(data) if s["state"] == "delivered"), None))
    assert len(client.received()) == 1
    assert [entry["kind"] for entry in story["money"]] == ["hold", "capture"]
    assert [attempt["number"] for attempt in story["attempts"]] == [1]
    assert client.check(received[0]["text"][:6])["CodeResult"] == "100"


def test_a_receipt_that_was_not_stored_leaves_the_message_to_settle(
    data: Path, restarted: RunningServer
) -> None:
    """One attempt, whose end is unknown, or known again where its outcome was lost with the receipt."""
    server = crash_at(data, "before-receipt-commit")
    with contextlib.suppress(OSError, http.client.HTTPException):
        Client(server).send(UNDELIVERED_PHONE)
    assert server.wait_for_death() == -9
    restarted.start()
    story = eventually(lambda: next(iter(books(data)), None))
    assert story["state"] in ("sent", "undelivered")
    assert len(story["attempts"]) == 1


@pytest.mark.parametrize("point", ["before-next-channel-commit", "after-next-channel-commit"])
def test_a_plan_goes_on_once_whatever_happens(data: Path, restarted: RunningServer, point: str) -> None:
    """Two messages with one code, each paid for once, and nothing is left of the plan."""
    server = crash_at(data, point)
    begin_a_plan(server)
    assert server.wait_for_death() == -9
    restarted.start()
    client = Client(restarted)
    received = eventually(lambda: found if len(found := client.received()) > 1 else None)
    stories = eventually(lambda: _all_delivered(books(data)))
    assert len({one["text"] for one in received}) == 1
    assert [[entry["kind"] for entry in story["money"]] for story in stories] == [["hold", "capture"]] * 2
    assert client.check(received[0]["text"][:6])["CodeResult"] == "100"
    assert len(client.received()) == 2


@pytest.mark.parametrize("point", ["before-check-commit", "after-check-commit"])
def test_a_check_counts_when_it_was_committed(data: Path, restarted: RunningServer, point: str) -> None:
    """Before the commit the code still works once; after it, it was used."""
    server = crash_at(data, point)
    client = Client(server)
    client.send()
    code = eventually(client.received)[0]["text"][:6]
    with pytest.raises((OSError, http.client.HTTPException)):
        client.check(code)
    assert server.wait_for_death() == -9
    restarted.start()
    answers = [Client(restarted).check(code)["CodeResult"] for _ in range(2)]
    assert answers == (["100", "117"] if point == "before-check-commit" else ["117", "117"])
