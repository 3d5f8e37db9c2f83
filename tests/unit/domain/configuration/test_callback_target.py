import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration import documents as doc
from onema.domain.configuration.callback_target import (
    LONGEST_URL,
    BadCallbackUrl,
    CallbackTarget,
    callback_url_problem,
    is_public,
    parse_callback_url,
)
from onema.domain.configuration.document_rules import problems_of

PUBLIC = """
    8.8.8.8 1.1.1.1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::
"""
NOT_PUBLIC = """
    127.0.0.1 127.255.255.254 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.100.100.200
    169.254.169.254 168.63.129.16 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250
    240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2001:db8::1
    2001::1    fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 100::1
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_the_public_internet_may_be_called(address: str) -> None:
    """Also where an IPv4 address is written inside an IPv6 one."""
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_what_only_this_machine_reaches_is_not_public(address: str) -> None:
    """Loopback, private, shared, link-local, documentation, multicast, and the services that clouds offer machines."""
    assert not is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    """Mapped, NAT64 and 6to4 are only other ways to write it."""
    number = int(address)
    inside = (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80)
    assert {is_public(ipaddress.IPv6Address(each)) for each in inside} == {is_public(address)}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://shop.vn", CallbackTarget("http", "shop.vn", 80, "/")),
        ("HTTPS://Shop.VN:8443/a/b?c=d#e", CallbackTarget("https", "shop.vn", 8443, "/a/b?c=d")),
        ("https://u:p%40ss@shop.vn/x", CallbackTarget("https", "shop.vn", 443, "/x", b"u:p@ss")),
        ("http://[2001:DB8::1]:99?x=1", CallbackTarget("http", "2001:db8::1", 99, "/?x=1")),
        ("http://shop.vn/đã?x={a}%20", CallbackTarget("http", "shop.vn", 80, "/%C4%91%C3%A3?x=%7Ba%7D%20")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: CallbackTarget) -> None:
    """What goes on the wire is ASCII; what was escaped already stays."""
    assert parse_callback_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        *(
            "hello",
            "example.com/cb",
            "ftp://shop.vn/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "//shop.vn/x",
        ),
        *("http://", "http:///x", "http://[::1", "http://[::1]x/", "http://[fe80::1%25eth0]/"),
        *("http://shop.vn:99999/", "http://shop.vn:0/", "http://shop.vn:port/"),
        *(
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.0.0.01/",
        ),
        *("http://1.2.3.4.5/", "http://shop..vn/", "http://-shop.vn/", "http://b\u00fccher.vn/"),
        *("http://a@b@shop.vn/", "http://shop.vn\\@127.0.0.1/", " http://shop.vn/", "http://shop.vn/a b"),
        *("http://shop.vn/\r\nX: y", "http://shop.vn/\t", "http://shop.vn/\u200b"),
    ],
)
def test_a_url_that_cannot_be_called_is_refused_when_it_is_saved(url: str) -> None:
    """And when it is called, since an older version may have saved it."""
    with pytest.raises(BadCallbackUrl):
        parse_callback_url(url)
    for document in (
        doc.Account(name="acme", callback_url=url),
        doc.Application(account="acme", name="app", callback_url=url),
    ):
        (problem,) = problems_of(document)
        assert (problem.place, problem.sentence[:17]) == ("callback_url", "its callback_url ")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Never anything else, and what was parsed fits on a request line."""
    try:
        target = parse_callback_url("http://" + text)
    except BadCallbackUrl:
        return
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path
    assert target.host.isascii()


def test_a_problem_does_not_tell_the_secrets_of_a_url() -> None:
    """Its host is enough to find it."""
    url = "http://user:hidden@127.1/hidden?hidden"
    assert "hidden" not in callback_url_problem(doc.Account(name="acme", callback_url=url))


def test_a_url_has_an_end() -> None:
    """Each callback carries it."""
    url = "http://shop.vn/" + "x" * LONGEST_URL
    assert "2048 characters" in callback_url_problem(doc.Account(name="acme", callback_url=url))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.0.0.8:8080", "localhost", "LocalHost.", "api.localhost"]
)
def test_a_private_target_needs_the_setting(host: str) -> None:
    """As far as the URL itself tells; names are looked at when they are called."""
    account = doc.Account(name="acme", callback_url=f"http://{host}/told")
    assert "callback.private_targets" in callback_url_problem(account, private_targets=False)
    assert callback_url_problem(account, private_targets=True) == ""
