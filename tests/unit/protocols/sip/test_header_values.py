"""Values of header fields (RFC 3261 §20) as peers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.header_values import (
    CSeq,
    NameAddr,
    RAck,
    Reason,
    SessionExpires,
    Via,
    quoted,
    read_rack,
    read_reasons,
    read_rseq,
    read_seconds,
    read_session_expires,
    split_values,
    unquoted,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:a@b>", NameAddr("sip:a@b")),
        ("sip:a@b;tag=1", NameAddr("sip:a@b", "", (("tag", "1"),))),
        ("<sip:a@b;lr>;tag=1", NameAddr("sip:a@b;lr", "", (("tag", "1"),))),
        ('"Bell, A" <sip:a@b>', NameAddr("sip:a@b", "Bell, A")),
        (
            r'"a \"b\" \\"<sip:a@b> ; tag = 1 ; x',
            NameAddr("sip:a@b", 'a "b" \\', (("tag", "1"), ("x", None))),
        ),
        ("two words<sip:a@b>", NameAddr("sip:a@b", "two words")),
        ("tel:+84901234567", NameAddr("tel:+84901234567")),
        ("<tel:+84901234567;phone-context=+84>", NameAddr("tel:+84901234567;phone-context=+84")),
        ('<sip:a@b>;x="1;2,3"', NameAddr("sip:a@b", "", (("x", "1;2,3"),))),
        ("<sip:[2001:db8::1]:5060;transport=UDP;ob>", NameAddr("sip:[2001:db8::1]:5060;transport=UDP;ob")),
    ],
)
def test_addresses_are_read(text: str, address: NameAddr) -> None:
    """With and without name, brackets and blanks; without brackets parameters are the header field's (§20.10)."""
    assert NameAddr.parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b",
        "<>",
        "<sip:a@b",
        '"a <sip:a@b>',
        "sip:a?b=c",
        "a, b <sip:a@b>",
        "<sip:a@b>;",
        "<sip:a@b> x",
        "*",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With BadMessage alone."""
    with pytest.raises(BadMessage):
        NameAddr.parse(text)


@pytest.mark.parametrize(
    "behind",
    [
        "rport=5080;received=192.0.2.9;branch=z9hG4bK1",
        "branch=z9hG4bK1;received=192.0.2.9;rport=5080",
        "RECEIVED = 192.0.2.9 ; Rport = 5080 ; Branch=z9hG4bK1",
    ],
)
def test_a_via_tells_what_the_far_side_saw(behind: str) -> None:
    """In any order and case, also where it equals what was sent."""
    via = Via.parse(f"SIP/2.0/UDP 192.0.2.9:5080;{behind}")
    assert (via.received, via.rport, via.branch, via.port) == ("192.0.2.9", 5080, "z9hG4bK1", 5080)


def test_a_via_has_ipv6_with_brackets_and_without() -> None:
    """RFC 5118 §4.5: `received` came both ways."""
    for text in ("[2001:db8::1]", "2001:db8::1"):
        via = Via.parse(f"SIP / 2.0 / tls [2001:db8::9]:5061;received={text};rport")
        assert (via.transport, via.host, via.received, via.rport) == (
            "TLS",
            "[2001:db8::9]",
            "2001:db8::1",
            0,
        )


def test_a_server_writes_down_where_a_request_came_from() -> None:
    """`rport` only where it was asked for (RFC 3581 §4)."""
    asked = Via.parse("SIP/2.0/UDP a;rport;branch=z").seen_from("192.0.2.1", 5070)
    assert asked.encode() == "SIP/2.0/UDP a;rport=5070;branch=z;received=192.0.2.1"
    assert Via.parse("SIP/2.0/UDP a;branch=z").seen_from("192.0.2.1", 5070).rport == 0


@pytest.mark.parametrize(
    "text", ["", "SIP/3.0/UDP a", "SIP/2.0/UDP", "SIP/2.0/UDP a;;", "SIP/2.0 UDP a", "SIP/2.0/UDP a b"]
)
def test_what_is_no_via_is_refused(text: str) -> None:
    """With BadMessage alone."""
    with pytest.raises(BadMessage):
        Via.parse(text)


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "-1 INVITE", "2147483648 INVITE", "1 INVITE x", "9" * 5000 + " INVITE"]
)
def test_what_is_no_cseq_is_refused(text: str) -> None:
    """It must be below 2**31 (RFC 3261 §8.1.1.5)."""
    with pytest.raises(BadMessage):
        CSeq.parse(text)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('Q.850;cause=17;text="User busy"', Reason("Q.850", 17, "User busy")),
        ('SIP ; cause=200 ; text="Call completed elsewhere"', Reason("SIP", 200, "Call completed elsewhere")),
        ("Q.850 ;cause = 16", Reason("Q.850", 16)),
        ("X", Reason("X")),
        ("SIP;cause=many", Reason("SIP")),
    ],
)
def test_a_reason_is_read(value: str, reason: Reason) -> None:
    """RFC 3326, with blanks around the semicolon as baresip writes them."""
    assert read_reasons([value]) == [reason]


def test_a_reason_that_is_none_is_left_out() -> None:
    """The call has ended all the same."""
    assert read_reasons([";cause=1", "SIP;;", 'SIP;text="', "SIP;cause=486"]) == [Reason("SIP", 486)]
    assert read_reasons([Reason("Q.850", 21, 'a "b"').encode()]) == [Reason("Q.850", 21, 'a "b"')]


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("1800;refresher=uac", SessionExpires(1800, "uac")),
        ("90 ; refresher = UAS", SessionExpires(90, "uas")),
        ("90;refresher=me", SessionExpires(90)),
        ("90", SessionExpires(90)),
        ("soon", None),
        ("9" * 50, None),
        (None, None),
    ],
)
def test_session_expires_is_read(text: str | None, expires: SessionExpires | None) -> None:
    """RFC 4028 §4; what cannot be read is as if it were absent."""
    assert read_session_expires(text) == expires
    if expires is not None:
        assert read_session_expires(expires.encode()) == expires


def test_numbers_are_read() -> None:
    """Retry-After with its comment and parameters (RFC 3261 §20.33); RSeq and RAck (RFC 3262 §7)."""
    assert read_seconds("120 (I'm in a meeting);duration=60") == 120
    assert read_seconds("949302838503028349304023988") is None
    assert read_rseq("988789") == 988789
    assert read_rseq("-1") is None
    assert read_rack("776656 1 INVITE") == RAck(776656, CSeq(1, "INVITE"))
    assert read_rack(RAck(1, CSeq(2, "INVITE")).encode()) == RAck(1, CSeq(2, "INVITE"))
    assert read_rack("1 INVITE") is None
    assert read_rack(None) is None


@given(st.text(max_size=30))
def test_what_is_quoted_is_unquoted(text: str) -> None:
    """RFC 3261 §25.1: a backslash before a quote and a backslash."""
    assert unquoted(quoted(text)) == text
    assert split_values(f"{quoted(text)}, b") == [quoted(text), "b"]


@given(st.text(alphabet='ab<>",;=: \\?/@[]', max_size=40))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    """Nothing but BadMessage is raised."""
    for read in (NameAddr.parse, Via.parse, CSeq.parse, split_values):
        try:
            read(text)
        except BadMessage:
            continue
    read_reasons([text, f"SIP{text}"])
    for tried in (text, f"1{text}"):
        read_session_expires(tried), read_seconds(tried), read_rseq(tried), read_rack(tried)
