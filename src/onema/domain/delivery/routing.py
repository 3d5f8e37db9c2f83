"""Which carriers a message may take, best first."""

from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Carrier
from onema.domain.records import Channel


def plan_route(directory: Directory, channel: Channel, phone: str) -> tuple[Carrier, ...]:
    """The active carriers for `phone`: longest prefix first, then lowest priority, then by name."""
    carriers: dict[str, Carrier] = {}
    for route in directory.routes:
        if route.channel == channel and phone.startswith(route.prefix):
            carrier = directory.carriers[route.carrier]
            if carrier.state == "active":
                carriers.setdefault(carrier.name, carrier)
    return tuple(carriers.values())
