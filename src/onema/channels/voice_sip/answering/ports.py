"""The audio ports of a phone of our own."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

_TRIES = 100
_LONGEST_DATAGRAM = 2_048


class PortPair:
    """A port for RTP and the next one for RTCP (RFC 3550 §11). `take` gets what comes for audio; what comes as reports
    is read by nobody.
    """

    def __init__(self, host: str, take: Callable[[bytes], None]) -> None:
        """Raises OSError where no two ports beside each other are free."""
        self._take = take
        self._audio, self._control = _pair(host)
        self.port: int = self._audio.getsockname()[1]
        """Of audio."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._audio, self._readable)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """From the port of audio. What cannot be sent is lost, as on any network."""
        with contextlib.suppress(OSError):
            self._audio.sendto(data, to)

    def report(self, data: bytes, to: tuple[str, int]) -> None:
        """From the port of reports."""
        with contextlib.suppress(OSError):
            self._control.sendto(data, to)

    def close(self) -> None:
        """Safe twice."""
        self._loop.remove_reader(self._audio)
        self._audio.close()
        self._control.close()

    def _readable(self) -> None:
        # An ICMP error about what was sent comes back here; it changes nothing.
        with contextlib.suppress(OSError):
            while True:
                self._take(self._audio.recv(_LONGEST_DATAGRAM))


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        audio, control = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            audio.bind((host, 0))
            port = audio.getsockname()[1]
            if port % 2 == 0:
                control.bind((host, port + 1))
                audio.setblocking(False)
                control.setblocking(False)
                return audio, control
        except OSError:
            pass
        audio.close()
        control.close()
    raise OSError("no two ports beside each other are free")
