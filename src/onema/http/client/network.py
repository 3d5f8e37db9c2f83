"""The network as requests of ours see it: a name is looked up once, and the connection goes to an address that was
looked at.

So nothing can change between the check and the connection; Host and TLS still speak of the name.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from onema.domain.configuration.callback_target import Address, is_public
from onema.http.client.contract import TargetRefused

CONNECT_SECONDS = 3.0
"""For one of a host's addresses; then the next one has its turn."""
ADDRESSES_TRIED = 3
LOOKUPS = 256
"""Names that are looked up at once. A lookup cannot be ended, and one that nobody answers takes half a minute."""

Resolve = Callable[[str], Sequence[Address]]
P = TypeVar("P", bound=asyncio.BaseProtocol)


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
        """Raises OSError."""
        answer = self._pending.get(host)
        if answer is None:
            if len(self._pending) >= LOOKUPS:
                raise OSError("too many names are being looked up")
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
            outcome = error if isinstance(error, OSError) else OSError(type(error).__name__)

        def tell() -> None:
            if not answer.done():
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)

        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            answer.get_loop().call_soon_threadsafe(tell)


class GuardedNetwork:
    """Connects to public addresses only, unless `private_targets`."""

    def __init__(
        self, *, private_targets: bool, setting: str = "private_targets", resolve: Resolve = resolve
    ) -> None:
        """`setting` is what operators know `private_targets` by."""
        self._private_targets = private_targets
        self._setting = setting
        self._lookups = Lookups(resolve)

    async def connect(self, host: str, port: int, protocol: Callable[[], P]) -> P:
        """A TCP connection. Raises OSError, and TargetRefused."""
        failure: OSError | TargetRefused = TargetRefused(
            f"the host has no address on the public Internet, and {self._setting} is off"
        )
        loop = asyncio.get_running_loop()
        for address in (await self.allowed(host))[:ADDRESSES_TRIED]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, connection = await loop.create_connection(protocol, str(address), port)
            except OSError as error:  # TimeoutError is one
                failure = error
            else:
                return connection
        raise failure

    async def allowed(self, host: str) -> Sequence[Address]:
        """The addresses of a host that may be connected to."""
        try:
            addresses: Sequence[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            addresses = await self._lookups.addresses(host)
        return [each for each in dict.fromkeys(addresses) if self._private_targets or is_public(each)]
