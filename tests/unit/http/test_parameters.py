import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.http.parameters import parse_form, parse_json_object, parse_multipart, parse_query


def test_names_are_found_in_any_case() -> None:
    """WCF services match query names without regard to case, and clients rely on it."""
    assert parse_query(b"ApiKey=a&SECRETKEY=b&phone=c") == {"apikey": "a", "secretkey": "b", "phone": "c"}


def test_values_of_one_name_are_joined_by_commas() -> None:
    """As .NET does, in whatever case the name is repeated: no value is taken for the one that was meant."""
    assert parse_query(b"Phone=1&phone=2&PHONE=") == {"phone": "1,2,"}


def multipart(*fields: tuple[str, bytes], boundary: bytes = b"------------------------1f8a") -> bytes:
    parts = (
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, name.encode(), value)
        for name, value in fields
    )
    return b"".join(parts) + b"--%s--\r\n" % boundary


MULTIPART = b"multipart/form-data; boundary=------------------------1f8a"


def test_a_multipart_form_follows_the_rules_of_a_query() -> None:
    """PHP's curl sends one when its fields are an array; nothing in it is percent-encoded."""
    body = multipart(
        ("ApiKey", b"AK"), ("message", "{OTP} là+mã%20".encode()), ("Phone", b"1"), ("phone", b"2")
    )
    assert parse_multipart(body, MULTIPART) == {"apikey": "AK", "message": "{OTP} là+mã%20", "phone": "1,2"}


def test_files_in_a_multipart_form_are_left_out() -> None:
    """No operation takes one."""
    body = multipart(('a"; filename="b', b"content"), ("c", b"d"))
    assert parse_multipart(body, MULTIPART) == {"c": "d"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (multipart(("a", b"\0")), MULTIPART),
        (multipart(("a", b"\xff")), MULTIPART),
        (multipart(("a", b"b"))[:-8], MULTIPART),
        (b"a=b", MULTIPART),
        (multipart(("a", b"b")), b"multipart/form-data"),
        (multipart(*[("a", b"b")] * 101), MULTIPART),
        (multipart(("a" * 500, b"b")), MULTIPART),
        (multipart(("a", b"b")), MULTIPART + b"; a=" + b"b" * 500),
    ],
    ids=[
        "NUL",
        "no UTF-8",
        "cut off",
        "another form",
        "no boundary",
        "many parts",
        "long part header",
        "long type",
    ],
)
def test_a_multipart_form_that_cannot_be_read_is_refused(body: bytes, content_type: bytes) -> None:
    """Half of a form is not what the client meant to say."""
    with pytest.raises(ValueError, match=r".+"):
        parse_multipart(body, content_type)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_any_bytes_of_a_multipart_form_are_parsed_or_refused(body: bytes, content_type: bytes) -> None:
    """Nothing but ValueError comes out, whatever comes in."""
    with contextlib.suppress(ValueError):
        parse_multipart(body, MULTIPART if content_type.isascii() else content_type)
    with contextlib.suppress(ValueError):
        parse_multipart(b"--------------------------1f8a\r\n" + body, MULTIPART)


@pytest.mark.parametrize(
    "query",
    [
        b"message={OTP} la ma",
        b"message=%7BOTP%7D+la+ma",
        b"message=%7bOTP}%20la%20ma",
        b"m%65ssage={OTP}+la ma",
    ],
)
def test_spaces_and_braces_arrive_however_they_are_sent(query: bytes) -> None:
    """Raw, percent-encoded and plus-encoded forms mean the same text."""
    assert parse_query(query) == {"message": "{OTP} la ma"}


def test_an_encoded_plus_or_ampersand_is_part_of_the_value() -> None:
    """Only bare separators separate."""
    assert parse_query(b"phone=%2B84901&text=a%26b%3Dc%2520") == {"phone": "+84901", "text": "a&b=c%20"}


def test_a_percent_sign_that_encodes_nothing_stays() -> None:
    """`100%` is what a sloppy client sends for `100%25`."""
    assert parse_query(b"text=100%&x=%zz") == {"text": "100%", "x": "%zz"}


def test_names_without_value_and_empty_pairs_do_no_harm() -> None:
    """A bare name has the empty value; a pair without a name is nothing."""
    assert parse_query(b"&a&&b=&=c") == {"a": "", "b": ""}


@pytest.mark.parametrize("query", [b"a=%00", b"a=\0", b"a=%FF", b"a=\xff", b"a=%ED%A0%80", b"%00=a"])
def test_nul_and_broken_utf8_are_refused(query: bytes) -> None:
    """No store keeps them, so they stop at the edge."""
    with pytest.raises(ValueError, match=r"NUL|utf-8"):
        parse_query(query)


def test_a_form_body_follows_the_rules_of_a_query() -> None:
    """A form is a query in the body."""
    assert parse_form(b"Apikey=AK&content=m%C3%A3+1") == {"apikey": "AK", "content": "mã 1"}


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(query: bytes) -> None:
    """Nothing but ValueError leaves the parsers."""
    for parse in (parse_query, parse_json_object):
        try:
            parse(query)
        except ValueError:
            continue


def test_the_last_of_repeated_json_members_wins() -> None:
    """JSON libraries of the vendors' age keep the last one."""
    assert parse_json_object(b'{"Phone": "1", "Phone": "2", "TimeAlive": 15}') == {
        "Phone": "2",
        "TimeAlive": 15,
    }


def test_a_byte_order_mark_is_skipped() -> None:
    """Older .NET clients write one."""
    assert parse_json_object(b"\xef\xbb\xbf{}") == {}


def test_an_escaped_backslash_before_u0000_is_not_nul() -> None:
    r"""`\\u0000` in JSON is a backslash and five characters."""
    assert parse_json_object(rb'{"a": "\\u0000"}') == {"a": r"\u0000"}


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a": "\u0000"}',
        rb'{"a": [{"b": "x\u0000"}]}',
        rb'{"\u0000": 1}',
        rb'{"a": "\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        b"[1]",
        b'"a"',
        b"",
        b"{",
        b'{"a":' + b"[" * 60_000,
    ],
)
def test_json_that_is_no_storable_object_is_refused(body: bytes) -> None:
    """NUL, lone surrogates, other values than objects, and depth all end as ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the JSON library's
        parse_json_object(body)


@pytest.mark.parametrize("depth", [100, 300, 600, 950, 1_100, 100_000])
@pytest.mark.parametrize("inside", [b"", b'"x"', b'"\\u0000"'])
@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_that_is_nested_deeply_is_refused(
    depth: int, inside: bytes, opens: bytes, closes: bytes
) -> None:
    """Also where the decoder still follows, and who walks through it does not."""
    body = b'{"to":%b%b%b}' % (opens * depth, inside or b"[]", closes * depth)
    with pytest.raises(ValueError, match=r"nested too deeply"):
        parse_json_object(body)


def test_json_that_is_wide_is_taken() -> None:
    """Many brackets are not yet deep."""
    body = b'{"a":%b,"b":[%b]}' % (b"[" * 98 + b"1" + b"]" * 98, b",".join([b"{}"] * 200))
    assert parse_json_object(body)["b"] == [{}] * 200
