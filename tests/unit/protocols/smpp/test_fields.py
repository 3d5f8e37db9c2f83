"""Addresses, times and TLVs (SMPP 3.4 §5.2.5, §7.1.1, §5.3)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.sms_sender import sender_problem
from onema.protocols.smpp.addresses import destination, source
from onema.protocols.smpp.pdus import Address
from onema.protocols.smpp.times import LONGEST_RELATIVE_SECONDS, absolute, relative, seconds_left
from onema.protocols.smpp.tlvs import find, read_tlvs, tlvs

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


def test_destinations_are_international() -> None:
    """Ton 1, npi 1, no '+' (Kannel's default is national)."""
    assert destination("+84901888484") == Address(1, 1, b"84901888484")


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("Acme", Address(5, 0, b"Acme")),
        ("Acme 24/7", Address(5, 0, b"Acme 24/7")),
        ("+84901888484", Address(1, 1, b"84901888484")),
        ("84901888484", Address(1, 1, b"84901888484")),
        ("8077", Address(0, 1, b"8077")),
        ("", Address()),
    ],
)
def test_senders_have_their_type_of_number(sender: str, address: Address) -> None:
    """Alphanumeric, international, short code."""
    assert source(sender) == address


@pytest.mark.parametrize(
    "sender", ["ABCDEFGHIJKL", "1" * 21, "+" + "1" * 21, "Ac\0me", "Công ty", "Acme\n", "１２３"]
)
def test_senders_that_peers_would_spoil_are_refused(sender: str) -> None:
    """Too long, not ASCII, or with a NUL: smpplib cuts, node-smpp strips bits, Kannel says 202."""
    assert sender_problem(sender)
    with pytest.raises(ValueError, match="a"):
        source(sender)


@given(st.integers(1, LONGEST_RELATIVE_SECONDS))
def test_a_period_comes_back(seconds: int) -> None:
    """3.4 §7.1.1.2."""
    assert len(relative(seconds)) == 16
    assert seconds_left(relative(seconds), NOW) == seconds


def test_a_period_is_never_nothing() -> None:
    """0 would be for ever; what is longer than a month is cut."""
    assert relative(0) == relative(-5) == b"000000000001000R"
    assert relative(10**9) == relative(LONGEST_RELATIVE_SECONDS)
    assert relative(300) == b"000000000500000R"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_comes_back(at: datetime) -> None:
    """3.4 §7.1.1.1: to a tenth of a second."""
    left = seconds_left(absolute(at), NOW)
    assert left is not None
    assert abs(left - (at - NOW).total_seconds()) <= 0.1


def test_moments_elsewhere_have_their_distance_in_quarters() -> None:
    """Ahead of UTC or behind."""
    at = datetime(2026, 11, 28, 19, 0, tzinfo=timezone(timedelta(hours=7)))
    assert seconds_left(b"261128190000028+", NOW) == (at - NOW).total_seconds() == 0
    assert seconds_left(b"261128070000020-", NOW) == 0


@pytest.mark.parametrize(
    "value", [b"", b"2611281900", b"261328190000000+", b"261128190000099+", b"26112819000000XR"]
)
def test_what_is_no_time_is_none(value: bytes) -> None:
    """Peers write anything."""
    assert seconds_left(value, NOW) is None


def test_tlvs_are_kept_in_order_with_what_trails_them() -> None:
    """A tag twice, tags of vendors, an empty value, and three octets that are nothing."""
    pairs = ((0x1402, b"b"), (0x1400, b""), (0x1402, b"a"))
    assert read_tlvs(tlvs(pairs) + b"\x14\x00\x00") == (pairs, b"\x14\x00\x00")
    assert read_tlvs(tlvs(pairs) + b"\x14\x00\x00\x09x") == (pairs, b"\x14\x00\x00\x09x")
    assert (find(pairs, 0x1402), find(pairs, 0x0424)) == (b"b", None)
