"""A TCP proxy before an HTTP server that loses answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_CHUNK = 65_536


class LosingProxy:
    """Passes bytes on. Of a request whose head begins with `lose` the answer is not passed on: the connection breaks
    when the server has answered.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.lose: bytes | None = None
        self.lost = 0
        """How many answers."""
        self.port = 0
        self._links: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["LosingProxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            while asked := await reader.read(_CHUNK):
                to_upstream.write(asked)
                answer = await upstream.read(_CHUNK)
                if self.lose is not None and asked.startswith(self.lose):
                    self.lost += 1
                    return
                writer.write(answer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the link ends, and nothing comes after it
        finally:
            writer.close()
            to_upstream.close()
