"""Starts independent peers, and hears what they say of what came."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from onema.testing.running_server import DEADLINE_SECONDS, free_port

PROGRAMS = Path(__file__).parent / "programs"
_NODE_MODULES = Path(__file__).parents[2] / ".tools" / "npm" / "node_modules"
"""Where `./dev` puts npm's smpp."""


def _node(port: int, folder: Path, *more: str) -> list[str]:
    return ["node", str(PROGRAMS / "node_smpp.js"), str(port), *more]


def _perl(port: int, folder: Path) -> list[str]:
    return ["perl", str(PROGRAMS / "net_smpp.pl"), str(port)]


def _rust(port: int, folder: Path) -> list[str]:
    return [sys.executable, str(PROGRAMS / "smpp34_server.py"), str(port)]


def _c(port: int, folder: Path) -> list[str]:
    program = folder / "libsmpp34_smsc"
    source = PROGRAMS / "libsmpp34_smsc.c"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", program, source, "-lsmpp34"], check=True)
    return [str(program), str(port)]


PEERS: dict[str, Callable[..., list[str]]] = {
    "node-smpp": _node,
    "Net::SMPP": _perl,
    "smpp34": _rust,
    "libsmpp34": _c,
}
"""By name, what starts each of SMPP's; README.md has what they do."""


class Program:
    """A peer in a process of its own, which tells what happens, a JSON object a line. `said` is everything that it has
    told.
    """

    def __init__(self, name: str, command: list[str], port: int, folder: Path) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._complaints = folder / "complaints"
        self._news = asyncio.Event()
        self.said: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        with self._complaints.open("wb") as complaints:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "NODE_PATH": str(_NODE_MODULES)},
            )
        self._reading = asyncio.create_task(self._read())
        listening = asyncio.ensure_future(self.tells("listening"))
        await asyncio.wait((listening, self._reading), return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            raise AssertionError(f"{self.name} did not start: {self._complaints.read_text()}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def tells(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """All that it has told of these events, once that is so many."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(found := self.told(event)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    def told(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.said if one["event"] == event]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            # Some libraries write lines of their own there.
            if line.startswith(b"{"):
                self.said.append(json.loads(line))
                self._news.set()


class Peer(Program):
    """One of SMPP's."""

    def __init__(self, name: str, folder: Path, *more: str) -> None:
        port = free_port()
        super().__init__(name, PEERS[name](port, folder, *more), port, folder)
