"""Where SIP for a name goes (RFC 3263 §4), as far as a trunk needs it: no NAPTR, since its transport is configured.

An address is itself. A name with a port has the addresses of the name (§4.2). A name without one has those that its SRV
records name, best first, and where it has none the addresses of the name with the default port.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from onema.channels.voice_sip.transports import Hop, Kind

PORTS: dict[Kind, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
"""RFC 3261 §19.1.2."""
_SERVICES: dict[Kind, str] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
MOST_HOPS = 16
"""More are not tried; a call's time would not be enough."""
LOOKUP_SECONDS = 5.0


class NotLocated(Exception):
    """No address is known; the text says why, for operators."""


class Service(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str


class Resolver(Protocol):
    async def services(self, name: str) -> Sequence[Service]:
        """SRV records; none where there are none. Raises OSError where nobody can be asked."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Of both families, the preferred first; none where there are none. Raises OSError."""


class SystemResolver:
    """What this machine's configuration says: its hosts file too for addresses, its name servers for SRV, or
    `name_server` instead of those.
    """

    def __init__(self, name_server: tuple[str, int] | None = None) -> None:
        self._name_server = name_server

    async def services(self, name: str) -> Sequence[Service]:
        # Only a name without a port needs it, and it takes 6 MB and 30 ms to load.
        import dns.asyncresolver
        import dns.exception
        import dns.rdatatype
        import dns.resolver

        try:
            resolver = dns.asyncresolver.Resolver(configure=self._name_server is None)
            if self._name_server is not None:
                resolver.nameservers, resolver.port = [self._name_server[0]], self._name_server[1]
            found = await resolver.resolve(name, dns.rdatatype.SRV, lifetime=LOOKUP_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise OSError(f"{name}: {type(error).__name__}") from error
        return [
            Service(one.priority, one.weight, one.port, one.target.to_text(omit_final_dot=True))
            for one in found
        ]

    async def addresses(self, host: str) -> Sequence[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
                return ()
            raise
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def locate(
    host: str, port: int | None, kind: Kind, resolver: Resolver, chance: Callable[[], float], name: str = ""
) -> list[Hop]:
    """Where to try, best first. `chance` gives numbers from 0 to 1 that spread equal hosts by their weight; `name` is
    what certificates must say where it is not `host`. Raises NotLocated.
    """
    name = name or host
    with contextlib.suppress(ValueError):
        ip = str(ipaddress.ip_address(host))
        return [Hop(kind, ip, port or PORTS[kind], name)]
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            hops = await _by_name(host, port, kind, resolver, chance, name)
    except TimeoutError:
        raise NotLocated(f"{host}: the name servers did not answer") from None
    except (OSError, UnicodeError) as error:
        raise NotLocated(f"{host}: {error}") from error
    if not hops:
        raise NotLocated(f"{host}: it has no address")
    return hops[:MOST_HOPS]


async def _by_name(
    host: str, port: int | None, kind: Kind, resolver: Resolver, chance: Callable[[], float], name: str
) -> list[Hop]:
    services: Iterable[Service] = ()
    if port is None:
        services = in_order(await resolver.services(f"{_SERVICES[kind]}.{host}"), chance)
        if any(service.host == "." for service in services):
            return []  # RFC 2782: it decidedly has no such service
    hops: list[Hop] = []
    for service in list(services)[:MOST_HOPS]:
        addresses = await resolver.addresses(service.host)
        # RFC 5922 §4: the certificate is the domain's that was asked for.
        hops += [Hop(kind, ip, service.port, name) for ip in addresses]
    if not hops:
        hops = [Hop(kind, ip, port or PORTS[kind], name) for ip in await resolver.addresses(host)]
    return list(dict.fromkeys(hops))


def in_order(services: Iterable[Service], chance: Callable[[], float]) -> list[Service]:
    """By priority, and within one as often first as the weights say (RFC 2782, "The Weight field")."""
    ordered: list[Service] = []
    left = sorted(services, key=lambda service: (service.priority, service.weight))
    while left:
        best = [service for service in left if service.priority == left[0].priority]
        drawn = chance() * sum(service.weight for service in best)
        for service in best:
            drawn -= service.weight
            if drawn <= 0:
                break
        ordered.append(service)
        left.remove(service)
    return ordered
