"""Listening: sockets, TLS, how many connections there may be, and an end in good order."""

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass
from email.utils import formatdate

from onema.http.connection import NORMAL_PATIENCE, Application, Connection, Patience, Shared
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
        application: Application,
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
        self.on_stopping = on_stopping or asyncio.Event()
        self._host = host
        self._requested_port = port
        self._shared_port = shared_port
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        """What handshakes use, when there are TLS files; see `read_certificates_anew`."""
        self._most_connections = most_connections or max(1, most_open_files() - FILES_FOR_OTHERS)
        self._crowded_logged_at = -_CROWDED_LOG_SECONDS
        """When the log was last told that connections are turned away, by the loop's clock."""
        self._shared = Shared(application, patience, self._has_room)
        self._socket: socket.socket | None = None
        self._listener: asyncio.Server | None = None
        self._ticks: asyncio.Task[None] | None = None
        """Sets the date and ends late connections; None before `start` and from `stop` on."""

    @property
    def port(self) -> int:
        """The port that is bound; before `start`, the one that was asked for."""
        return self._requested_port if self._socket is None else int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Bind and accept. Raises OSError for an address that is taken and for unusable TLS files."""
        self._context = _tls_context(self._tls) if self._tls else None
        self._socket = _listening_socket(self._host, self._requested_port, shared=self._shared_port)
        self._shared.date = _date()
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._shared),
            sock=self._socket,
            backlog=_BACKLOG,
            ssl=self._context,
            # No connection has been made before: only this time bounds who connects and says nothing.
            ssl_handshake_timeout=self._shared.patience.handshake if self._context else None,
        )
        self._ticks = asyncio.create_task(self._tick(), name="http ticks")

    def read_certificates_anew(self) -> None:
        """Use what the TLS files hold now for every handshake from now on; connections that are open go on.

        Raises OSError (ssl.SSLError) and changes nothing when they cannot be used.
        """
        if self._tls is None or self._context is None:
            return
        _tls_context(self._tls)
        self._context.load_cert_chain(self._tls.certificate, self._tls.key)

    async def stop(self, deadline_seconds: float) -> None:
        """Stop accepting, let requests finish until the deadline, then close what is left."""
        self.on_stopping.set()
        if self._ticks is None or self._listener is None:
            return
        self._ticks.cancel()
        self._ticks = None
        self._listener.close()
        shared = self._shared
        shared.is_stopping = True
        for connection in list(shared.connections):
            connection.close_if_idle()
        try:
            async with asyncio.timeout(deadline_seconds):
                while shared.connections:
                    await shared.change()
        except TimeoutError:
            await self._close_rest()
        self._socket = None

    async def _close_rest(self) -> None:
        shared = self._shared
        # Connections first: a request that is cancelled must find nobody left to answer.
        for connection in shared.connections:
            connection.abort()
        while shared.open:
            await shared.change()
        answering = [connection.answering for connection in shared.connections if connection.answering]
        for task in answering:
            task.cancel()
        if answering:
            await asyncio.wait(answering, timeout=_CANCEL_SECONDS)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._shared.date = _date()
            now = asyncio.get_running_loop().time()
            for connection in list(self._shared.connections):
                connection.end_if_late(now)

    def _has_room(self) -> bool:
        if self._shared.open <= self._most_connections:
            return True
        now = asyncio.get_running_loop().time()
        if now - self._crowded_logged_at >= _CROWDED_LOG_SECONDS:
            self._crowded_logged_at = now
            log.warning(
                "connections are turned away: the process may open no more files",
                extra={"action": "accept", "connections": self._most_connections},
            )
        return False


def _date() -> bytes:
    return formatdate(usegmt=True).encode()


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Raises OSError (ssl.SSLError)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


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
