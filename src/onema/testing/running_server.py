"""A real server in a process of its own, for end-to-end tests."""

import asyncio
import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

DEADLINE_SECONDS = 60.0

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
    """What `condition` returns once that is true. For what happens in another process, which has no event here."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not happen in {seconds} s")


async def comes_true(condition: Callable[[], Awaitable[bool]], seconds: float = DEADLINE_SECONDS) -> None:
    """Like `eventually`, for what must be awaited."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # another process's progress has no event here
            await asyncio.sleep(0.1)


def free_port() -> int:
    """A port that nothing has, of TCP and of UDP, for whoever listens on it in a moment.

    It lies below those that a kernel gives to sockets by itself (Linux: 32768 to 60999): between the asking and the
    listening no connection of another test can come to have it.
    """
    for port in iter(lambda: 10_000 + secrets.randbelow(22_000), None):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class RunningServer:
    """Starts `module` with --data and --port and waits until /health/ready answers 200."""

    def __init__(
        self,
        data: Path,
        *arguments: str,
        module: str = "onema.cli",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.command = [sys.executable, "-m", module, *arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.log = data.parent / f"{data.name}.log"
        self.output = data.parent / f"{data.name}.out"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [*self.command, "--data", str(self.data), "--port", str(self.port)]
        with self.log.open("ab") as log, self.output.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                command, stdout=output, stderr=log, env=self.environment
            )
        eventually(self._is_ready)

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.log.read_text()[-2000:]}")
        try:
            return self.get("/health/ready")[0] == 200
        except OSError:  # the port is not open yet
            return False

    def stop(self) -> int:
        """Ask it to stop, as a service manager does; its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(DEADLINE_SECONDS)

    def wait_for_death(self) -> int:
        """Wait until it ends by itself; its exit status (negative: the signal)."""
        if self.process is None:
            raise AssertionError("the server was not started")
        return self.process.wait(DEADLINE_SECONDS)

    def get(self, path: str, **query: str) -> tuple[int, bytes]:
        """(status, body). Raises OSError, http.client.HTTPException when the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", f"{path}?{urlencode(query)}" if query else path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def json(self, path: str, **query: str) -> Any:
        return json.loads(self.get(path, **query)[1])

    def onema(self, *arguments: str, stdin: str = "") -> Any:
        """What the command line answers, as JSON. Raises AssertionError when it refuses."""
        return json.loads(self.text("--json", *arguments, stdin=stdin))

    def text(self, *arguments: str, stdin: str = "") -> str:
        """What it answers to people. Raises AssertionError when it refuses."""
        command = [sys.executable, "-m", "onema.cli", "--data", str(self.data), *arguments]
        result = subprocess.run(  # noqa: S603  # our own interpreter and module
            command, input=stdin.encode(), capture_output=True, env=self.environment, check=False
        )
        if result.returncode != 0:
            raise AssertionError(f"onema {' '.join(arguments)}: {result.stdout!r} {result.stderr!r}")
        return result.stdout.decode()

    def credentials(self, dialect: str) -> dict[str, str]:
        """The demo's credentials of one dialect."""
        found: dict[str, str] = json.loads((self.data / "demo.json").read_text())[dialect]
        return found
