import asyncio
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

HEAD_LIMIT = 65_536

_ASCII = bytes(range(128)).decode()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with the bounds it lacks: on a request's head, and on a client that says nothing."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # From a message's first byte to its last one: what the parser says, and nobody else.
        self._message_is_open = False
        self._reading_head = False
        self._head_bytes = 0
        self._on_lost = on_lost

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Transport, transport))
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        if not self._message_is_open and not data.isascii():
            data = _with_ascii_target(data)
        super().data_received(data)
        if not self._reading_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("Request head too large.")

    def on_message_begin(self) -> None:
        self._message_is_open = True
        self._reading_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reading_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._message_is_open = False
        super().on_message_complete()


def _with_ascii_target(data: bytes) -> bytes:
    """Clients that encode nothing put UTF-8 into the request line, which the parser refuses.

    Only for the first bytes of a message: a body that is rewritten has another length than the client told, and what
    is left over would be read as a request that nobody sent.
    """
    line, end, rest = data.partition(b"\r\n")
    return quote(line, safe=_ASCII).encode() + end + rest
