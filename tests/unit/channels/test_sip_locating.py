"""Where SIP for a name goes."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.voice_sip.locating import NotLocated, Service, in_order, locate
from onema.channels.voice_sip.transports import Hop


class Names:
    """A resolver that knows these."""

    def __init__(
        self,
        services: Mapping[str, Sequence[Service]] | None = None,
        addresses: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._services, self._addresses = services or {}, addresses or {}
        self.asked: list[str] = []

    async def services(self, name: str) -> Sequence[Service]:
        self.asked.append(name)
        return self._services.get(name, ())

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._addresses.get(host, ())


class Away:
    async def services(self, name: str) -> Sequence[Service]:
        raise OSError("nobody answers")

    async def addresses(self, host: str) -> Sequence[str]:
        raise OSError("nobody answers")


def middle() -> float:
    return 0.5


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
async def test_an_address_is_itself(ip: str) -> None:
    """Nobody is asked (RFC 3263 §4.2); without a port it is the transport's own."""
    names = Names()
    assert await locate(ip, None, "udp", names, middle) == [Hop("udp", ip, 5060, ip)]
    assert await locate(ip, 5080, "tls", names, middle) == [Hop("tls", ip, 5080, ip)]
    assert await locate(ip, None, "tls", names, middle) == [Hop("tls", ip, 5061, ip)]
    assert names.asked == []


async def test_a_name_with_a_port_has_its_addresses() -> None:
    """SRV is not asked (RFC 3263 §4.2)."""
    names = Names(addresses={"sip.example.net": ["2001:db8::1", "192.0.2.1"]})
    found = await locate("sip.example.net", 5070, "udp", names, middle)
    assert [(hop.ip, hop.port) for hop in found] == [("2001:db8::1", 5070), ("192.0.2.1", 5070)]
    assert names.asked == ["sip.example.net"]


@pytest.mark.parametrize(
    ("kind", "service"), [("udp", "_sip._udp"), ("tcp", "_sip._tcp"), ("tls", "_sips._tcp")]
)
async def test_a_name_alone_has_what_its_services_name(kind: str, service: str) -> None:
    """Lowest priority first, each host with all its addresses; certificates are the name's (RFC 5922 §4)."""
    names = Names(
        {
            f"{service}.example.net": [
                Service(20, 0, 5062, "b.example.net"),
                Service(10, 0, 5061, "a.example.net"),
            ]
        },
        {"a.example.net": ["192.0.2.1", "192.0.2.2"], "b.example.net": ["192.0.2.3"]},
    )
    assert await locate("example.net", None, kind, names, middle) == [  # type: ignore[arg-type]  # one of the three
        Hop(kind, "192.0.2.1", 5061, "example.net"),  # type: ignore[arg-type]
        Hop(kind, "192.0.2.2", 5061, "example.net"),  # type: ignore[arg-type]
        Hop(kind, "192.0.2.3", 5062, "example.net"),  # type: ignore[arg-type]
    ]


async def test_a_name_without_services_has_its_addresses_and_the_default_port() -> None:
    """RFC 3263 §4.2, the last paragraph."""
    names = Names(addresses={"example.net": ["192.0.2.1"]})
    assert await locate("example.net", None, "udp", names, middle) == [
        Hop("udp", "192.0.2.1", 5060, "example.net")
    ]


async def test_what_is_nowhere_says_so() -> None:
    """A name that is unknown, one that decidedly has no SIP (RFC 2782, a target of "."), and silence of all servers."""
    with pytest.raises(NotLocated, match="it has no address"):
        await locate("example.net", None, "udp", Names(), middle)
    nothing = Names({"_sip._udp.example.net": [Service(0, 0, 0, ".")]}, {"example.net": ["192.0.2.1"]})
    with pytest.raises(NotLocated, match="it has no address"):
        await locate("example.net", None, "udp", nothing, middle)
    with pytest.raises(NotLocated, match="nobody answers"):
        await locate("example.net", None, "udp", Away(), middle)


async def test_no_more_places_are_named_than_a_call_can_try() -> None:
    """However many records a name has."""
    services = [Service(0, 1, 5060, f"{number}.example.net") for number in range(100)]
    addresses = {f"{number}.example.net": [f"192.0.2.{number}"] for number in range(100)}
    found = await locate(
        "example.net", None, "udp", Names({"_sip._udp.example.net": services}, addresses), middle
    )
    assert len(found) == 16


def test_weights_say_how_often_a_host_is_first() -> None:
    """RFC 2782: in proportion, over equal priorities."""
    services = [
        Service(0, 60, 5060, "often"),
        Service(0, 20, 5060, "seldom"),
        Service(0, 20, 5060, "as seldom"),
    ]
    chances = cycle([number / 100 + 0.005 for number in range(100)])
    first = [in_order(services, lambda: next(chances))[0].host for _ in range(300)]
    assert 150 <= first.count("often") <= 210


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=8),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8),
)
def test_every_service_comes_once_by_priority(records: list[tuple[int, int]], chances: list[float]) -> None:
    """Whatever the weights are, and whatever is drawn."""
    services = [
        Service(priority, weight, 5060, str(number)) for number, (priority, weight) in enumerate(records)
    ]
    left = iter(chances)
    found = in_order(services, lambda: next(left))
    assert sorted(found) == sorted(services)
    assert [one.priority for one in found] == sorted(one.priority for one in services)
