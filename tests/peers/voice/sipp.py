"""sipp (Debian's sip-tester) as the far end of a trunk, in a process of its own."""

import asyncio
from pathlib import Path
from typing import Self

from onema.testing.running_server import free_port
from tests.sip import DEADLINE_SECONDS


class Sipp:
    """Plays a scenario for so many calls, then ends; `succeeds` says whether each step of all went as it is written."""

    def __init__(
        self, scenario: str, folder: Path, *more: str, calls: int = 1, host: str = "127.0.0.1"
    ) -> None:
        self.port = free_port()
        self._folder = folder
        file = folder / "scenario.xml"
        file.write_text(scenario)
        self._command = [
            "sipp", "-sf", str(file), "-i", host, "-mi", host, "-p", str(self.port), "-m", str(calls), "-nostdin",
            "-trace_err", "-error_file", str(folder / "errors"), *more,
        ]  # fmt: skip

    async def __aenter__(self) -> Self:
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not is_bound(self.port):
                assert self._process.returncode is None, self.complaints
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def succeeds(self, seconds: float = DEADLINE_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            status = await self._process.wait()
        assert status == 0, self.complaints

    @property
    def complaints(self) -> str:
        errors = self._folder / "errors"
        return errors.read_text() if errors.exists() else (self._folder / "output").read_text()[-2000:]


def is_bound(port: int) -> bool:
    """Whether a socket of the machine has the port, without sending it anything (Linux)."""
    tables = (Path(f"/proc/net/{table}").read_text() for table in ("udp", "udp6", "tcp", "tcp6"))
    return any(f":{port:04X} 0" in table for table in tables)
