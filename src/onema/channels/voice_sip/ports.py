"""The UDP ports of calls: pairs of an even one for RTP and the next for RTCP (RFC 3550 §11)."""

import errno
import socket
from dataclasses import dataclass
from typing import NamedTuple

from onema.channels.voice_sip.datagrams import family_of

LOWEST, HIGHEST = 16384, 32767

_RECEIVE_BUFFER_OCTETS = 1 << 20
"""For what comes from a hundred calls while nobody looks; the system may give less."""
_SEND_BUFFER_OCTETS = 1 << 20
_IP_RECVERR, _IPV6_RECVERR = 11, 25
"""ip(7), ipv6(7): a socket that is not connected hears of ICMP only so."""
_EXPEDITED_FORWARDING = 46 << 2
"""DSCP EF, what voice is marked with (RFC 4594 §4.1)."""


class NoPort(Exception):
    """No pair of the range is free on that address."""


class Pair(NamedTuple):
    rtp: socket.socket
    rtcp: socket.socket
    port: int
    """That of RTP."""

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


@dataclass(frozen=True)
class PortRange:
    """`lowest` to `highest`, both included. Raises ValueError where no pair is in between."""

    lowest: int = LOWEST
    highest: int = HIGHEST

    def __post_init__(self) -> None:
        if not 1024 <= self.lowest <= self.highest <= 65535:
            raise ValueError("ports for media are within 1024 to 65535")
        if not self.pairs:
            raise ValueError("ports for media need an even one and the next")

    @property
    def pairs(self) -> int:
        return (self.highest + 1 - self.first) // 2

    @property
    def first(self) -> int:
        return self.lowest + self.lowest % 2


class Ports:
    """Binds pairs, one after the other through the whole range: what still comes for a call that ended finds nobody."""

    def __init__(self, within: PortRange, start: int = 0) -> None:
        """`start` is any number; processes that share a machine should have different ones."""
        self._range = within
        self._next = start % within.pairs

    def bind(self, host: str) -> Pair:
        """Raises NoPort, and OSError for a host that is not here."""
        for _ in range(self._range.pairs):
            port = self._range.first + 2 * self._next
            self._next = (self._next + 1) % self._range.pairs
            try:
                return _bound(host, port)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
        raise NoPort(f"no free pair of ports within {self._range.lowest} to {self._range.highest}")


def _bound(host: str, port: int) -> Pair:
    rtp = _socket(host, port, hears_refusals=True)
    try:
        return Pair(rtp, _socket(host, port + 1, hears_refusals=False), port)
    except OSError:
        rtp.close()
        raise


def _socket(host: str, port: int, *, hears_refusals: bool) -> socket.socket:
    family = family_of(host)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_OCTETS)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, hears_refusals)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED_FORWARDING)
        else:
            udp.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, hears_refusals)
            udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED_FORWARDING)
        udp.bind((host, port))
    except BaseException:
        udp.close()
        raise
    return udp
