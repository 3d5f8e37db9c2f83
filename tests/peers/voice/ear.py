"""A port that hears RTP and can press keys: the media of a far end whose SIP is sipp's."""

import asyncio
import socket
import struct
from pathlib import Path
from typing import Self

from onema.protocols.rtp import packets as rtp
from onema.speech.g711 import Law
from onema.speech.hearing.decode import hear_frames
from tests.sip import DEADLINE_SECONDS, VOICE, VOICES

_KEYS = Path("/usr/share/sip-tester")
"""Debian's sip-tester has captures of pressed keys (RFC 4733, payload type 101)."""
_PCAP_HEAD, _RECORD_HEAD, _FRAME_HEAD = 24, 16, 42
"""Of a capture file, of a record in it, and Ethernet, IPv4 and UDP before the payload."""
_LAWS = {0: Law.PCMU, 8: Law.PCMA}


class Ear:
    """Keeps every packet that comes, by its source's SSRC."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[rtp.Packet] = []
        self._source: tuple[str, int] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def hears(self, count: int = 1) -> None:
        """Returns once so many packets have come."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.packets) < count:
                self._news.clear()
                await self._news.wait()

    def codes(self, voice: str = VOICE) -> list[str | None]:
        """What each source said, in the order of their first packets."""
        return [heard(packets, voice) for packets in self._by_source()]

    def _by_source(self) -> list[list[rtp.Packet]]:
        found: dict[int, list[rtp.Packet]] = {}
        for packet in self.packets:
            found.setdefault(packet.ssrc, []).append(packet)
        return list(found.values())

    async def press(self, key: str, timestamp: int) -> None:
        """As the capture has it, at another time: what tells two presses of one key apart (RFC 4733 §2.5.1.2)."""
        await self.hears()
        assert self._source is not None
        for payload in _captured(key):
            self._socket.sendto(payload[:4] + struct.pack(">I", timestamp) + payload[8:], self._source)

    def _read(self) -> None:
        for _ in range(500):
            try:
                octets, self._source = self._socket.recvfrom(2048)
            except OSError:
                return
            packet = rtp.parse(octets)
            if packet is not None:
                self.packets.append(packet)
            self._news.set()


def heard(packets: list[rtp.Packet], voice: str = VOICE) -> str | None:
    """The code in the audio of one source."""
    kinds = {packet.payload_type for packet in packets}
    (kind,) = kinds & _LAWS.keys()
    frames = [packet.payload for packet in packets if packet.payload_type == kind]
    return hear_frames(frames, _LAWS[kind], VOICES.voices[voice]).code


def _captured(key: str) -> list[bytes]:
    octets = (_KEYS / f"dtmf_2833_{key}.pcap").read_bytes()
    payloads: list[bytes] = []
    at = _PCAP_HEAD
    while at < len(octets):
        (length,) = struct.unpack_from("<I", octets, at + 8)
        at += _RECORD_HEAD
        payloads.append(octets[at + _FRAME_HEAD : at + length])
        at += length
    return payloads
