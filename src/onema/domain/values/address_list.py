import ipaddress
from collections.abc import Iterable


class AddressList:
    """IP networks that may call; empty allows everyone."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(address.strip(), strict=False) for address in addresses)

    def admits(self, client_ip: str) -> bool:
        if not self._networks:
            return True
        try:
            address = ipaddress.ip_address(client_ip)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
