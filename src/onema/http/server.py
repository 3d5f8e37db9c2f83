"""uvicorn inside a running loop.

`uvicorn.Server.serve` takes the process's signals, exits the interpreter when it cannot bind, and polls ten
times a second. Here its parts are driven by hand, so that main keeps the signals and a failed bind is an
OSError.
"""

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from onema.http.connection import NORMAL_PATIENCE, Connection, Patience
from onema.http.open_files import most_open_files

log = logging.getLogger(__name__)

FILES_FOR_OTHERS = 64
"""Open files that connections leave to the store, to delivery and to the log."""

_CROWDED_LOG_SECONDS = 60.0
_BACKLOG = 2048
# A handler that shrugs off its cancellation must not keep the process alive.
_CANCEL_SECONDS = 1.0


@dataclass(frozen=True)
class TlsFiles:
    certificate: str
    key: str


class HttpServer:
    """One listening socket. `on_stopping` is set when a stop begins: event streams watch it and end."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        tls: TlsFiles | None = None,
        on_stopping: asyncio.Event | None = None,
        *,
        shared_port: bool = False,
        patience: Patience = NORMAL_PATIENCE,
        most_connections: int | None = None,
    ) -> None:
        """With `shared_port` others may listen there too, and the kernel deals connections out (`reserve_port`).

        Of `most_connections`, by default what the process may open less FILES_FOR_OTHERS, one more is answered 503.
        """
        self._most_connections = most_connections or max(1, most_open_files() - FILES_FOR_OTHERS)
        self._crowded_logged_at = -_CROWDED_LOG_SECONDS
        self._shared_port = shared_port
        self._tls = tls
        self._patience = patience
        self.on_stopping = on_stopping or asyncio.Event()
        self._host = host
        self._requested_port = port
        self._lost = asyncio.Event()
        self._socket: socket.socket | None = None
        self._ticks: asyncio.Task[None] | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                # uvicorn logs each malformed request of each port scanner as a warning.
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )

    @property
    def port(self) -> int:
        """The port that is bound; before `start`, the one that was asked for."""
        return self._requested_port if self._socket is None else int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Bind and accept. Raises OSError for an address that is taken and for unusable TLS files."""
        config = self._server.config
        if not config.loaded:
            config.load()
        self._socket = _listening_socket(self._host, self._requested_port, shared=self._shared_port)
        await self._server.on_tick(0)
        listener = await asyncio.get_running_loop().create_server(
            self._connection,
            sock=self._socket,
            backlog=_BACKLOG,
            ssl=config.ssl,
            # No connection has been made before: only this time bounds who connects and says nothing.
            ssl_handshake_timeout=self._patience.handshake if config.ssl else None,
        )
        self._server.servers = [listener]
        self._ticks = asyncio.create_task(self._tick(), name="http ticks")

    def read_certificates_anew(self) -> None:
        """Use what the TLS files hold now for every handshake from now on; connections that are open go on.

        Raises OSError (ssl.SSLError) and changes nothing when they cannot be used.
        """
        context = self._server.config.ssl
        if self._tls is None or context is None:
            return
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._tls.certificate, self._tls.key)
        context.load_cert_chain(self._tls.certificate, self._tls.key)

    async def stop(self, deadline_seconds: float) -> None:
        """Stop accepting, let requests finish until the deadline, then close what is left."""
        self.on_stopping.set()
        if self._ticks is None:
            return
        self._ticks.cancel()
        self._ticks = None
        for listener in self._server.servers:
            listener.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(deadline_seconds):
                while state.connections or state.tasks:
                    await self._next_end()
        except TimeoutError:
            await self._close_rest()
        self._socket = None

    async def _next_end(self) -> None:
        """Wait until a request or a connection ends."""
        self._lost.clear()
        tasks = list(self._server.server_state.tasks)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait([lost, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()

    async def _close_rest(self) -> None:
        state = self._server.server_state
        # Connections first: a request that is cancelled must find nobody left to answer.
        for connection in list(state.connections):
            connection.transport.abort()
        while state.connections:
            await self._next_lost()
        for task in list(state.tasks):
            task.cancel()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=_CANCEL_SECONDS)

    async def _next_lost(self) -> None:
        self._lost.clear()
        await self._lost.wait()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._server.on_tick(0)
            now = asyncio.get_running_loop().time()
            for connection in list(self._server.server_state.connections):
                cast(Connection, connection).end_if_late(now)

    def _connection(self) -> Connection:
        return Connection(
            self._server.config,
            self._server.server_state,
            {},
            on_lost=self._lost.set,
            has_room=self._has_room,
            patience=self._patience,
        )

    def _has_room(self) -> bool:
        if len(self._server.server_state.connections) <= self._most_connections:
            return True
        now = asyncio.get_running_loop().time()
        if now - self._crowded_logged_at >= _CROWDED_LOG_SECONDS:
            self._crowded_logged_at = now
            log.warning(
                "connections are turned away: the process may open no more files",
                extra={"action": "accept", "connections": self._most_connections},
            )
        return False


def reserve_port(host: str, port: int) -> socket.socket:
    """A port for several servers that share it, theirs alone as long as this socket is open; it listens to nobody.

    Raises OSError when it is taken.
    """
    # A port that is shared refuses nobody of the same user: whether others have it, only an unshared socket tells.
    with _listening_socket(host, port, shared=False) as probe:
        family, address = probe.family, probe.getsockname()
        dual_stack = family == socket.AF_INET6 and not probe.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        if dual_stack:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except BaseException:
        reserved.close()
        raise
    return reserved


def _listening_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    dual_stack = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(
        (str(address[0]), port),
        family=family,
        backlog=_BACKLOG,
        reuse_port=shared,
        dualstack_ipv6=dual_stack,
    )
