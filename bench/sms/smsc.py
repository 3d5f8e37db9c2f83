"""The SMSC that both systems send to: node-smpp in a process of its own (smsc.js)."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.server import ServerFailed

_SCRIPT = Path(__file__).with_name("smsc.js")
_MODULES = Path(__file__).parents[2] / ".tools" / "npm" / "node_modules"
"""Where `./dev` installs what tests and this need of npm."""


class Smsc:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def figures(self, line: str = "") -> dict[str, Any]:
        """What smsc.js says to this line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n".encode())
        answer = await self._process.stdout.readline()
        if not answer:
            raise ServerFailed("the SMSC is gone")
        figures: dict[str, Any] = json.loads(answer)
        return figures


@contextlib.asynccontextmanager
async def running_smsc() -> AsyncIterator[Smsc]:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(_SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(_MODULES)},
        limit=1 << 26,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Smsc(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()
