"""SIP messages (RFC 3261 §7) there and back, and what real peers write that tidy grammars forget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.header_values import CSeq, NameAddr, Via
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import LONGEST_MESSAGE, MOST_ROWS, Request, Response, parse

BASE = (
    ("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1"),
    ("From", "<sip:a@example.com>;tag=1"),
    ("To", "<sip:b@example.com>"),
    ("Call-ID", "1@example.com"),
    ("CSeq", "1 OPTIONS"),
)


def octets(line: str, *rows: str, body: bytes = b"", base: tuple[tuple[str, str], ...] = BASE) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in base), *rows]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def options(*rows: str, body: bytes = b"") -> bytes:
    return octets("OPTIONS sip:b@example.com SIP/2.0", *rows, body=body)


def response(line: str) -> Response:
    message = parse(octets(line))
    assert isinstance(message, Response)
    return message


def without(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple(row for row in BASE if row[0] not in names)


def test_a_request_has_its_parts() -> None:
    """Method, URI, headers and body."""
    message = parse(options("Content-Length: 2", body=b"hi"))
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("OPTIONS", "sip:b@example.com", b"hi")
    assert message.call_id == "1@example.com"
    assert message.cseq == CSeq(1, "OPTIONS")
    assert (message.from_.tag, message.to.tag, message.via.branch) == ("1", "", "z9hG4bK1")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("SIP/2.0 200 OK", "OK"),
        ("SIP/2.0 200 Answering", "Answering"),
        ("SIP/2.0 100 trying -- your call is important to us", "trying -- your call is important to us"),
        ("SIP/2.0 200 ", ""),
        ("SIP/2.0 200", ""),
        ("sip/2.0 200 Ok", "Ok"),
    ],
)
def test_any_or_no_reason_phrase_is_read(line: str, reason: str) -> None:
    """Peers write what they like behind the status, and some write nothing."""
    assert response(line).reason == reason


@pytest.mark.parametrize(
    "line", ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 2000 x", "SIP/3.0 200 OK", "SIP/2.0"]
)
def test_a_status_line_that_is_none_is_refused(line: str) -> None:
    """Nobody answers a response, so nothing can be answered."""
    with pytest.raises(BadMessage) as bad:
        response(line)
    assert bad.value.request is None


def test_header_fields_are_folded_compact_and_in_any_case() -> None:
    """Folds become one blank (RFC 3261 §7.3.1), compact names long ones (§7.3.3)."""
    message = parse(
        b"OPTIONS sip:b@example.com SIP/2.0\r\n"
        b"v : SIP / 2.0 / UDP 192.0.2.1\r\n ;branch=z9hG4bK1\r\n"
        b"f:\r\n\t<sip:a@example.com>\r\n  ;tag=1\r\nt: sip:b@example.com\r\ni:1@example.com\r\n"
        b"cSEQ: 0001\r\n OPTIONS\r\nk: timer\r\nSUPPORTED: 100rel\r\nl:  3 \r\n\r\nabcd"
    )
    assert message.via == Via("UDP", "192.0.2.1", 0, (("branch", "z9hG4bK1"),))
    assert message.from_.tag == "1"
    assert message.cseq == CSeq(1, "OPTIONS")
    assert message.headers.tokens("Supported") == {"timer", "100rel"}
    assert message.body == b"abc"


def test_several_values_stand_on_one_row_or_on_many() -> None:
    """In order, and split at commas outside quotes and brackets only (RFC 3261 §7.3.1)."""
    message = parse(
        options(
            'Record-Route: "a, b" <sip:p1.example.com;lr>, <sip:p2.example.com;x=1,2;lr>',
            "Record-Route: <sip:p3.example.com>",
        )
    )
    assert message.headers.values("Record-Route") == [
        '"a, b" <sip:p1.example.com;lr>',
        "<sip:p2.example.com;x=1,2;lr>",
        "<sip:p3.example.com>",
    ]


def test_rows_may_be_changed_in_place() -> None:
    """What is set takes the place of the first of its name, what is put first stands before all."""
    headers = Headers([("f", "x"), ("X-A", "1"), ("Via", "v"), ("x-a", "2")])
    headers.set("X-A", "3")
    headers.put_first("Via", "u")
    headers.add("Reason", "SIP")
    headers.remove("From")
    assert list(headers) == [("Via", "u"), ("X-A", "3"), ("Via", "v"), ("Reason", "SIP")]
    assert headers.rows("v") == ["u", "v"]
    assert "f" not in headers


def test_octets_behind_the_body_are_cut_off() -> None:
    """RFC 3261 §18.3."""
    assert parse(options("Content-Length: 002", body=b"hi\r\n\r\nthere")).body == b"hi"


def test_without_a_content_length_the_body_is_the_rest() -> None:
    """RFC 3261 §18.3."""
    assert parse(options(body=b"hi")).body == b"hi"


@pytest.mark.parametrize(
    "line", ["Content-Length: 3", "Content-Length: -1", "Content-Length: two", "l: 2\r\nl: 1"]
)
def test_a_content_length_that_cannot_be_is_answered(line: str) -> None:
    """A body shorter than it is an error, and so is what is no length (RFC 3261 §18.3)."""
    with pytest.raises(BadMessage) as bad:
        parse(options(line, body=b"hi"))
    assert bad.value.status == 400
    assert bad.value.request is not None
    assert bad.value.request.call_id == "1@example.com"


@pytest.mark.parametrize("name", [name for name, _ in BASE])
def test_what_every_message_needs_is_missed(name: str) -> None:
    """Such a request cannot even be answered (RFC 3261 §8.1.1, §8.2.6.2)."""
    with pytest.raises(BadMessage) as bad:
        parse(octets("OPTIONS sip:b@example.com SIP/2.0", base=without(name)))
    assert bad.value.request is None


@pytest.mark.parametrize(
    "row",
    [
        "From: <sip:a@example.com>;tag=2",
        "i: 2",
        "CSeq: 2 OPTIONS",
        "To: <sip:c@example.com>",
        "Contact: <sip:a@example.com",
        "Contact: sip:a@example.com?Route=%3Csip:x%3E",
        "Record-Route: <sip:a@example.com>;;",
        "Max-Forwards: 256",
        "Via: nonsense",
        "no header",
        "bad name: x",
        ": x",
    ],
)
def test_a_header_that_cannot_be_is_answered_with_400(row: str) -> None:
    """The request that comes with it has what an answer needs."""
    with pytest.raises(BadMessage) as bad:
        parse(options(row))
    assert bad.value.status == 400
    assert bad.value.request is not None


@pytest.mark.parametrize(
    "line",
    [
        "OPTIONS  sip:b@example.com SIP/2.0",
        "OPTIONS sip:b@example.com",
        "OPTIONS <sip:b@example.com> SIP/2.0",
        "{} x SIP/2.0",
    ],
)
def test_a_request_line_that_is_none_is_answered_with_400(line: str) -> None:
    """It needs exactly two blanks, and a URI without any (RFC 3261 §7.1)."""
    with pytest.raises(BadMessage) as bad:
        parse(octets(line))
    assert bad.value.status == 400
    assert bad.value.request is not None


def test_another_version_is_answered_with_505() -> None:
    """RFC 3261 §21.5.6."""
    with pytest.raises(BadMessage) as bad:
        parse(octets("OPTIONS sip:b@example.com SIP/7.0"))
    assert bad.value.status == 505


def test_a_bad_ack_is_never_answered() -> None:
    """RFC 3261 §17.1.1.3."""
    with pytest.raises(BadMessage) as bad:
        parse(octets("ACK sip:b@example.com SIP/2.0"))
    assert bad.value.request is None


def test_size_is_bounded() -> None:
    """Neither many octets nor many rows are read."""
    with pytest.raises(BadMessage):
        parse(options(body=bytes(LONGEST_MESSAGE)))
    with pytest.raises(BadMessage):
        parse(options(*["X: y"] * MOST_ROWS))
    with pytest.raises(BadMessage):
        parse(b"OPTIONS sip:b@example.com SIP/2.0\r\nVia: x\r\n")


def test_what_would_break_out_of_its_line_is_not_sent() -> None:
    """Settings and placeholders end up in headers; a line end in one would add a header, or a message."""
    fine = Headers(BASE)
    for headers in (Headers([*BASE, ("X", "a\r\nRoute: <sip:evil>")]), Headers([*BASE, ("X: y\r\nZ", "a")])):
        with pytest.raises(ValueError, match="cannot be sent"):
            Request("OPTIONS", "sip:b@example.com", headers).encode()
    for method, uri in (
        ("OPTIONS", "sip:b@example.com SIP/2.0\r\nX: y"),
        ("OPTIONS", "sip:a b"),
        ("A\r\nB", "sip:a"),
    ):
        with pytest.raises(ValueError, match="cannot be sent"):
            Request(method, uri, fine).encode()
    with pytest.raises(ValueError, match="cannot be sent"):
        Response(200, "OK\r\nX: y", fine).encode()


def test_nobody_sees_a_number_in_what_is_printed() -> None:
    """Messages hold phone numbers and credentials; what Python prints of them may reach a log."""
    rows = [*BASE[:1], ("From", "<sip:+84901234567@a>;tag=1"), ("To", "<tel:+84901234567>"), *BASE[3:]]
    message = parse(Request("OPTIONS", "sip:+84901234567@b", Headers(rows), b"+84901234567").encode())
    for shown in (message, message.headers, message.from_, message.to):
        assert "4567" not in repr(shown)


word = st.from_regex(r"[A-Za-z0-9\-.!%*_+`'~]{1,12}", fullmatch=True)
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).map(
    lambda text: text.strip(" \t")
)
name_addrs = st.builds(
    NameAddr,
    word.map(lambda user: f"sip:{user}@example.com"),
    any_text,
    st.lists(st.tuples(word, st.none() | any_text.map(str.strip)), max_size=3).map(tuple),
)
extra = st.lists(st.tuples(word.map(lambda name: f"X-{name}"), any_text), max_size=5)


@given(word, name_addrs, name_addrs, extra, st.binary(max_size=50), st.integers(0, 2**31 - 1))
def test_what_is_encoded_is_read_back(
    method: str, one: NameAddr, other: NameAddr, rows: list[tuple[str, str]], body: bytes, number: int
) -> None:
    """Requests and responses, whatever stands in their headers."""
    headers = Headers(
        [
            BASE[0],
            ("From", one.encode()),
            ("To", other.encode()),
            ("Call-ID", "1"),
            ("CSeq", CSeq(number, method).encode()),
            *rows,
            ("Content-Length", str(len(body))),
        ]
    )
    for message in (Request(method, "sip:b@example.com;lr", headers, body), Response(180, "", headers, body)):
        back = parse(message.encode())
        assert back == message
        assert (back.from_, back.to, back.cseq) == (one, other, CSeq(number, method))


INVITE = options("Contact: <sip:a@192.0.2.1>", "Route: <sip:p;lr>", "Content-Length: 2", body=b"hi")


@given(st.binary(max_size=200))
def test_octets_of_any_kind_are_a_message_or_refused(data: bytes) -> None:
    """Nothing but BadMessage is raised."""
    for tried in (data, b"SIP/2.0 200 OK\r\n" + data, INVITE[:100] + data):
        try:
            parse(tried)
        except BadMessage:
            continue


@given(st.data())
def test_a_damaged_message_is_a_message_or_refused(data: st.DataObject) -> None:
    """Pieces of a good one cut out, doubled and spoiled; what is still read can be asked for all its parts."""
    damaged = bytearray(INVITE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        width = data.draw(st.integers(0, 10))
        damaged[at : at + width] = data.draw(
            st.sampled_from([b"", b"\r\n", b'"', b"<", b",;", b"\xff\0", bytes(damaged[at:])])
        )
    try:
        message = parse(bytes(damaged))
        _ = message.via, message.from_, message.to, message.cseq, message.call_id, message.contact
    except BadMessage as bad:
        _ = bad.request and bad.request.via
