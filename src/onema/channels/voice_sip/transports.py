"""How SIP leaves and comes in: UDP, and TCP and TLS over connections that are made when something is to be sent.

A transport has one listening address. Requests of the far end come there, also over connections that it makes; what it
asked over one is answered over the same (RFC 3261 §18.2.2). What could not be sent is reported by where it was to go:
over UDP that is what ICMP says (RFC 3261 §18.4), over connections that they could not be made or are gone.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import struct
from typing import Literal, Protocol

import msgspec

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.messages import Request, Response, parse
from onema.protocols.sip.streams import KEEP_ALIVE_ANSWER, StreamReader

Kind = Literal["udp", "tcp", "tls"]

LONGEST_DATAGRAM = 65_535
_AT_ONCE = 64
"""Datagrams that are read before others have their turn."""
_RECEIVE_BUFFER = 2 * 1024 * 1024
CONNECT_SECONDS = 5.0
"""Less than timer B, so that the next address has its turn."""
MOST_CONNECTIONS = 100
"""Of those that others make to us."""
_OF_OURS, _OF_OTHERS = 65_536, 4_096
"""Octets that are read at once: of a connection that a stranger made, so many for each time that he is welcome."""
_LONGEST_BACKLOG = 1024 * 1024
"""Octets that a connection may leave unread before it counts as broken."""

# Linux, asm-generic and include/uapi/linux/in.h; Python's socket module has none of them in 3.11.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_MTU_DISCOVER, _PMTU_MAY_FRAGMENT = 10, 0
_ERROR_QUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
"""Only Linux has it."""
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err (man 7 ip)."""
_BY_ICMP = (2, 3)
_FATAL = frozenset(
    (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOPROTOOPT, errno.EACCES)
)
"""RFC 3261 §18.4: the other errors of ICMP are ignored."""


class Hop(msgspec.Struct, frozen=True, gc=False):
    """Where a message goes next, or came from. `name` is what a certificate must say; the address where it is empty."""

    kind: Kind
    ip: str
    port: int
    name: str = ""

    @property
    def reliable(self) -> bool:
        return self.kind != "udp"

    def __str__(self) -> str:
        return f"{self.kind}:{f'[{self.ip}]' if ':' in self.ip else self.ip}:{self.port}"


class Listener(Protocol):
    """Whoever has a transport. None of these may raise or wait."""

    def welcomes(self, ip: str) -> bool:
        """Whether what comes from there is to be read at all; asked for each datagram and connection."""

    def heard(self, message: Request | Response, came_from: Hop) -> None: ...

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        """Octets that are no SIP; `bad` says what may be answered."""

    def failed(self, hop: Hop, why: str) -> None:
        """Nothing that waits for an answer from there will get one. `why` is for operators."""


class Transport(Protocol):
    port: int
    """The local one, once it is open."""

    async def open(self) -> None:
        """Raises OSError where the address cannot be had."""

    def send(self, octets: bytes, hop: Hop) -> None:
        """At once, or when a connection is there. Never raises: Listener.failed hears what went wrong."""

    def close(self) -> None: ...


def local_address(towards: str) -> str:
    """The address that the system would send from. Raises OSError where there is no way."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return str(probe.getsockname()[0])


class UdpTransport:
    """One socket, for one family of addresses: that of `ip`."""

    def __init__(self, ip: str, port: int, listener: Listener) -> None:
        self.ip, self.port = ip, port
        self._listener = listener
        self._socket: socket.socket | None = None
        """From `open` to `close`."""

    async def open(self) -> None:
        family = socket.AF_INET6 if ":" in self.ip else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((self.ip, self.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            # Systems without these say less of what could not be sent: then timers find out.
            with contextlib.suppress(OSError):
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                else:
                    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                    # An INVITE longer than the path's MTU is to leave in fragments.
                    sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTU_MAY_FRAGMENT)
        except OSError:
            sock.close()
            raise
        self.port = sock.getsockname()[1]
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._readable)

    def send(self, octets: bytes, hop: Hop) -> None:
        sock = self._socket
        if sock is None:
            return
        for _ in range(2):
            try:
                sock.sendto(octets, (hop.ip, hop.port))
            except BlockingIOError:
                return  # a full queue loses it, as the network may: timers send it again
            except OSError as error:
                # What an earlier datagram met is told to whoever sends next: then nothing was sent yet.
                if self._drain_errors():
                    continue
                self._listener.failed(hop, os.strerror(error.errno or 0))
            return

    def close(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if (sock := self._socket) is None:
                return
            try:
                octets, address = sock.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                if not self._drain_errors():
                    return
                continue
            # RFC 5626 §4.4.1: pings of four octets, and the two that answer them.
            if octets.strip(b"\r\n\0") and self._listener.welcomes(address[0]):
                self._take(octets, Hop("udp", address[0], address[1]))

    def _take(self, octets: bytes, came_from: Hop) -> None:
        try:
            message = parse(octets)
        except BadMessage as bad:
            self._listener.misheard(bad, came_from)
        else:
            self._listener.heard(message, came_from)

    def _drain_errors(self) -> bool:
        """Report what ICMP said of datagrams of ours; whether it said anything."""
        found = False
        while self._socket is not None and _ERROR_QUEUE:
            try:
                _, ancillary, _, address = self._socket.recvmsg(0, 512, _ERROR_QUEUE)
            except OSError:
                break
            found = True
            for _, _, data in ancillary:
                if len(data) < _EXTENDED_ERROR.size:
                    continue
                number, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
                if number in _FATAL and origin in _BY_ICMP:
                    self._listener.failed(Hop("udp", address[0], address[1]), os.strerror(number))
        return found


class _Connection:
    """One TCP or TLS connection, ours or another's."""

    def __init__(self, hop: Hop, *, ours: bool) -> None:
        self.hop = hop
        self.ours = ours
        self.waiting: list[bytes] = []
        """What is to be sent when it is there."""
        self.writer: asyncio.StreamWriter | None = None
        self.heard_at = asyncio.get_running_loop().time()
        self.task: asyncio.Task[None] | None = None

    def send(self, octets: bytes) -> bool:
        """False when it is of no more use."""
        if self.writer is None:
            self.waiting.append(octets)
            return sum(map(len, self.waiting)) <= _LONGEST_BACKLOG
        if self.writer.is_closing() or self.writer.transport.get_write_buffer_size() > _LONGEST_BACKLOG:
            return False
        self.writer.write(octets)
        return True


class StreamTransport:
    """TCP, or TLS where there is a `context` to check others with. With TLS it listens only where there is
    `own_context`, with a certificate of ours: without one the far end must use the connections that we make.
    """

    def __init__(
        self,
        ip: str,
        port: int,
        listener: Listener,
        *,
        context: ssl.SSLContext | None = None,
        own_context: ssl.SSLContext | None = None,
    ) -> None:
        self.ip, self.port = ip, port
        self._kind: Kind = "tls" if context else "tcp"
        self._listener = listener
        self._context = context
        self._own_context = own_context
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        """Holds the port that connections are made from, where nothing listens."""
        self._connections: dict[tuple[str, int], _Connection] = {}
        """By the far end's address; of two to the same place the newest."""
        self._open = False

    async def open(self) -> None:
        self._open = True
        if self._context is not None and self._own_context is None:
            # What the far end asks within a call finds the connection by the port that Contact names: proxies look
            # there before they connect (Kamailio does, and then answers 477).
            self._reserved = _bound(self.ip, self.port)
            self.port = self._reserved.getsockname()[1]
            return
        self._server = await asyncio.start_server(
            self._accept, self.ip, self.port, ssl=self._own_context, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def send(self, octets: bytes, hop: Hop) -> None:
        if not self._open:
            return
        key = hop.ip, hop.port
        connection = self._connections.get(key)
        if connection is None:
            connection = self._connections[key] = _Connection(hop, ours=True)
            connection.task = asyncio.create_task(self._connect(connection))
        if not connection.send(octets):
            self._drop(connection, "it does not read")

    def close(self) -> None:
        self._open = False
        if self._server is not None:
            self._server.close()
        if self._reserved is not None:
            self._reserved.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """What is sent next makes new ones."""
        for connection in list(self._connections.values()):
            self._forget(connection)

    async def _connect(self, connection: _Connection) -> None:
        hop = connection.hop
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, connection.writer = await asyncio.open_connection(
                    sock=await self._connected(hop),
                    ssl=self._context,
                    server_hostname=(hop.name or hop.ip) if self._context else None,
                )
        except TimeoutError:
            self._drop(connection, "the connection was not made in time")
            return
        except ssl.SSLCertVerificationError as error:
            self._drop(connection, f"its certificate: {error.verify_message}")
            return
        except ssl.SSLError:
            self._drop(connection, "TLS could not be agreed on")
            return
        except OSError as error:
            self._drop(connection, os.strerror(error.errno) if error.errno else type(error).__name__)
            return
        for octets in connection.waiting:
            connection.writer.write(octets)
        connection.waiting.clear()
        await self._read(connection, reader)

    async def _connected(self, hop: Hop) -> socket.socket:
        """From the reserved port, unless the last connection from there to that place is not forgotten yet
        (TIME-WAIT).
        """
        if self._reserved is not None:
            try:
                return await _connected(self.ip, self.port, hop)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                    raise
        return await _connected(self.ip, 0, hop)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ip, port = writer.get_extra_info("peername")[:2]
        if not self._listener.welcomes(ip):
            writer.close()
            return
        connection = _Connection(Hop(self._kind, ip, port), ours=False)
        connection.writer = writer
        connection.task = asyncio.current_task()
        theirs = [one for one in self._connections.values() if not one.ours]
        if len(theirs) >= MOST_CONNECTIONS:
            self._forget(min(theirs, key=lambda one: one.heard_at))
        self._connections[ip, port] = connection
        await self._read(connection, reader)

    async def _read(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        messages = StreamReader()
        why = "the connection was closed"
        try:
            while octets := await reader.read(_OF_OURS if connection.ours else _OF_OTHERS):
                if not connection.ours and not self._listener.welcomes(connection.hop.ip):
                    why = "it says too much"
                    break
                connection.heard_at = asyncio.get_running_loop().time()
                for message in messages.receive(octets):
                    if isinstance(message, BadMessage):
                        self._listener.misheard(message, connection.hop)
                    else:
                        self._listener.heard(message, connection.hop)
                for _ in range(messages.pings):
                    connection.send(KEEP_ALIVE_ANSWER)
                messages.pings = 0
                if messages.broken:
                    why = f"it sent {messages.broken}"
                    break
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else type(error).__name__
        self._drop(connection, why)

    def _drop(self, connection: _Connection, why: str) -> None:
        if self._forget(connection):
            self._listener.failed(connection.hop, why)

    def _forget(self, connection: _Connection) -> bool:
        key = connection.hop.ip, connection.hop.port
        known = self._connections.get(key) is connection
        if known:
            del self._connections[key]
        if connection.writer is not None:
            connection.writer.close()
        if connection.task is not None and connection.task is not asyncio.current_task():
            connection.task.cancel()
        return known


async def _connected(ip: str, port: int, hop: Hop) -> socket.socket:
    """Raises OSError."""
    sock = _bound(ip, port)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (hop.ip, hop.port))
    except BaseException:
        sock.close()
        raise
    return sock


def _bound(ip: str, port: int) -> socket.socket:
    """A TCP socket from there, which others that are bound so may share. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ip, port))
    except OSError:
        sock.close()
        raise
    return sock
