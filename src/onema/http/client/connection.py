"""One connection of the client's: a request goes out, an answer comes in, one after the other."""

import asyncio
import select
from collections.abc import Callable

import httptools

from onema.http.client.contract import HttpAnswer

ANSWER_LIMIT = 262_144
"""So many bytes of an answer are read, whatever they are: interim answers, headers, the wrapping of chunks, a body. To
take them apart is our time.
"""
READ_AT_ONCE = 16_384
"""Bytes that are taken apart before others have their turn: of the smallest chunks these cost a millisecond."""


class BrokenAnswer(Exception):
    """There will be no whole answer; the text is for operators."""


class AnswerReader:
    """Makes an answer of bytes; the parser calls it. RFC 9112, sections 4 to 6."""

    def __init__(self, *, is_connect: bool, limit: int = ANSWER_LIMIT) -> None:
        self._is_connect = is_connect
        """Whether it answers CONNECT: then what follows a head of success is the tunnel's (RFC 9110, 9.3.6)."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        """Of the final answer, not of an interim one."""
        self.is_complete = False
        self.keeps_alive = False
        self._body: list[bytes] = []
        self.size = 0
        """Bytes of the body so far."""
        self._left = limit
        self._is_delimited = False
        """Whether the end of the body shows; otherwise it ends with the connection."""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Raises BrokenAnswer."""
        self._left -= len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.is_complete:
                raise BrokenAnswer("what came is no HTTP answer") from None
            self.keeps_alive = False  # something stands behind the answer, which nobody asked for
        if self._left <= 0 and not self.is_complete:
            raise BrokenAnswer("the answer is too long")

    def end(self) -> None:
        """No more comes. Raises BrokenAnswer where that was not to be."""
        if not self.has_head or self._is_delimited:
            raise BrokenAnswer("the connection was closed before the whole answer had come")
        self.is_complete = True

    @property
    def answer(self) -> HttpAnswer | None:
        """What has come of the final answer; None before its head was whole."""
        return HttpAnswer(self.status, self.headers, b"".join(self._body)) if self.has_head else None

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.keeps_alive = False
            raise BrokenAnswer("there is another answer")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # trailers are no headers
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self.has_head = True
        self._is_delimited = self.status in (204, 304) or any(
            name in (b"content-length", b"transfer-encoding") for name, _ in self.headers
        )
        if self._is_connect and self.status < 300:
            self.is_complete = self.keeps_alive = True

    def on_body(self, part: bytes) -> None:
        self.size += len(part)
        self._body.append(part)

    def on_message_complete(self) -> None:
        if self.has_head and not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._is_delimited and self._parser.should_keep_alive()


class Connection(asyncio.BufferedProtocol):
    """`lost` hears that it is closed while nobody waits for an answer on it."""

    def __init__(self, lost: Callable[["Connection"], None]) -> None:
        self.transport: asyncio.Transport | None = None
        """None before the connection is made and after it is lost."""
        self.idle_until = 0.0
        """When (the loop's time) it is too old to be used again; its owner sets and reads it."""
        self._lost = lost
        self._buffer = bytearray(READ_AT_ONCE)
        self._reader: AnswerReader | None = None
        """While an answer is awaited."""
        self._body_limit = 0
        self._on_head: Callable[[], None] | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def may_be_used(self) -> bool:
        """Whether it is open as far as can be known now: nothing may be there to read on one that is idle, and its
        end is something to read.
        """
        if self.transport is None or self.transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    async def exchange(
        self,
        data: bytes,
        body_limit: int,
        *,
        is_connect: bool = False,
        on_head: Callable[[], None] | None = None,
        answer_limit: int = ANSWER_LIMIT,
    ) -> HttpAnswer:
        """Write a request and wait for its answer. From here on it may have left us. Raises BrokenAnswer."""
        if self.transport is None:
            raise BrokenAnswer("the connection is closed")
        self._reader = AnswerReader(is_connect=is_connect, limit=answer_limit)
        self._body_limit = body_limit
        self._on_head = on_head
        self._ended = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        await self._ended
        answer = self._reader.answer
        assert answer is not None  # noqa: S101  # it is complete
        return answer

    @property
    def partial(self) -> HttpAnswer | None:
        """What has come of the answer."""
        return self._reader.answer if self._reader else None

    @property
    def keeps_alive(self) -> bool:
        """Whether it may be used again after the answer."""
        return self._reader is not None and self._reader.is_complete and self._reader.keeps_alive

    def rest(self) -> None:
        """Nobody waits for an answer any more."""
        self._reader = self._ended = self._on_head = None

    def abort(self) -> None:
        """Close it at once; what is still to be written is dropped."""
        if self.transport is not None:
            self.transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        reader = self._reader
        if reader is None or self._ended is None or self._ended.done():
            # Nobody asked for it: whatever it is, it must not be taken for the next answer.
            if reader is not None:
                reader.keeps_alive = False
            self.abort()
            return
        if nbytes == READ_AT_ONCE and self.transport is not None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)
        had_head = reader.has_head
        try:
            reader.feed(bytes(memoryview(self._buffer)[:nbytes]))
        except BrokenAnswer as error:
            self._fail(error)
            return
        if reader.size > self._body_limit:
            self._fail(BrokenAnswer("the answer is too long"))
        elif reader.is_complete:
            self._ended.set_result(None)
        elif self._on_head is not None and reader.has_head and not had_head:
            self._on_head()

    def _go_on(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def eof_received(self) -> None:
        if self._reader is not None and self._ended is not None and not self._ended.done():
            try:
                self._reader.end()
            except BrokenAnswer as error:
                self._fail(error)
            else:
                self._ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._ended is None:
            self._lost(self)
        elif not self._ended.done():
            why = "the connection broke off" if exc else "the connection was closed"
            self._fail(BrokenAnswer(f"{why} before the whole answer had come"))

    def _fail(self, error: BrokenAnswer) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)
        self.abort()
