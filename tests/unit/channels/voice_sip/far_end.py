"""Media before far ends that are plain sockets, with a clock that tests turn."""

import random
import socket
from collections.abc import Iterable

from onema.channels.voice_sip.listeners import Far
from onema.channels.voice_sip.media import Media
from onema.protocols.rtp import packets
from onema.protocols.rtp.packets import Packet

MS = 1_000_000
HERE = "127.0.0.1"


class Told:
    """What the media told, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, int]] = []
        self.keys: dict[int, str] = {}

    def played(self, call: int) -> None:
        self.all.append(("played", call))

    def key(self, call: int, key: str) -> None:
        self.keys[call] = self.keys.get(call, "") + key

    def heard(self, call: int) -> None:
        self.all.append(("heard", call))

    def refused(self, call: int) -> None:
        self.all.append(("refused", call))


class Clock:
    """Nanoseconds that pass when a test says so; the first lane is due when the first millisecond has passed."""

    def __init__(self) -> None:
        self.now = 999 * MS

    def __call__(self) -> int:
        return self.now


class TurnedMedia:
    """Media without its thread: time passes in `run`. Close it."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.told = Told()
        self.media = Media(self.told, clock=self.clock, randomness=random.Random(11), **options)  # type: ignore[arg-type]  # tests give what Media takes

    def run(self, milliseconds: int) -> None:
        """Turn as often as the thread would."""
        for _ in range(milliseconds):
            self.clock.now += MS
            self.media.turn(self.clock.now)
        self.media.tell()

    def close(self) -> None:
        self.media.close()

    def stall(self, milliseconds: int) -> None:
        """Nothing of this process runs for so long."""
        self.clock.now += milliseconds * MS


class Phone:
    """A far end with one socket."""

    def __init__(self, host: str = HERE) -> None:
        self.udp = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, 0))
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.udp.setblocking(False)
        self.address: tuple[str, int] = self.udp.getsockname()[:2]

    def datagrams(self) -> list[bytes]:
        """What came since the last look; on loopback it is there as soon as it was sent."""
        came = []
        while True:
            try:
                came.append(self.udp.recv(4096))
            except BlockingIOError:
                return came

    def packets(self) -> list[Packet]:
        return [packet for datagram in self.datagrams() if (packet := packets.parse(datagram))]

    def send(self, port: int, *sent: Packet | bytes, host: str = HERE) -> None:
        for each in sent:
            self.udp.sendto(each.encode() if isinstance(each, Packet) else each, (host, port))

    def close(self) -> None:
        self.udp.close()


def audio(sent: Iterable[Packet]) -> bytes:
    return b"".join(packet.payload for packet in sent)


def far_of(phone: Phone, **more: object) -> Far:
    return Far(address=phone.address, event_type=101, **more)  # type: ignore[arg-type]  # tests give what Far takes
