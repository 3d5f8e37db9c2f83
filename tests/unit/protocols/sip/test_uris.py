"""URIs (RFC 3261 §19.1, RFC 3966): what peers write in Contact and Record-Route, and what we write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.uris import OtherUri, SipUri, TelUri, parse_sip_uri, parse_uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:example.com", SipUri(host="example.com")),
        ("sip:192.0.2.1:5080;transport=UDP", SipUri(host="192.0.2.1", port=5080, parameters=(("transport", "UDP"),))),
        ("sip:b@192.0.2.1;ob", SipUri(user="b", host="192.0.2.1", parameters=(("ob", None),))),
        ("sips:b@[2001:db8::1]:5061", SipUri(scheme="sips", user="b", host="[2001:db8::1]", port=5061)),
        ("sip:[2001:db8::1];lr", SipUri(host="[2001:db8::1]", parameters=(("lr", None),))),
        ("SIP:a:b%3A@example.com", SipUri(user="a", password="b:", host="example.com")),
        ("sip:+1;ext=2@a;user=phone", SipUri(user="+1;ext=2", host="a", parameters=(("user", "phone"),))),
        ("sip:a%40b@example.com", SipUri(user="a@b", host="example.com")),
        ("sip:a?b@example.com?x=y&z=1", SipUri(user="a?b", host="example.com", headers="x=y&z=1")),
        ("tel:+84-90;phone-context=x", TelUri("+84-90", (("phone-context", "x"),))),
        ("urn:service:sos", OtherUri("urn", "service:sos")),
    ],
)  # fmt: skip
def test_uris_are_read(text: str, uri: object) -> None:
    """With and without each of their parts."""
    assert parse_uri(text) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "sip:",
        "sip:@b",
        "sip:a@",
        "sip:a:70000",
        "sip:a;;lr",
        "sip:a b",
        "sip:a?",
        "tel:",
        "tel:;x",
        "sip:[::1",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    """With BadMessage alone."""
    with pytest.raises(BadMessage):
        parse_uri(text)


def test_only_sip_goes_into_a_route() -> None:
    """Another scheme is answered 416 (RFC 3261 §8.2.2.1)."""
    with pytest.raises(BadMessage) as bad:
        parse_sip_uri("tel:+1")
    assert bad.value.status == 416


def test_parameters_are_found_in_any_case() -> None:
    """`lr` with a value and without; sips means TLS."""
    assert parse_sip_uri("sip:a;LR").is_loose_route
    assert parse_sip_uri("sip:a;lr=on").is_loose_route
    assert not parse_sip_uri("sip:lr@a").is_loose_route
    assert parse_sip_uri("sip:a;Transport=TCP").transport == "tcp"
    assert parse_sip_uri("sips:a;transport=tcp").transport == "tls"
    assert parse_sip_uri("sip:a").transport == ""


name = st.from_regex(r"[a-z0-9\-]{1,8}", fullmatch=True)
part = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
sip_uris = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=part,
    password=st.none() | part,
    host=st.sampled_from(["example.com", "192.0.2.1", "[2001:db8::1]"]),
    port=st.integers(0, 65_535),
    parameters=st.lists(st.tuples(name, st.none() | name), max_size=3).map(tuple),
    headers=st.sampled_from(["", "a=b", "a=b&c=%40"]),
)


@given(sip_uris)
def test_what_is_encoded_is_read_back(uri: SipUri) -> None:
    """Whatever stands in the user part."""
    assert parse_uri(uri.encode()) == uri


@given(st.text(max_size=40))
def test_any_text_is_a_uri_or_refused(text: str) -> None:
    """Nothing but BadMessage is raised, and what is a URI can be written again."""
    for tried in (text, f"sip:{text}", f"sip:a@{text}", f"sip:a@b;{text}"):
        try:
            uri = parse_uri(tried)
        except BadMessage:
            continue
        assert parse_uri(uri.encode()) == uri
