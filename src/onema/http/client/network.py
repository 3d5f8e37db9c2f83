"""The network as callbacks see it: a name is looked up once, and the connection goes to an address that was looked at.

So nothing can change between the check and the connection; Host and TLS still speak of the name.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from onema.domain.configuration.callback_target import Address, is_public

CONNECT_SECONDS = 3.0
"""For one of a host's addresses; then the next one has its turn."""
ADDRESSES_TRIED = 3
ANSWER_LIMIT = 262_144
"""So many bytes of an answer are read, whatever they are: interim answers, headers, the wrapping of chunks, a body. To
take them apart is our time.
"""
READ_AT_ONCE = 4_096
"""Bytes that are taken apart before others have their turn: of the smallest chunks 64 KiB take a third of a second."""
LOOKUPS = 256
"""Names that are looked up at once. A lookup cannot be ended, and one that nobody answers takes half a minute."""

Resolve = Callable[[str], Sequence[Address]]


class TargetRefused(Exception):
    """The host has no address that may be called."""


def resolve(host: str) -> Sequence[Address]:
    """The host's addresses, as this machine knows them; blocks. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(address[0])) for *_, address in found]


class Lookups:
    """Looks names up in threads of their own: neither the loop nor anybody else's work waits behind a dead name server.

    Who asks for a name that is being looked up gets the same answer, so one host has one thread.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._pending: dict[str, asyncio.Future[Sequence[Address]]] = {}

    @property
    def pending(self) -> int:
        return len(self._pending)

    async def addresses(self, host: str) -> Sequence[Address]:
        """Raises httpcore.ConnectError."""
        answer = self._pending.get(host)
        if answer is None:
            if len(self._pending) >= LOOKUPS:
                raise httpcore.ConnectError("too many names are being looked up")
            answer = self._pending[host] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: self._done(host, done))
            threading.Thread(target=self._look_up, args=(host, answer), name="lookup", daemon=True).start()
        return await asyncio.shield(answer)

    def _done(self, host: str, answer: asyncio.Future[Sequence[Address]]) -> None:
        del self._pending[host]
        if not answer.cancelled():
            answer.exception()  # whoever asked may be gone

    def _look_up(self, host: str, answer: asyncio.Future[Sequence[Address]]) -> None:
        outcome: Sequence[Address] | Exception
        try:
            outcome = self._resolve(host)
        except (OSError, ValueError) as error:  # UnicodeError is one, for a name that cannot be a name
            outcome = httpcore.ConnectError(type(error).__name__)

        def tell() -> None:
            if not answer.done():
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)

        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            answer.get_loop().call_soon_threadsafe(tell)


class BoundedStream(httpcore.AsyncNetworkStream):
    """A connection that ends after ANSWER_LIMIT bytes of one answer. A request begins by writing."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._left = ANSWER_LIMIT

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's
        """Raises httpcore.ReadError."""
        if self._left <= 0:
            raise httpcore.ReadError("the answer is too long")
        data = await self._inner.read(min(max_bytes, self._left, READ_AT_ONCE), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # httpcore's
        self._left = ANSWER_LIMIT
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
    ) -> httpcore.AsyncNetworkStream:
        return BoundedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, unless `private_targets`."""

    def __init__(self, *, private_targets: bool, resolve: Resolve = resolve) -> None:
        self._private_targets = private_targets
        self._lookups = Lookups(resolve)
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises TargetRefused besides what a connection raises."""
        failure: Exception = TargetRefused(host)
        for address in (await self.allowed(host))[:ADDRESSES_TRIED]:
            try:
                return BoundedStream(
                    await self._backend.connect_tcp(
                        str(address), port, CONNECT_SECONDS, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def allowed(self, host: str) -> Sequence[Address]:
        """The addresses of a host that may be connected to."""
        try:
            addresses: Sequence[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            addresses = await self._lookups.addresses(host)
        return [each for each in dict.fromkeys(addresses) if self._private_targets or is_public(each)]
