"""Kamailio (Debian) as the proxy between a trunk and its far end."""

import asyncio
import os
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from onema.testing.running_server import free_port
from tests.integration.test_server import self_signed
from tests.peers.running import PROGRAMS
from tests.peers.voice.sipp import is_bound
from tests.sip import DEADLINE_SECONDS

PASSWORD = "secret"
_CONFIGURATION = PROGRAMS / "kamailio.cfg"
(_MODULES,) = Path("/usr/lib").glob("*/kamailio/modules")
_PATH = os.environ["PATH"] + ":/usr/sbin"


class Proxy(NamedTuple):
    """Its ports, and the certificate that it shows."""

    udp_port: int
    tls_port: int
    certificate: str


@asynccontextmanager
async def kamailio(far_port: int, folder: Path, algorithm: str = "MD5") -> AsyncIterator[Proxy]:
    """Asks for PASSWORD in the realm `far`, and sends calls on to the far end over UDP."""
    files = self_signed(folder)
    ports = {"udp_port": free_port(), "tls_port": free_port(), "far_port": far_port}
    file = folder / "kamailio.cfg"
    file.write_text(
        string.Template(_CONFIGURATION.read_text()).substitute(
            ports, modules=_MODULES, certificate=files.certificate, key=files.key, algorithm=algorithm
        )
    )
    # -DD: in the foreground, with its processes; -Y: where it puts its sockets.
    command = ["kamailio", "-DD", "-E", "-f", str(file), "-Y", str(folder), "-m", "32", "-M", "4"]
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env={**os.environ, "PATH": _PATH}, cwd=folder
        )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not is_bound(ports["udp_port"]) or not await _takes(ports["tls_port"]):
                assert process.returncode is None, (folder / "output").read_text()
                await asyncio.sleep(0.05)
        yield Proxy(ports["udp_port"], ports["tls_port"], files.certificate)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _takes(port: int) -> bool:
    """Whether it takes TCP connections: its processes begin to, one by one."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
