"""A client of an HTTP application without a socket between them: bytes in, bytes out, through all that serves."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from onema.http.connection import NORMAL_PATIENCE, Application, Connection, Patience, Shared

ROOM = 65_536
"""How many bytes a client may leave unread until the connection hears of it."""

_TURNS = 20


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class SocketlessClient:
    """One connection. Times are the running loop's, and nobody ends late connections but the caller."""

    def __init__(
        self,
        application: Application,
        patience: Patience = NORMAL_PATIENCE,
        peer: str = "192.0.2.1",
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self.shared = Shared(application, patience, has_room)
        self.shared.date = b"today"
        self.connection = Connection(self.shared)
        self.transport = SocketlessTransport(self.connection, peer)
        self.connection.connection_made(self.transport)
        self._unsent = b""
        """What the connection does not read yet."""

    async def send(self, *pieces: bytes) -> None:
        """Each as soon as the connection reads, with all that it causes by itself."""
        for piece in pieces:
            self._unsent += piece
            await self.settle()

    async def settle(self) -> None:
        """Let happen what waits for nothing."""
        for _ in range(_TURNS):
            if self._unsent and not self.transport.is_paused and not self.transport.is_closing():
                piece, self._unsent = self._unsent, b""
                self.connection.data_received(piece)
            await asyncio.sleep(0)

    async def answered(self) -> None:
        """Wait until nothing is answered any more."""
        while self.connection.answering is not None:
            await asyncio.wait([self.connection.answering])
            await self.settle()

    async def hang_up(self) -> None:
        self.transport.abort()
        await self.settle()

    @property
    def got(self) -> bytes:
        return bytes(self.transport.written)

    def answers(self) -> list[Answer]:
        """What has come, all of it; none may be to HEAD, or without a length."""
        answers, rest = [], self.got
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status_line, *lines = head.split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines)
            if headers.get(b"transfer-encoding") == b"chunked":
                body, rest = _unchunked(rest)
            else:
                length = int(headers.get(b"content-length", b"0"))
                body, rest = rest[:length], rest[length:]
            answers.append(Answer(int(status_line.split(b" ")[1]), headers, body))
        return answers


class SocketlessTransport(asyncio.Transport):
    """Keeps what is written. It fails when that comes behind its end."""

    def __init__(self, protocol: Connection, peer: str) -> None:
        super().__init__({"peername": (peer, 4711), "sockname": ("192.0.2.2", 80)})
        self.written = bytearray()
        self.is_paused = False
        self.has_ended_writing = False
        self.is_lost = False
        self._protocol = protocol
        self._is_closing = False
        self._unread: int | None = None
        """What the client has left unread since it stopped; None while it reads."""

    def stop_reading(self) -> None:
        """From now on the client reads nothing."""
        self._unread = 0

    def read_on(self) -> None:
        """The client reads all."""
        unread, self._unread = self._unread or 0, None
        if unread > ROOM:
            self._protocol.resume_writing()
        if self._is_closing:
            self._lose()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing or self.has_ended_writing:
            raise AssertionError("something is written behind the end")
        self.written += data
        if self._unread is not None:
            before, self._unread = self._unread, self._unread + len(data)
            if before <= ROOM < self._unread:
                self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_ended_writing = True

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """What the client has not read yet goes first."""
        if not self._is_closing:
            self._is_closing = True
            if not self._unread:
                asyncio.get_running_loop().call_soon(self._lose)

    def abort(self) -> None:
        self._unread = None
        if self._is_closing:
            self._lose()
        self.close()

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def _lose(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self._protocol.connection_lost(None)


def _unchunked(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            return body, rest
