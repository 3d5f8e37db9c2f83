"""A TCP relay that writes down what passes, and tshark's reading of it."""

import asyncio
import json
import struct
import subprocess
from pathlib import Path
from typing import Any, Self

_SMPP_PORT = 2775
"""By which tshark knows the protocol."""
_OTHER_PORT = 40_000
_PIECE = 1_400
_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
"""Link type 101: packets begin with their IP header (libpcap's LINKTYPE_RAW)."""


class RecordedLink:
    """Passes bytes on to `port` and back. `port` of its own is where to connect; one link at a time is meant."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._packets: list[bytes] = []
        self._sequence = {True: 1, False: 1}
        self._tasks: set[asyncio.Task[None]] = set()
        self.malformed = -1
        """How many packets tshark called malformed; -1 before it looked."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, target, ours in ((reader, peer_writer, True), (peer_reader, writer, False)):
            task = asyncio.create_task(self._pass(source, target, ours=ours))
            self._tasks.add(task)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, ours: bool) -> None:
        try:
            while data := await source.read(65_536):
                self._record(data, ours=ours)
                target.write(data)
        except ConnectionError:
            pass
        finally:
            target.close()

    def _record(self, data: bytes, *, ours: bool) -> None:
        ports = (_OTHER_PORT, _SMPP_PORT) if ours else (_SMPP_PORT, _OTHER_PORT)
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            numbers = (self._sequence[ours], self._sequence[not ours])
            tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 0x50, 0x18, 8_192, 0, 0)
            addresses = bytes((127, 0, 0, 1 if ours else 2, 127, 0, 0, 2 if ours else 1))
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(piece), 0, 0, 64, 6, 0) + addresses
            self._packets.append(ip + tcp + piece)
            self._sequence[ours] += len(piece)

    def read_by_tshark(self, folder: Path) -> list[dict[str, Any]]:
        """Every PDU as tshark reads it, in order: its fields by name. Sets `malformed`."""
        file = folder / "recorded.pcap"
        records = (
            struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
            for number, packet in enumerate(self._packets)
        )
        file.write_bytes(_PCAP_HEADER + b"".join(records))
        command = [
            *(
                "tshark",
                "-n",
                "-r",
                str(file),
                "-T",
                "json",
                "--no-duplicate-keys",
                "-J",
                "smpp gsm_sms _ws.malformed",
            ),
            # tshark decodes no text of data_coding 0 by itself.
            *("-o", "smpp.decode_sms_over_smpp:GSM 7-bit"),
        ]
        done = subprocess.run(command, capture_output=True, check=True)
        # tshark 4.0.17 writes the two halves of a surrogate pair as two characters, which is no UTF-8.
        told = done.stdout.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")
        layers = [packet["_source"]["layers"] for packet in json.loads(told)]
        self.malformed = sum("_ws.malformed" in packet for packet in layers)
        found = [packet["smpp"] for packet in layers if "smpp" in packet]
        return [pdu for packet in found for pdu in (packet if isinstance(packet, list) else [packet])]
