"""Kannel, as a client of an SMSC: it takes texts over HTTP and reports over HTTP."""

import asyncio
import contextlib
import os
import string
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path

from onema.testing.running_server import DEADLINE_SECONDS, free_port
from tests.peers.running import PROGRAMS

_CONFIGURATION = PROGRAMS / "kannel.conf"
_PATH = os.environ["PATH"] + ":/usr/sbin"
_RETRY_SECONDS = 0.05


@contextlib.asynccontextmanager
async def kannel(smsc_port: int, folder: Path, more: str = "") -> AsyncIterator[int]:
    """The port on which smsbox takes sendsms requests. `more` is a line of the SMSC's configuration."""
    ports = {name: free_port() for name in ("admin_port", "smsbox_port", "http_port")}
    file = folder / "kannel.conf"
    text = string.Template(_CONFIGURATION.read_text())
    file.write_text(text.substitute(ports, smsc_port=smsc_port, folder=folder, more=more))
    boxes = []
    try:
        for box, port in (("bearerbox", "smsbox_port"), ("smsbox", "http_port")):
            with (folder / f"{box}.out").open("wb") as output:
                process = await asyncio.create_subprocess_exec(
                    box, str(file), stdout=output, stderr=output, env={**os.environ, "PATH": _PATH}
                )
            boxes.append(process)
            await _listens(ports[port], process)
        yield ports["http_port"]
    finally:
        for process in reversed(boxes):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def sendsms(port: int, phone: str, text: str, dlr_url: str, sender: str = "Acme") -> bytes:
    """Kannel's answer; it asks `dlr_url` for every receipt."""
    query = urllib.parse.urlencode(
        {
            "username": "tests",
            "password": "tests",
            "from": sender,
            "to": phone,
            "text": text,
            "charset": "UTF-8",
            "coding": "0" if text.isascii() else "2",
            "dlr-mask": "31",
            "dlr-url": dlr_url,
        }
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /cgi-bin/sendsms?{query} HTTP/1.0\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE_SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


class DlrUrl:
    """Takes what Kannel reports: `asked` are the paths, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> "DlrUrl":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def receives(self, path: str) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while path not in self.asked:
                self._news.clear()
                await self._news.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split()[1].decode())
        self._news.set()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)  # another process's progress has no event here
            else:
                writer.close()
                return
    raise AssertionError(f"it ended with {process.returncode}")
