import asyncio
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Self

import msgspec

from onema.node.messages import Answer, News, Question

log = logging.getLogger(__name__)

ANSWER_SECONDS = 1.0
ASK_ALL_SECONDS = 2.0
"""For questions that the supervisor answers by asking the workers."""

_LONGEST_MESSAGE = 16 * 1024 * 1024


class LineClosed(Exception):
    """The other end is gone, or too busy to answer in time."""


class _Asked(msgspec.Struct, frozen=True, tag="asked"):
    number: int
    question: Question


class _Answered(msgspec.Struct, frozen=True, tag="answered"):
    number: int
    answer: Answer


class _Told(msgspec.Struct, frozen=True, tag="told"):
    news: News


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[_Asked | _Answered | _Told] = msgspec.json.Decoder(_Asked | _Answered | _Told)


class Line:
    """One end of the connection between a worker and its supervisor; a message is a line of JSON.

    It also tells each that the other lives: the kernel closes it with the process, however that ends. `heard` counts
    the other's messages.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.heard = 0
        self._numbers = itertools.count(1)
        """Of this end's questions."""
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        """By number, the questions that the other end has not answered yet."""
        self._answering: set[asyncio.Task[None]] = set()
        """Answers that this end is working on; asyncio alone would not keep them."""

    @classmethod
    async def over(cls, connection: socket.socket) -> Self:
        """A line over one end of a socket pair, which it takes."""
        connection.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=connection, limit=_LONGEST_MESSAGE))

    async def read_orders(self) -> bytes:
        """The bytes that the other end sent before any message; empty when it is gone."""
        return await self._reader.readline()

    def send_orders(self, orders: bytes) -> None:
        """Send bytes, without a line end in them, that are no message."""
        self._writer.write(orders + b"\n")

    async def run(
        self, answer: Callable[[Question], Awaitable[Answer]], hear: Callable[[News], None]
    ) -> None:
        """Serve the other end until it is gone."""
        try:
            while (line := await self._reader.readline()).endswith(b"\n"):
                self.heard += 1
                match _decoder.decode(line):
                    case _Asked() as asked:
                        self._answer_later(asked, answer)
                    case _Answered(number, given):
                        future = self._asked.pop(number, None)
                        if future is not None and not future.done():
                            future.set_result(given)
                    case _Told(news):
                        hear(news)
        except ConnectionError:
            return
        except msgspec.DecodeError as error:
            # A worker that is started again after the installation was replaced may be another version.
            log.error(
                "a worker and its supervisor do not understand each other; restart the server",
                extra={"action": "supervise", "detail": str(error)},
            )
        finally:
            self.close()

    def close(self) -> None:
        for task in self._answering:
            task.cancel()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(LineClosed())
        self._asked.clear()
        self._writer.close()

    async def ask(self, question: Question, seconds: float = ANSWER_SECONDS) -> Answer:
        """The other end's answer. Raises LineClosed."""
        if self._writer.is_closing():
            raise LineClosed
        number = next(self._numbers)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._send(_Asked(number, question))
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError as error:
            raise LineClosed from error
        finally:
            self._asked.pop(number, None)

    def tell(self, news: News) -> None:
        """Say something that needs no answer; nobody hears it when the other end is gone."""
        if not self._writer.is_closing():
            self._send(_Told(news))

    def _send(self, message: _Asked | _Answered | _Told) -> None:
        self._writer.write(_encoder.encode(message) + b"\n")

    def _answer_later(self, asked: _Asked, answer: Callable[[Question], Awaitable[Answer]]) -> None:
        async def give() -> None:
            self._send(_Answered(asked.number, await answer(asked.question)))

        task = asyncio.create_task(give())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
