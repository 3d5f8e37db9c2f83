import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.money import LARGEST, Minor, as_number, format_amount, parse_amount

amounts = st.integers(-LARGEST, LARGEST).map(Minor)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0", 0),
        ("850", 8_500_000),
        ("850.5", 8_505_000),
        ("0.0001", 1),
        ("-3", -30_000),
        ("-0.5", -5_000),
        ("1.500000", 15_000),
        ("007", 70_000),
        ("900719925474.0992", LARGEST),
    ],
)
def test_reads_plain_decimals(text: str, minor: int) -> None:
    """An amount is read exactly into units of 1/10,000."""
    assert parse_amount(text) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "Infinity",
        "-",
        ".",
        ".5",
        "5.",
        "1e3",
        "1E-4",
        "1,5",
        "1_000",
        " 1",
        "1\n",
        "+1",
        "--1",
        "٣",
    ],
)
def test_refuses_what_is_no_plain_decimal(text: str) -> None:
    """Spellings that Decimal would take, or that people read differently, are refused."""
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text)


def test_refuses_a_fifth_decimal() -> None:
    """Money is never rounded on the way in."""
    with pytest.raises(ValueError, match="at most 4 decimals"):
        parse_amount("0.00001")


@pytest.mark.parametrize("text", ["900719925474.0993", "-900719925474.0993", "9999999999999999"])
def test_refuses_an_amount_that_a_double_cannot_hold(text: str) -> None:
    """Beyond 2**53 minor units JSON readers would see another amount."""
    with pytest.raises(ValueError, match="too large"):
        parse_amount(text)


def test_refuses_an_absurdly_long_number_at_once() -> None:
    """A million digits are refused without being converted, and not repeated in full."""
    with pytest.raises(ValueError, match="not an amount") as caught:
        parse_amount("1" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(amounts)
def test_formatting_and_parsing_agree(minor: Minor) -> None:
    """Every amount survives being written and read, in both spellings."""
    assert parse_amount(format_amount(minor)) == minor
    assert parse_amount(format_amount(minor, decimals=4)) == minor


@given(st.text(max_size=12) | st.from_regex(r"-?[0-9.eE_+]{1,8}", fullmatch=True))
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    """Nothing but ValueError is raised, and what is accepted is within the bounds."""
    try:
        minor = parse_amount(text)
    except ValueError:
        return
    assert abs(minor) <= LARGEST


@pytest.mark.parametrize(
    ("minor", "short", "long"),
    [
        (8_505_000, "850.5", "850.5000"),
        (8_500_000, "850", "850.0000"),
        (0, "0", "0.0000"),
        (1, "0.0001", "0.0001"),
        (-5_000, "-0.5", "-0.5000"),
    ],
)
def test_writes_no_needless_zeros_unless_asked(minor: int, short: str, long: str) -> None:
    """The default spelling is the shortest; decimals=4 is the one of delivery callbacks."""
    assert format_amount(minor) == short
    assert format_amount(minor, decimals=4) == long


def test_asking_for_fewer_decimals_never_rounds() -> None:
    """`decimals` is a minimum: money is not rounded on the way out."""
    assert format_amount(8_501_234, decimals=2) == "850.1234"
    assert format_amount(8_505_000, decimals=2) == "850.50"


def test_a_whole_amount_is_an_integer_in_json() -> None:
    """36693 is not 36693.0 on the wire."""
    number = as_number(366_930_000)
    assert (number, type(number)) == (36_693, int)
    assert as_number(8_505_000) == 850.5


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_a_json_number_prints_the_exact_amount(minor: int) -> None:
    """Below 10**15 minor units the float's shortest spelling is the amount."""
    assert parse_amount(repr(as_number(minor)).removesuffix(".0")) == minor
