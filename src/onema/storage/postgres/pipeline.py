"""One connection on which a batch's statements are sent together and answered together.

The driver makes the connection and then hands its transport over: it waits for each statement's answer before it
sends the next, which costs more than the statements of a small batch themselves (docs/decisions/0020-postgresql.md).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker

from onema.storage.postgres.wire import SYNC, TERMINATE, Answers, Reader, ServerError, prepare, run

CLOSE_SECONDS = 5.0
SEND_BYTES = 32_768
"""From here on the server starts on what it was sent, while the rest is prepared."""


class LinkLost(ConnectionError):
    """The connection broke; what the server did with what was on its way is not known."""


class HandedOver(asyncpg.Connection):  # type: ignore[misc]  # the package carries no type marker
    """A driver's connection that shows what it is made of."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *arguments: Any) -> None:
        super().__init__(protocol, transport, *arguments)
        self.protocol = protocol
        self.transport = transport


class Pipeline(asyncio.Protocol):
    """Prepared statements over the transport of an idle connection, which the driver must not use any more.

    Used by one task at a time.
    """

    def __init__(self, connection: HandedOver) -> None:
        self._connection = connection
        self._transport = connection.transport
        self._reader = Reader()
        self._prepared: dict[str, bytes] = {}
        """The server's name of each statement that it was told to prepare; forgotten with the first error (`undo`)."""
        self._unsent: list[bytes] = []
        """Messages that wait for `send`, and their size."""
        self._unsent_bytes = 0
        self._waiter: asyncio.Future[Answers] | None = None
        """Gets the answers to the last Sync; None before the first."""
        self._is_open = False
        """Whether something was sent since the last sync."""
        self._has_failed = False
        """Whether a statement failed since the prepared ones were last known."""
        self.in_transaction = False
        """As of the last answer."""
        self.has_committed = False
        """Whether a COMMIT of the last sync was answered, even where something after it failed."""
        self._closed = asyncio.Event()
        """Set when the transport has gone, whoever closed it."""
        self._transport.set_protocol(self)

    def add(self, statement: str, parameters: Sequence[bytes] = (), *, after: bytes = b"") -> None:
        """Run a statement, prepared when it is new here, and send `after` it. Its answer comes with `sync`."""
        name = self._prepared.get(statement)
        if name is None:
            # A statement of one word is its own name, by which tests find COMMIT on the wire.
            name = statement.encode() if statement.isalpha() else b"s%d" % len(self._prepared)
            self._prepared[statement] = name
            self._unsent.append(prepare(name, statement))
        self._unsent += (run(name, parameters), after)
        self._unsent_bytes += len(self._unsent[-2]) + len(after)
        if self._unsent_bytes >= SEND_BYTES:
            self.send()

    def send(self) -> None:
        """Let the server begin with what was added."""
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_bytes = 0
        self._is_open = True

    async def sync(self) -> Answers:
        """The answers to all that was added. Raises ServerError, the first; LinkLost."""
        if self.is_closed():
            raise self._lost(None)
        self._waiter = asyncio.get_running_loop().create_future()
        self._unsent.append(SYNC)
        self.send()
        self._is_open = self.has_committed = False
        answers = await self._waiter
        self.in_transaction, self.has_committed = answers.in_transaction, answers.has_committed
        if answers.error is not None:
            self._has_failed = True
            raise answers.error
        return answers

    async def undo(self) -> None:
        """Roll back. Raises ServerError, LinkLost."""
        if self._is_open:
            # After an error the server skips everything, a ROLLBACK too, until it is synced.
            with contextlib.suppress(ServerError):
                await self.sync()
        self.add("ROLLBACK")
        await self.sync()
        if self._has_failed:
            # What was prepared behind the error was skipped: nobody knows which names exist.
            self.add("DEALLOCATE ALL")
            await self.sync()
            self._prepared.clear()
            self._has_failed = False

    def is_closed(self) -> bool:
        return self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        """End the session in order."""
        self._transport.write(TERMINATE)
        self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._closed.wait()
        self.abort()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        for answers in self._reader.feed(data):
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        self._connection.protocol.connection_lost(exc)  # so that the driver does not miss its connection
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._lost(exc))

    def _lost(self, reason: Exception | None) -> Exception:
        return self._reader.error or LinkLost(str(reason or "the connection was closed"))
