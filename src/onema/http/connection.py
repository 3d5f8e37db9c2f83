"""One client's connection: its bytes, whose turn it is, and when it has had enough."""

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import NamedTuple, Protocol, cast

from onema.http.answers import CONTINUE, encode_refusal, encode_response
from onema.http.messages import Headers, Request, Response
from onema.http.reader import Incoming, MalformedError, RequestReader

KEEP_ALIVE_SECONDS = 75.0
"""How long a connection stays open on which nothing is asked."""
SENDING_SECONDS = 30.0
READING_SECONDS = 60.0
HANDSHAKE_SECONDS = 10.0

# An answer that overtakes the body is lost when the socket closes with unread bytes in it: the kernel then
# sends a reset (RFC 9112 section 9.6). So the rest is read and dropped for a while before closing.
_LINGER_BYTES = 4 * 1024 * 1024
_LINGER_SECONDS = 2.0
GOODBYE_SECONDS = 1.0
"""How long a stopping server waits for the end of TLS on a connection on which nothing is asked."""


class Patience(NamedTuple):
    """How long a connection waits for its client, in seconds: for a request from its first byte to its last one, for
    the client to read what it was sent, for the next request, and before all of them for a TLS handshake.
    """

    sending: float = SENDING_SECONDS
    reading: float = READING_SECONDS
    idle: float = KEEP_ALIVE_SECONDS
    handshake: float = HANDSHAKE_SECONDS


NORMAL_PATIENCE = Patience()


class Application(Protocol):
    """What answers requests."""

    def client_ip(self, peer: str, headers: Headers) -> str:
        """Who asks, when a request with these headers came from `peer`."""

    async def serve(self, incoming: Incoming, connection: "Connection") -> None:
        """Answer on this connection; it closes when the answer is not finished then."""

    def client_gone(self, request: Request) -> None:
        """The client hung up within the body of this request."""


class Shared:
    """What the connections of one server have in common."""

    def __init__(self, application: Application, patience: Patience, has_room: Callable[[], bool]) -> None:
        """`has_room` says whether a connection that has just been counted may stay."""
        self.application = application
        self.patience = patience
        self.has_room = has_room
        self.date = b""
        """The header of that name; the server sets it every second."""
        self.is_stopping = False
        """Set by the server when it stops: the next answer is the last one on its connection."""
        self.connections: set[Connection] = set()
        """Those that are open, or still have a request answered whose client has gone."""
        self.open = 0
        """How many of them are open."""
        self._less = asyncio.Event()
        """Set when either has got less; `change` clears it."""

    def opened(self, connection: "Connection") -> None:
        self.connections.add(connection)
        self.open += 1

    def closed(self) -> None:
        self.open -= 1
        self._less.set()

    def ended(self, connection: "Connection") -> None:
        """It has closed, and nothing that came on it is being answered."""
        self.connections.discard(connection)
        self._less.set()

    async def change(self) -> None:
        """Wait until one of them closes or ends."""
        self._less.clear()
        await self._less.wait()


class Connection(asyncio.Protocol):
    """Reads requests, has one after the other answered, and bounds how long its client may take.

    Whoever answers a request sees `peer`, `is_secure`, `closes` and what stands under "Answering".
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        """What has come and is not parsed yet, because a request is being answered."""
        self._incoming: Incoming | None = None
        """The request that is being answered."""
        self._is_answered = False
        """Whether its answer is finished."""
        self.answering: asyncio.Task[None] | None = None
        """The task that answers it; the server cancels it when it has no more time."""
        self._refusal: bytes | None = None
        """Set once nothing more is read: what is sent after the answers that are still owed."""
        self._lingered: int | None = None
        """Set once all is sent and what comes is dropped: how many bytes that were."""
        self._late_at = inf
        """When the client is late with what we wait for, by the loop's clock; never while it waits for us."""
        self._timed = 0
        """How many messages had begun when that was set."""
        self._stuck_at = inf
        """When the client is late with reading; set while it has not read what it was sent."""
        self.on_change: Callable[[], None] = _nothing
        """Called when the client has read, or is gone; who streams an answer sets it."""
        self.is_gone = False
        """Set when the socket has closed."""

    # What the loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        shared = self._shared
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer: tuple[str, int] = (str(peer[0]), int(peer[1])) if peer else ("", 0)
        self._reader = RequestReader(partial(shared.application.client_ip, self.peer[0]))
        shared.opened(self)
        if not shared.has_room():
            self._refuse(503, "Too many connections.")
        if shared.is_stopping:
            transport.close()
        self._go_on()

    def data_received(self, data: bytes) -> None:
        if self._lingered is not None:
            self._lingered += len(data)
            if self._lingered > _LINGER_BYTES:
                self._transport.close()
            return
        self._unread += data
        if self._is_free:
            self._go_on()
        else:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._stuck_at = self._loop.time() + self._shared.patience.reading

    def resume_writing(self) -> None:
        self._stuck_at = inf
        self.on_change()
        if self._incoming is None:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        shared = self._shared
        self.is_gone = True
        self._late_at = self._stuck_at = inf
        self._unread = b""
        if request := self._reader.interrupted():
            shared.application.client_gone(request)
        self._reader.end()
        shared.closed()
        if self._incoming is None:
            shared.ended(self)
        self.on_change()

    # Taking turns.

    @property
    def _is_free(self) -> bool:
        """Nothing is being answered, and what was answered is on its way."""
        return self._incoming is None and self._stuck_at == inf

    def _go_on(self) -> None:
        """Begin the next request, or wait for it."""
        if self._transport.is_closing():
            return
        reader = self._reader
        if self._unread and not reader.incoming and self._refusal is None:
            data, self._unread = self._unread, b""
            try:
                self._unread = reader.receive(data)
            except MalformedError as malformed:
                self._refuse(400, str(malformed))
        if reader.incoming:
            self._begin(reader.incoming.popleft())
        elif self._refusal is not None:
            self._transport.write(self._refusal)
            self._transport.close()
        else:
            self._wait()

    def _begin(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._is_answered = False
        self._late_at = inf
        self.answering = self._loop.create_task(self._serve(incoming))

    async def _serve(self, incoming: Incoming) -> None:
        try:
            await self._shared.application.serve(incoming, self)
        finally:
            self._end(incoming)

    def _end(self, incoming: Incoming) -> None:
        closes = self.closes
        self._incoming = self.answering = None
        self.on_change = _nothing
        if self.is_gone:
            self._shared.ended(self)
        elif self._is_answered and incoming.is_oversized:
            self._linger()
        elif closes or not self._is_answered:
            self._transport.close()
        elif self._stuck_at == inf:
            self._go_on()

    def _wait(self) -> None:
        begun = self._reader.begun
        if self._late_at == inf or self._timed != begun:
            patience = self._shared.patience
            self._timed = begun
            self._late_at = self._loop.time() + (
                patience.sending if self._reader.is_within else patience.idle
            )
        if self._reader.awaits_continue:
            self._reader.awaits_continue = False
            self._transport.write(CONTINUE)
        self._transport.resume_reading()

    # Having had enough.

    def end_if_late(self, now: float) -> None:
        """Close when the client has kept us waiting for longer than our patience. `now` is the loop's time."""
        if now > self._stuck_at:
            self._transport.abort()
        elif now <= self._late_at:
            return
        elif self._reader.is_within and self._lingered is None:
            self._refuse(408, "The request took too long to arrive.")
            self._go_on()
        else:
            self._transport.close()

    def close_if_idle(self) -> None:
        """Close; what is being asked or answered comes to its end first, and closes then."""
        if self._is_free and not self._reader.is_within:
            owes_goodbye_only = self.is_secure and not self._transport.get_write_buffer_size()
            self._transport.close()
            if owes_goodbye_only:
                # TLS waits until the client has said goodbye too; who keeps a connection for later does not listen.
                self._loop.call_later(GOODBYE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def _refuse(self, status: int, reason: str) -> None:
        """Read nothing more; answer what was asked before, then with this status, and close."""
        self._refusal = encode_refusal(status, reason)
        self._transport.pause_reading()

    def _linger(self) -> None:
        self._lingered = 0
        self._late_at = self._loop.time() + _LINGER_SECONDS
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    # Answering.

    @property
    def closes(self) -> bool:
        """Whether no other request is answered after this one."""
        incoming = self._incoming
        return (
            self._shared.is_stopping or incoming is None or incoming.is_oversized or not incoming.keeps_alive
        )

    @property
    def is_stuck(self) -> bool:
        """The client has not read what it was sent; `on_change` tells when it has."""
        return self._stuck_at != inf

    @property
    def is_secure(self) -> bool:
        return bool(self._transport.get_extra_info("sslcontext"))

    @property
    def server(self) -> tuple[str, int]:
        """Where the client has connected to."""
        name = self._transport.get_extra_info("sockname")
        return (str(name[0]), int(name[1])) if name else ("", 0)

    @property
    def date(self) -> bytes:
        return self._shared.date

    def answer(self, response: Response) -> None:
        """Send the whole answer. Raises ValueError, and has sent nothing, when it has a header that cannot be sent."""
        incoming = self._incoming
        has_body = incoming is not None and incoming.request.method != "HEAD"
        self.write(encode_response(response, self._shared.date, closes=self.closes, has_body=has_body))
        self.finish()

    def write(self, data: bytes) -> None:
        """Send a part of the answer, unless the client is gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def finish(self) -> None:
        """Nothing of the answer is missing."""
        self._is_answered = True


def _nothing() -> None:
    pass
