"""The HTTP client of callbacks and carriers. What it is for is one thing that no library tells for certain: whether any
byte of a request may have left us (docs/decisions/0030-http-client.md).

It may have, from the moment that its first byte is handed to a connection. Nothing is sent twice, no redirect is
followed, no cookie kept, no body unpacked, and nothing taken from the environment.
"""

import asyncio
import re
import ssl

import onema
from onema.domain.configuration.callback_target import (
    BadCallbackUrl,
    CallbackTarget,
    local_problem,
    parse_callback_url,
)
from onema.http.client.connection import ANSWER_LIMIT, BrokenAnswer, Connection
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent, TargetRefused
from onema.http.client.idle import IdleConnections
from onema.http.client.network import GuardedNetwork, Resolve, resolve
from onema.http.client.trust import proxy_of, tls_context

BODY_LIMIT = 65_536
"""So much of an answer's body is read, unless the client's owner says otherwise."""
IDLE_SECONDS = 15.0
"""So long a connection is kept for the next request."""
SOONER_SECONDS = 1.0
"""So much sooner than its server would close it (`Keep-Alive: timeout=...`): what is written in the moment that the
server closes it may have left or not.
"""

_AGENT = b"User-Agent: onema/%b\r\n" % onema.__version__.encode()
_TIMEOUT = re.compile(rb"\btimeout=([0-9]{1,6})\b", re.IGNORECASE)
_ENDS_A_HEADER = re.compile(rb"[\r\n\0]")


class PooledClient:
    """`seconds` bounds the whole of one exchange: name, connection, TLS, request and answer; `body_seconds` what of it
    the body may take once the head is there.
    """

    def __init__(
        self,
        *,
        seconds: float,
        idle_connections: int,
        private_targets: bool,
        private_setting: str = "private_targets",
        body_seconds: float = float("inf"),
        proxy: str = "",
        proxy_setting: str = "proxy",
        ca_file: str = "",
        ca_setting: str = "ca_file",
        resolve: Resolve = resolve,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        """Settings have their names beside them, for what is said to operators. Raises ClientRefused."""
        self._seconds = seconds
        self._body_limit = body_limit
        self._answer_limit = max(ANSWER_LIMIT, 2 * body_limit)
        self._body_seconds = body_seconds
        self._private_targets = private_targets
        self._private_setting = private_setting
        self._tls = tls_context(ca_file, ca_setting)
        self._proxy = proxy_of(proxy, proxy_setting)
        # A proxy is the operator's own, and looks names up by itself.
        self._network = GuardedNetwork(
            private_targets=private_targets or self._proxy is not None,
            setting=private_setting,
            resolve=resolve,
        )
        self._idle = IdleConnections(idle_connections)
        self._busy: set[Connection] = set()
        """Those on which an answer is awaited."""
        self._closed = False

    async def exchange(self, request: HttpRequest, seconds: float | None = None) -> HttpAnswer:
        seconds = self._seconds if seconds is None else seconds
        target = self._target(request.url)
        data = self._bytes_of(request, target)
        connection: Connection | None = None
        has_left = False
        try:
            async with asyncio.timeout(seconds) as deadline:
                connection = self._idle.take(_key(target)) or await self._connect(target)
                if self._closed:
                    raise NotSent("the client was closed")
                self._busy.add(connection)
                has_left = True
                loop = asyncio.get_running_loop()

                def bound_body() -> None:
                    latest = deadline.when() or 0.0
                    deadline.reschedule(min(latest, loop.time() + self._body_seconds))

                answer = await connection.exchange(
                    data, self._body_limit, on_head=bound_body, answer_limit=self._answer_limit
                )
        except (BrokenAnswer, OSError) as error:  # TimeoutError is an OSError, ssl's errors are
            partial = connection.partial if connection is not None else None
            self._drop(connection)
            why = _why(error, seconds, has_left=has_left)
            raise (MayHaveLeft(why, partial) if has_left else NotSent(why)) from None
        except BaseException:
            self._drop(connection)
            raise
        self._keep(target, connection, answer)
        return answer

    def _target(self, url: str) -> CallbackTarget:
        try:
            target = parse_callback_url(url)
        except BadCallbackUrl as error:
            raise TargetRefused(f"the URL {error}") from None
        if not self._private_targets and (problem := local_problem(target, self._private_setting)):
            raise TargetRefused(f"the URL {problem}")
        return target

    def _bytes_of(self, request: HttpRequest, target: CallbackTarget) -> bytes:
        path = target.path.encode()
        through = b""
        if self._proxy is not None and target.scheme == "http":
            path = b"http://%b%b" % (target.host_header, path)  # RFC 9112, 3.2.2
            through = _authorization(b"Proxy-Authorization", self._proxy)
        # No Accept-Encoding: there is nothing to unpack.
        lines = [
            b"%b %b HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\n"
            % (request.method.encode(), path, target.host_header)
        ]
        lines += (_AGENT, through, *map(_header, request.headers))
        lines.append(_authorization(b"Authorization", target))
        if request.body or request.method not in ("GET", "HEAD", "DELETE"):
            lines.append(b"Content-Length: %d\r\n" % len(request.body))
        lines += (b"\r\n", request.body)
        return b"".join(lines)

    async def _connect(self, target: CallbackTarget) -> Connection:
        """Raises NotSent and OSError."""
        through = self._proxy or target
        connection = await self._network.connect(
            through.host, through.port, lambda: Connection(self._idle.forget)
        )
        try:
            if through.scheme == "https":
                await self._start_tls(connection, through.host)
            if self._proxy is not None and target.scheme == "https":
                await self._open_tunnel(connection, target, self._proxy)
                await self._start_tls(connection, target.host)
        except BaseException:
            connection.abort()
            raise
        connection.rest()
        return connection

    async def _start_tls(self, connection: Connection, host: str) -> None:
        if connection.transport is None:
            raise ConnectionResetError
        connection.transport = await asyncio.get_running_loop().start_tls(
            connection.transport,
            connection,
            self._tls,
            server_hostname=host,
            ssl_handshake_timeout=self._seconds,
        )

    async def _open_tunnel(
        self, connection: Connection, target: CallbackTarget, proxy: CallbackTarget
    ) -> None:
        """RFC 9110, 9.3.6. What goes to the proxy is not the request."""
        name = f"[{target.host}]" if ":" in target.host else target.host
        address = f"{name}:{target.port}".encode()
        connect = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n" % (address, address)
        try:
            answer = await connection.exchange(
                connect + _authorization(b"Proxy-Authorization", proxy) + b"\r\n", 0, is_connect=True
            )
        except BrokenAnswer as error:
            raise NotSent(f"the proxy: {error}") from None
        if not 200 <= answer.status < 300:
            raise NotSent(f"the proxy said HTTP {answer.status}")

    def _keep(self, target: CallbackTarget, connection: Connection, answer: HttpAnswer) -> None:
        self._busy.discard(connection)
        if self._closed or not connection.keeps_alive:
            connection.abort()
            return
        told = _TIMEOUT.search(answer.header(b"keep-alive"))
        seconds = min(IDLE_SECONDS, int(told[1]) - SOONER_SECONDS) if told else IDLE_SECONDS
        connection.idle_until = asyncio.get_running_loop().time() + seconds
        connection.rest()
        self._idle.put(_key(target), connection)

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            self._busy.discard(connection)
            connection.abort()

    async def close(self) -> None:
        self._closed = True
        self._idle.close()
        for connection in list(self._busy):
            connection.abort()
        # One turn, in which connections hear that they are closed.
        await asyncio.sleep(0)


def _key(target: CallbackTarget) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port


def _header(header: tuple[bytes, bytes]) -> bytes:
    line = b"%b: %b" % header
    if _ENDS_A_HEADER.search(line):
        raise TargetRefused("a header of the request holds a line break")
    return line + b"\r\n"


def _authorization(name: bytes, target: CallbackTarget) -> bytes:
    return b"%b: %b\r\n" % (name, target.authorization) if target.user else b""


def _why(error: BrokenAnswer | OSError, seconds: float, *, has_left: bool) -> str:
    if isinstance(error, BrokenAnswer):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no {'answer' if has_left else 'connection'} within {seconds:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate cannot be believed ({error.verify_message.rstrip('.')})"
    return f"no connection ({type(error).__name__})"
