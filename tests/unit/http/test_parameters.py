import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.http.parameters import parse_form, parse_json_object, parse_query


def test_names_are_found_in_any_case() -> None:
    """WCF services match query names without regard to case, and clients rely on it."""
    assert parse_query(b"ApiKey=a&SECRETKEY=b&phone=c") == {"apikey": "a", "secretkey": "b", "phone": "c"}


def test_the_first_value_of_a_name_wins() -> None:
    """A name that is repeated, in whatever case, keeps its first value."""
    assert parse_query(b"Phone=1&phone=2") == {"phone": "1"}


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
