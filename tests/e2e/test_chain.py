"""Two servers in a chain: a code leaves the first over eSMS's API and arrives on the second one's phone."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.testing.running_server import DEADLINE_SECONDS, RunningServer, eventually

ROOT = Path(__file__).parents[2]
SERVICE = "/MainService.svc/json"
SECTION = "### Codes that leave over HTTP"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, RunningServer]]:
    """The first one, whose carrier is the second one, made by the lines of the README."""
    folder = tmp_path_factory.mktemp("chain")
    with (
        RunningServer(folder / "demo-data", "demo") as first,
        RunningServer(folder / "second-data", "demo") as second,
    ):
        section = (ROOT / "README.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
        starting, lines = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
        assert starting == "./dev run --data second-data --port 8401\n"
        lines = lines.replace(":8400", f":{first.port}").replace(":8401", f":{second.port}")
        lines = lines.replace("./dev onema", "onema")
        done = subprocess.run(
            ["bash", "-e", "-c", lines],
            cwd=folder,
            env={**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        yield first, second


def gencode(server: RunningServer, phone: str) -> str:
    keys = server.credentials("esms")
    names = ("ApiKey", "SecretKey", "Brandname", "message")
    query = {"Phone": phone, "Type": "2", "IsNumber": "1", **{name: keys[name] for name in names}}
    answer = server.json(f"{SERVICE}/SendMessageAutoGenCode_V4_get", **query)
    assert answer["CodeResult"] == "100", answer
    return str(answer["SMSID"])


def story(server: RunningServer, message: str, state: str) -> dict[str, Any]:
    """The message's, once its attempt is in this state."""

    def found() -> dict[str, Any] | None:
        told: dict[str, Any] = server.onema("message", "show", message)
        return told if any(one["state"] == state for one in told["attempts"]) else None

    return eventually(found)


def test_a_code_leaves_over_http_and_its_receipt_comes_back(
    chain: tuple[RunningServer, RunningServer],
) -> None:
    """As the README says: shown by the second one, checked by the first one, delivered in its story."""
    first, second = chain
    message = gencode(first, "0901888484")
    (shown,) = eventually(lambda: second.json("/handset/messages", to="0901888484"))
    assert first.json("/handset/messages", to="0901888484") == []
    keys = first.credentials("esms")
    query = {
        "Phone": "0901888484",
        "Code": shown["code"],
        "ApiKey": keys["ApiKey"],
        "SecretKey": keys["SecretKey"],
    }
    assert first.json(f"{SERVICE}/CheckCodeGen_V4_get", **query)["CodeResult"] == "100"
    (attempt,) = story(first, message, "delivered")["attempts"]
    assert attempt["carrier"] == "second"


def test_a_message_that_does_not_arrive_is_known_on_both(chain: tuple[RunningServer, RunningServer]) -> None:
    """The handset's number for it: the callback says that it failed."""
    first, _ = chain
    (attempt,) = story(first, gencode(first, "0990000002"), "undelivered")["attempts"]
    assert attempt["carrier"] == "second"
