from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from onema.http.messages import Headers

FORWARDED_HOST = "onema.forwarded_host"
"""Where a scope has the host that a trusted proxy was asked for."""

_Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Finds the client's address; X-Forwarded-For counts only when the peer is one of these networks."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Raise ValueError when a network is malformed."""
        self._networks = tuple(ip_network(network, strict=False) for network in networks)
        self._trusted = lru_cache(maxsize=4096)(self._is_in_networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, peer: str) -> bool:
        return bool(self._networks) and self._trusted(peer)

    def client_ip(self, peer: str, headers: Headers) -> str:
        """The right-most forwarded address that is no trusted proxy; the peer when the header is malformed.

        Proxies append what they saw, so that everything left of the first untrusted address is hearsay.
        """
        if not self._networks:
            return peer if ":" not in peer else _unmapped(peer)
        if not self._trusted(peer):
            return _unmapped(peer)
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        if not forwarded:
            return _unmapped(peer)
        client = _unmapped(peer)
        for entry in reversed(forwarded.decode("latin-1").split(",")):
            address = _parsed(entry.strip())
            if address is None:
                return _unmapped(peer)
            client = str(address)
            if not self._trusted(client):
                break
        return client

    def _is_in_networks(self, peer: str) -> bool:
        address = _parsed(peer)
        return address is not None and any(address in network for network in self._networks)


def _unmapped(peer: str) -> str:
    address = _parsed(peer)
    return peer if address is None else str(address)


def _parsed(text: str) -> _Address | None:
    # Azure's gateway writes "1.2.3.4:5678", RFC 7239 proxies "[2001:db8::1]:5678".
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
