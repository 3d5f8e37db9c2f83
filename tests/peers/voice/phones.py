"""Phones that others wrote, each in a process of its own: they answer every call and record what they hear."""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from onema.testing.running_server import free_port
from tests.peers.running import PROGRAMS, Program
from tests.peers.voice.sipp import is_bound
from tests.sip import DEADLINE_SECONDS


class Phone:
    """Where it listens, where its recording is once the call has ended, and which keys it presses."""

    def __init__(self, port: int, recording: Path, host: str = "127.0.0.1", presses: str = "") -> None:
        self.host, self.port = host, port
        self.recording = recording
        self.presses = presses


@contextlib.asynccontextmanager
async def _library(program: str, folder: Path, host: str = "127.0.0.1", *more: str) -> AsyncIterator[Phone]:
    """Its process ends only after the call did, since a recording is whole then."""
    port, recording = free_port(), folder / "heard.wav"
    command = [sys.executable, str(PROGRAMS / program), str(port), str(recording), *more]
    async with Program(program, command, port, folder) as running:
        yield Phone(port, recording, host, presses="55#")
        await running.tells("ended")


@contextlib.asynccontextmanager
async def baresip(folder: Path) -> AsyncIterator[Phone]:
    """PyPI's baresip-python: it answers `200 Answering` and moves the audio by a re-INVITE 80 ms after the ACK."""
    async with _library("baresip_phone.py", folder, _own_address()) as phone:
        yield phone


@contextlib.asynccontextmanager
async def pjsua2(folder: Path) -> AsyncIterator[Phone]:
    """PyPI's pjsua2-python: its Contact has `;ob`, and it stops its RTP in silence."""
    async with _library("pjsua2_phone.py", folder) as phone:
        yield phone


@contextlib.asynccontextmanager
async def pjsua2_with_srtp(folder: Path) -> AsyncIterator[Phone]:
    """The same, which takes no call without SRTP (SDES)."""
    async with _library("pjsua2_phone.py", folder, "127.0.0.1", "srtp") as phone:
        yield phone


def _own_address() -> str:
    """An address of this machine: baresip listens at none of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # one without an IPv4 address
                asked = fcntl.ioctl(looking, _SIOCGIFADDR, struct.pack("256s", name.encode()))
                address = socket.inet_ntoa(asked[20:24])
                if not address.startswith("127."):
                    return address
    raise AssertionError("baresip needs an IPv4 address besides the loopback's")


_SIOCGIFADDR = 0x8915
"""netdevice(7): the address of an interface."""


_LINPHONE = """
[sip]
auto_net_state_mon=0
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
contact="phone" <sip:phone@127.0.0.1>
[rtp]
audio_rtp_port={rtp_port}
"""


@contextlib.asynccontextmanager
async def linphone(folder: Path) -> AsyncIterator[Phone]:
    """Debian's linphone-cli: it sends STUN to the ports of RTP and RTCP."""
    port, recording = free_port(), folder / "heard.wav"
    # Without this folder for its database it starts, and listens nowhere.
    (folder / ".local/share/linphone").mkdir(parents=True)
    settings = folder / "linphonerc"
    settings.write_text(_LINPHONE.format(port=port, rtp_port=free_port()))
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "linphonec",
            "-c",
            str(settings),
            "-a",
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, "HOME": str(folder)},
        )
    assert process.stdin is not None
    try:
        process.stdin.write(f"soundcard use files\nrecord {recording}\n".encode())
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (is_bound(port) and b"record " in (folder / "output").read_bytes()):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield Phone(port, recording)
        process.stdin.write(b"quit\n")
        async with asyncio.timeout(DEADLINE_SECONDS):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


PHONES = {"baresip": baresip, "pjsua2": pjsua2, "linphone": linphone}
