"""`onema simulate smsc` as its users start it."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onema.testing.running_server import DEADLINE_SECONDS, RunningServer, eventually
from tests.integration.esme import Esme

TEXT = "Mã xác thực của bạn là 482913. Không đưa mã này cho bất kỳ ai, kể cả nhân viên của chúng tôi."


@contextmanager
def simulator(*arguments: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Its port, and the process."""
    command = [sys.executable, "-m", "onema.cli", "simulate", "smsc", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"listens on 127\.0\.0\.1:(\d+)", said)
            assert found, said + process.stderr.read()
            yield int(found[1]), process
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def submit(port: int, phone: str, text: str, password: str = "") -> int:
    """What a bind and a message are answered with."""

    async def send() -> int:
        async with Esme(port) as esme:
            if status := await esme.bind(password=password):
                return status
            frames = await esme.submit(phone, text, "Acme")
            return frames[-1].status if frames[-1] else -1

    return asyncio.run(send())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("simulate") / "data", "demo") as server:
        yield server


def test_a_message_is_shown_on_the_page_of_the_server_with_its_sender_and_all_parts(
    server: RunningServer,
) -> None:
    """And printed. The server may be started again meanwhile."""
    with simulator("--data", str(server.data)) as (port, process):
        assert submit(port, "+84901888401", TEXT) == 0
        (shown,) = eventually(lambda: server.json("/handset/messages", to="+84901888401"))
        assert (shown["from"], shown["text"], shown["code"]) == ("Acme", TEXT, "482913")
        assert process.stdout is not None
        assert process.stdout.readline() == f"Acme -> +84901888401  {TEXT}\n"
        server.stop()
        server.start()
        assert submit(port, "+84901888402", TEXT) == 0
        assert eventually(lambda: server.json("/handset/messages", to="+84901888402"))


def test_it_runs_without_a_server_and_prints_json(tmp_path: Path) -> None:
    """One object a line; and it makes no data folder."""
    with simulator("--json", "--data", str(tmp_path / "none")) as (port, process):
        assert submit(port, "+84901888484", TEXT) == 0
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        assert told == {"system_id": "acme", "from": "Acme", "to": "+84901888484", "text": TEXT}
    assert not (tmp_path / "none").exists()


def test_a_script_and_options_say_what_it_does(tmp_path: Path) -> None:
    """Options are put over the script."""
    script = tmp_path / "script.toml"
    script.write_text('password = "secret"\n[[rules]]\nto = "8490*"\nthen = {answer = "0x412"}\n')
    with simulator("--script", str(script), "--setting", "password=other") as (port, _):
        assert submit(port, "+84901888484", TEXT, "secret") == 0x0E
        assert submit(port, "+84901888484", TEXT, "other") == 0x412
        assert submit(port, "+84912888484", TEXT, "other") == 0


def test_what_it_cannot_do_is_said_at_once(tmp_path: Path) -> None:
    """Every problem with its place; the certificate, too."""
    program = [sys.executable, "-m", "onema.cli", "simulate", "smsc"]
    script = tmp_path / "script.toml"
    script.write_text('answer = "ESME_RFOO"\n')
    for arguments, said in (
        (("--script", str(script)), "script.toml: answer: 'ESME_RFOO' is neither a status"),
        (("--setting", "receipt_copies=99"), "--setting: receipt_copies: it is at most 10"),
        (("--tls-certificate", str(script)), "script.toml"),
        (("--tls-key", str(script)), "it belongs to a --tls-certificate"),
    ):
        done = subprocess.run(
            [*program, *arguments], capture_output=True, text=True, timeout=DEADLINE_SECONDS
        )
        assert done.returncode in (1, 2)
        assert said in done.stderr, done.stderr
