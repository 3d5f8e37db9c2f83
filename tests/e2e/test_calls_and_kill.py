"""kill -9 while a person listens: the phone rings no more, and what was talked is paid for."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import jwt
import pytest

from onema.testing.running_server import RunningServer, eventually

CODE = "482913"
PHONE = "0901888484"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


def post(server: RunningServer, path: str, body: str = "", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(
            "POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask_for_a_call(server: RunningServer) -> str:
    """The contact_id that the client is told."""
    keys = server.credentials("vbee")
    token = jwt.encode({"apiKey": keys["apiKey"], "otpCode": CODE}, keys["apiSecret"], algorithm="HS256")
    _, body = post(
        server,
        "/api/v1/public-api/voice-otp",
        json.dumps({"phone_number": PHONE, "voice": "hn_female_ngochuyen_full_48k-fhg", "rate": 1.0}),
        authorization=f"Bearer {token}",
        content_type="application/json",
    )
    contact: str = json.loads(body)["result"]["contact_id"]
    return contact


def the_call(server: RunningServer, state: str, keys: str = "") -> dict[str, Any] | None:
    for call in server.onema("call", "list", "demo"):
        if (call["state"], call["keys"]) == (state, keys):
            found: dict[str, Any] = call
            return found
    return None


def make_jobs_due(data: Path) -> None:
    """As if their leases had run out."""
    store = apsw.Connection(str(data / "onema.db"))
    store.execute("UPDATE jobs SET due_at = 0")
    store.close()


def start_again(server: RunningServer, state: str) -> dict[str, Any]:
    """Once every lease has run out; what its message is then."""
    make_jobs_due(server.data)
    server.start()

    def reached() -> dict[str, Any] | None:
        (message,) = server.onema("message", "list", "demo")
        found: dict[str, Any] = message
        return found if found["state"] == state else None

    return eventually(reached)


@pytest.mark.full
def test_an_answered_call_outlives_a_kill_in_the_books_alone(server: RunningServer) -> None:
    """It is cut off and paid for as far as it was certainly talked, nobody is called twice, and no code is shown."""
    watcher = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    watcher.request("GET", "/handset/events")
    assert watcher.getresponse().status == 200
    contact = ask_for_a_call(server)
    ringing = eventually(lambda: the_call(server, "ringing"))
    message = ringing["message"]
    assert post(server, f"/handset/calls/{message}/answer")[0] == 204
    assert post(server, f"/handset/calls/{message}/key?digit=1")[0] == 204
    eventually(lambda: the_call(server, "answered", "1"))
    server.kill()
    watcher.close()

    start_again(server, "unknown")
    ended = the_call(server, "ended", "1")
    assert ended is not None
    assert (ended["ending"], ended["attempt"]) == ("cut off", 1)
    assert ended["talk_seconds"] > 0
    server.kill()
    last = start_again(server, "unconfirmed")
    assert (last["ending"], last["held"]) == ("cut off", "0")
    assert last["charged"] != "0"
    story = server.onema("message", "show", message)
    assert [attempt["number"] for attempt in story["attempts"]] == [1]
    server.onema("doctor")
    shown = [
        subprocess.run(
            [sys.executable, "-m", "onema.cli", "--data", str(server.data), "call", *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for arguments in (["show", contact], ["show", PHONE, "--json"], ["list"])
    ]
    assert "answered" in shown[0]
    assert not [text for text in [*shown, json.dumps(story)] if CODE in text]
