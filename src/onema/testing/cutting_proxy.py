"""A TCP proxy before PostgreSQL that cuts a link at the worst moments of a COMMIT."""

import asyncio
import contextlib
import enum
from typing import Final

_COMMIT: Final = b"COMMIT\0"
_CHUNK: Final = 65_536


class Cut(enum.Enum):
    """What happens to the next COMMIT that passes."""

    BEFORE = "it never reaches the server, which sees the link break"
    BEFORE_UNNOTICED = "it never reaches the server, which goes on holding the transaction open"
    AFTER = "the server commits, its answer is lost"
    SILENT = "the link swallows it and everything after it, without breaking"


class CuttingProxy:
    """Passes bytes on. `arm` chooses what happens to one COMMIT; `happened` is set once it did.

    `refuse` turns new connections away, which sets `turned_away`, and breaks the present ones. `silence` is what a
    power cut looks like: nothing passes any more and nothing breaks, and new connections are made and never answered.
    `admit` ends either; what was on its way arrives then.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._armed: Cut | None = None
        self._refusing = False
        self._speaking = asyncio.Event()
        self._speaking.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()
        self.happened = asyncio.Event()
        self.turned_away = asyncio.Event()

    async def start(self) -> int:
        """The port that it listens on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()
        self._break_all()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await self._server.wait_closed()

    def arm(self, cut: Cut) -> None:
        self._armed = cut
        self.happened.clear()

    def refuse(self) -> None:
        self._refusing = True
        self.turned_away.clear()
        self._break_all()

    def admit(self) -> None:
        self._refusing = False
        self._speaking.set()

    def silence(self) -> None:
        self._speaking.clear()

    def _break_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.ensure_future(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            self.turned_away.set()
            return
        self._writers.add(writer)
        await self._speaking.wait()
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(server_writer)
        answers = asyncio.create_task(self._pass(server_reader, writer))
        try:
            await self._pass_until_cut(reader, server_reader, server_writer, answers)
        finally:
            answers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answers
            writer.transport.abort()
            self._writers.discard(writer)

    async def _pass_until_cut(
        self,
        reader: asyncio.StreamReader,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        cut = None
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if self._armed is not None and _COMMIT in data:
                    cut, self._armed = self._armed, None
                    break
                await self._speaking.wait()
                server_writer.write(data)
        if cut is not None:
            self.happened.set()
        if cut is Cut.AFTER:
            answers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answers
            server_writer.write(data)
            await server_reader.readuntil(_COMMIT)  # its answer is spelled like the request
        if cut is Cut.SILENT:
            answers.cancel()
            await asyncio.get_running_loop().create_future()
        if cut is not Cut.BEFORE_UNNOTICED:
            server_writer.transport.abort()
            self._writers.discard(server_writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await self._speaking.wait()
                writer.write(data)
            writer.transport.abort()
