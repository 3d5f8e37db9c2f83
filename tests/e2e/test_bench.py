"""`onema bench` against a real demo server."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from onema.testing.running_server import RunningServer, eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("bench") / "data", "demo") as server:
        yield server


def command(server: RunningServer, dialect: str, *arguments: str) -> list[str]:
    url = f"http://127.0.0.1:{server.port}"
    return [
        *(sys.executable, "-m", "onema.cli", "--data", str(server.data)),
        *("bench", dialect, "--url", url, "--rate", "200", "--seconds", "0.5", "--connections", "8"),
        *arguments,
    ]


@pytest.mark.parametrize(
    ("dialect", "accepted"),
    [("native", "accepted"), ("esms", "100"), ("vbee", "success"), ("ytx", "0")],
)
def test_all_that_was_due_is_sent_and_accepted(
    server: RunningServer, tmp_path: Path, dialect: str, accepted: str
) -> None:
    """Through each API: exactly rate x seconds codes, which the phones then show."""
    before = len(server.json("/handset/messages", limit="1000"))
    plot = tmp_path / "plot.svg"
    done = subprocess.run(
        command(server, dialect, "--json", "--plot", str(plot)), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["answers"] == {accepted: 100}
    assert (report["requests"], report["lost"], report["unanswered"]) == (100, 0, 0)
    latencies = list(report["latency_ms"].values())
    assert list(report["latency_ms"]) == ["p50", "p90", "p99", "p99.9", "max"]
    assert latencies == sorted(latencies)
    assert latencies[0] > 0
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    eventually(lambda: len(server.json("/handset/messages", limit="1000")) == before + 100)


def test_refused_codes_are_counted_by_the_vendors_code(server: RunningServer, tmp_path: Path) -> None:
    """A wrong key: every answer is 101, and the exit code says that the run was no success."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"esms": {**server.credentials("esms"), "ApiKey": "unknown"}}))
    done = subprocess.run(command(server, "esms", "--credentials", str(keys)), capture_output=True, text=True)
    assert done.returncode == 1
    assert [line.split() for line in done.stdout.splitlines() if "refused" in line] == [
        ["101", "100", "refused"]
    ]
    assert server.credentials("esms")["SecretKey"] not in done.stdout + done.stderr


def test_a_bar_is_drawn_on_a_terminal_only(server: RunningServer) -> None:
    """On stderr, so that stdout stays one JSON document."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            command(server, "esms", "--json"), stdout=subprocess.PIPE, stderr=theirs, check=True
        )
        assert json.loads(done.stdout)["answers"] == {"100": 100}
        assert b"answered" in os.read(ours, 65_536)
    finally:
        os.close(ours)
        os.close(theirs)
