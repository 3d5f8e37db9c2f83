"""Far ends of RTP: reads every packet of many ports, and says what was heard on each and when.

    python -m bench.voice.sink FIRST_PORT COUNT EVERY

Ports are every second one from the first. Only each `EVERY`th of them is read; the others take what they have room for,
which is next to nothing. It reads lines from its standard input: the first one ends the listening, and
is answered with one JSON document. The kernel stamps each packet, so that reading late changes no figure.
"""

import json
import select
import socket
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.voice.digest import FRAME, HOST, digest
from onema.channels.voice_sip.datagrams import system_call
from onema.channels.voice_sip.reading import Batch, stamp_arrivals

_HEADER = 12
_ROOM_FOR_A_CALL = 1 << 19
_LOOKS_EVERY_SECONDS = 0.4


class Port:
    """What came on one: payloads, sequence numbers, and the times of packets in nanoseconds."""

    def __init__(self, number: int, *, is_read: bool) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((HOST, number))
        if is_read:
            stamp_arrivals(self.udp)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_FOR_A_CALL)
        else:
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.payloads: list[bytes] = []
        self.sequences: list[NDArray[np.uint16]] = []
        self.times: list[NDArray[np.int64]] = []

    def read(self, batch: Batch) -> bool:
        """Whether anything came."""
        try:
            came = batch.read(self.udp.fileno())
        except OSError:
            return False
        if came:
            self.payloads.append(batch.octets[:came, _HEADER : _HEADER + FRAME].tobytes())
            self.sequences.append(batch.headers["sequence"].astype(np.uint16))
            self.times.append(batch.times())
        return bool(came)

    def heard(self) -> dict[str, Any]:
        """The audio without silence before and after, as a digest; how many packets were missing; the times."""
        sequences, times = np.concatenate(self.sequences), np.concatenate(self.times)
        steps = (sequences[1:] - sequences[:-1]).astype(np.uint16)
        return {
            "digest": digest(b"".join(self.payloads)),
            "packets": len(sequences),
            "missing": int((steps - np.uint16(1)).sum()) if len(steps) else 0,
            "times": times.tolist(),
        }


def main(first: int, count: int, every: int) -> None:
    read_many = system_call("recvmmsg")
    if read_many is None:
        sys.exit("this needs recvmmsg")
    batch = Batch(read_many)
    all_ports = [Port(first + 2 * number, is_read=number % every == 0) for number in range(count)]
    ports = all_ports[::every]
    print("listening", flush=True)
    while not select.select([sys.stdin], [], [], _LOOKS_EVERY_SECONDS)[0]:
        for port in ports:
            port.read(batch)
    for port in ports:
        while port.read(batch):
            pass
    print(json.dumps([port.heard() for port in ports if port.times]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
