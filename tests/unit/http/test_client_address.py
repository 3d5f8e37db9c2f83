import pytest

from onema.http.client_address import TrustedProxies


def forwarded(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"h"), *((b"x-forwarded-for", value) for value in values)]


def test_the_header_is_ignored_when_no_proxy_is_trusted() -> None:
    """Anybody can write X-Forwarded-For."""
    assert TrustedProxies().client_ip("192.0.2.1", forwarded(b"198.51.100.7")) == "192.0.2.1"


def test_the_header_is_ignored_from_an_untrusted_peer() -> None:
    """Trust in one network is not trust in all."""
    assert TrustedProxies(["10.0.0.0/8"]).client_ip("192.0.2.1", forwarded(b"198.51.100.7")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ((b"198.51.100.7",), "198.51.100.7"),
        ((b"6.6.6.6, 198.51.100.7, 10.0.0.2",), "198.51.100.7"),
        ((b"6.6.6.6", b"198.51.100.7,10.0.0.2"), "198.51.100.7"),
        ((b"198.51.100.7:4711",), "198.51.100.7"),
        ((b"[2001:DB8::1]:4711",), "2001:db8::1"),
        ((b"::ffff:198.51.100.7",), "198.51.100.7"),
        ((b"10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ((b"198.51.100.7, unknown",), "10.0.0.1"),
        ((b"",), "10.0.0.1"),
        ((), "10.0.0.1"),
    ],
)
def test_the_rightmost_untrusted_address_is_the_client(values: tuple[bytes, ...], client: str) -> None:
    """What stands left of it is hearsay; a malformed entry makes the peer the client."""
    assert TrustedProxies(["10.0.0.0/8"]).client_ip("10.0.0.1", forwarded(*values)) == client


def test_ipv4_in_ipv6_clothes_is_ipv4() -> None:
    """A dual-stack socket reports IPv4 peers as mapped addresses, which allow-lists do not know."""
    assert TrustedProxies().client_ip("::ffff:192.0.2.1", []) == "192.0.2.1"
    assert TrustedProxies(["10.0.0.0/8"]).client_ip("::ffff:10.0.0.1", forwarded(b"192.0.2.9")) == "192.0.2.9"


def test_a_malformed_network_is_refused() -> None:
    """A typing error must not become an empty list of proxies."""
    with pytest.raises(ValueError, match="10\\.0\\.0"):
        TrustedProxies(["10.0.0/8/8"])
