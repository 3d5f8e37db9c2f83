"""`onema doctor --call`: the real program calls over a trunk and says whether what was heard is what was sent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.testing.running_server import RunningServer, eventually, free_port
from tests.e2e.acme import CONFIGURATION
from tests.e2e.test_simulate_callee import simulator

PORT = free_port()
"""Where the trunk leads."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With a trunk to an address where nobody listens yet, and that is not asked whether it is there."""
    with RunningServer(tmp_path_factory.mktemp("trial") / "data", "serve") as server:
        server.onema("apply", "-", stdin=CONFIGURATION.partition("[[carriers]]")[0])
        trunk = [f"domain=127.0.0.1:{PORT}", "options_seconds=0", f"probe_listen=127.0.0.1:{PORT}"]
        options = [part for setting in (*trunk, "answer_seconds=1") for part in ("--setting", setting)]
        server.onema("carrier", "add", "sip", "trunk", "--capacity", "10", *options)
        eventually(lambda: any(one["ready"] for one in server.onema("carrier", "status")))
        yield server


def doctor(server: RunningServer, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Its exit code and its findings by what they are about."""
    command = [sys.executable, "-m", "onema.cli", "--data", str(server.data), "--json", "doctor", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=server.environment)
    said = json.loads(result.stdout) if result.stdout else []
    findings = {one["what"]: one for one in said} if isinstance(said, list) else {}
    return result.returncode, findings, result.stdout + result.stderr


def test_what_was_heard_is_what_was_sent(server: RunningServer) -> None:
    """The call ends at a phone of our own, which the command line has for so long."""
    code, found, said = doctor(server, "--call", "trunk", "--to", "0901888484")
    assert code == 0, (found, said)
    assert {name: one["level"] for name, one in found.items()} == dict.fromkeys(
        ("call", "times", "heard", "audio"), "ok"
    )
    assert ", as it was sent (vi-north, likeness " in found["heard"]["detail"]
    assert found["audio"]["detail"].startswith("PCMU, 0 of ")
    assert "talked" in found["times"]["detail"]


def test_a_call_that_comes_nowhere_fails(server: RunningServer) -> None:
    """The number leads to another place than where we listen."""
    other = free_port()
    arguments = ("--to", "0901888484", "--listen", f"127.0.0.1:{other}", "--seconds", "5")
    code, found, said = doctor(server, "--call", "trunk", *arguments)
    assert code == 1
    assert {"call", "heard"} <= set(found), said
    assert (found["call"]["level"], found["heard"]["level"]) == ("fail", "fail")
    assert found["heard"]["detail"] == f"no call came to 127.0.0.1:{other}"


def test_a_phone_elsewhere_may_say_what_it_heard(server: RunningServer, tmp_path: Path) -> None:
    """`onema simulate callee`: the command says what to compare with."""
    server.onema("carrier", "add", "sip", "other", "--capacity", "10", "--setting", "domain=127.0.0.1:1")
    with simulator("--json", "--data", str(tmp_path / "none")) as (port, process):
        server.onema("carrier", "set", "other", "--setting", f"domain=127.0.0.1:{port}")
        eventually(
            lambda: any(one["ready"] for one in server.onema("carrier", "status") if one["name"] == "other")
        )
        code, found, said = doctor(server, "--call", "other", "--to", "0901888484", "--voice", "en")
        assert code == 0, (found, said)
        assert found["heard"]["level"] == "warn"
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert found["heard"]["detail"].startswith(f"{told['code']} was read out")
        assert told["voice"] == "en"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--call", "nobody"), "There is no carrier 'nobody'."),
        (("--call", "trunk"), "Name the number to call"),
        (("--call", "trunk", "--to", "0901888484", "--listen", "x"), "is no HOST:PORT"),
        (("--to", "0901888484"), "belong to --call"),
    ],
)
def test_what_cannot_be_tried_is_said(server: RunningServer, arguments: tuple[str, ...], why: str) -> None:
    """Before anything is called."""
    code, _, said = doctor(server, *arguments)
    assert code == 1
    assert why in said


@pytest.mark.full
def test_a_server_probes_its_trunk_by_itself(server: RunningServer) -> None:
    """Each minute, at its beginning, and tells what it heard by its metrics."""
    settings = ["probe_minutes=1", "probe_number=+84901888484", f"probe_listen=127.0.0.1:{PORT}"]
    server.onema("carrier", "set", "trunk", *(p for one in settings for p in ("--setting", one)))

    def success() -> list[str]:
        lines = server.get("/metrics")[1].decode().splitlines()
        return [line for line in lines if line.startswith('onema_voice_probe_success{carrier="trunk"}')]

    (line,) = eventually(success, 100.0)
    assert line.endswith(" 1.0")
