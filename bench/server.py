"""A server process of its own for a measurement, and what the kernel says about it."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from onema.testing.postgres_server import cpu_seconds

START_SECONDS = 60.0


class ServerFailed(Exception):
    """The measured server did not start, or died."""


class ServerProcess:
    """A running `onema demo` with a data folder of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", data: Path, port: int) -> None:
        self._process = process
        self.data = data
        self.port = port

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        return cpu_seconds(self._process.pid)

    def database_cpu_seconds(self) -> float:
        return 0.0

    def resident_mb(self) -> float:
        """Resident memory in megabytes (10**6 bytes)."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise ServerFailed("the server has no memory: it is gone")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.asynccontextmanager
async def running_server(
    data: Path, settings: Mapping[str, str] | None = None, python: str | Path = sys.executable
) -> AsyncIterator[ServerProcess]:
    """Start the demo server of the onema that `python` has, on `data` with `settings` (variables such as
    ONEMA_DELIVERY_PAUSED).
    """
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEMA_")}
    process = subprocess.Popen(  # noqa: ASYNC220  # starting takes a moment, and nothing else runs yet
        [str(python), "-m", "onema.cli", "demo", "--data", str(data), "--port", str(port)],
        env={**environment, **(settings or {})},
        stdout=subprocess.DEVNULL,
    )
    server = ServerProcess(process, data, port)
    try:
        await _until_ready(process, port)
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder for data that goes when the measurement ends; on the disk, because commits must be durable."""
    folder = Path(tempfile.mkdtemp(prefix="onema-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _is_ready(port):
                if process.poll() is not None:
                    raise ServerFailed(f"the server ended with exit code {process.returncode}")
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise ServerFailed(f"the server was not ready within {START_SECONDS:.0f} s") from error


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


async def until_open(port: int) -> None:
    """Wait until somebody listens on a port. Raises ServerFailed."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise ServerFailed(f"nobody listens on port {port} after {START_SECONDS:.0f} s") from error


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
