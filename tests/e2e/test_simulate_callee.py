"""`onema simulate callee` as its users start it."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onema.protocols.sip import call_events as c
from onema.speech.message import speak
from onema.speech.voices import Voices
from onema.testing.running_server import DEADLINE_SECONDS
from tests.integration.sip_caller import Caller

PHONE = "+84901888484"


@contextmanager
def simulator(*arguments: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Its port, and the process."""
    command = [sys.executable, "-m", "onema.cli", "simulate", "callee", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"listen on 127\.0\.0\.1:(\d+)", said)
            assert found, said + process.stderr.read()
            yield int(found[1]), process
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def call(port: int, code: str) -> None:
    async def place() -> None:
        async with Caller(PHONE, port, caller="+842473000000") as caller:
            await caller.until(c.Answered)
            await caller.say(list(speak(Voices.load()["vi-north"], code).frames()), pace=0.02)
            caller.hang_up()
            await caller.until(c.Ended)

    asyncio.run(place())


def test_calls_are_told_in_words_and_as_json(tmp_path: Path) -> None:
    """Who called whom and what was heard; and it makes no data folder."""
    nowhere = tmp_path / "none"
    with simulator("--setting", "ring_seconds=0", "--data", str(nowhere)) as (port, process):
        call(port, "482913")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"+842473000000 -> {PHONE}  rang 0.0 s  talked ")
        assert "heard 482913 (vi-north)  PCMU, 0 of " in line
    with simulator("--json", "--data", str(nowhere)) as (port, process):
        call(port, "07")
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        assert (told["from"], told["to"], told["code"]) == ("+842473000000", PHONE, "07")
        assert (told["status"], told["ended_by"], told["lost"], told["codec"]) == (200, "them", 0, "PCMU")
    assert not nowhere.exists()


def test_a_script_that_makes_no_sense_is_refused_with_its_place() -> None:
    """And all settings can be listed."""
    command = [sys.executable, "-m", "onema.cli", "simulate", "callee"]
    refused = subprocess.run([*command, "--setting", "rings=100"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "rings" in refused.stderr
    listed = subprocess.run([*command, "--settings"], capture_output=True, text=True)
    assert "ring_seconds" in listed.stdout
