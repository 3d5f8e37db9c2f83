"""What India's DLT says of a text that it refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.sms_smpp.dlt_errors import dlt_words


# https://smsgatewayhub.freshdesk.com/support/solutions/articles/3000129776-dlt-sms-error-codes-latest-india-2025
@pytest.mark.parametrize(
    ("err", "words"),
    [
        ("600", "no such entity"),
        ("0614", "the chain of telemarketers is missing"),
        ("633", "the text does not fit the template"),
        ("629", "something about the sender"),
        ("699", "something else"),
    ],
)
def test_a_code_has_words(err: str, words: str) -> None:
    """Those that are reserved have the words of their group."""
    assert dlt_words(err) == f"refused by India's DLT: {words}"


@given(st.text().filter(lambda err: not err.isdigit()) | st.sampled_from(["", "599", "700", "6000", "٦٠٠"]))
def test_what_is_no_code_has_none(err: str) -> None:
    """Errors are texts, and another network's are other ones."""
    assert dlt_words(err) == ""
