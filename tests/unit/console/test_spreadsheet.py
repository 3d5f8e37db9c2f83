"""Tables as files for spreadsheets."""

import csv
import io

import pytest

from onema.console.operate.spreadsheet import csv_of, not_computed


@pytest.mark.parametrize(
    "text", ["=1+1", "+84901", "-2", "@SUM(A1)", "\t=1+1", "\r=1+1", " \n@A1", "\uff1d1+1", "\u3000\uff0b1"]
)
def test_what_a_spreadsheet_would_compute_is_a_text(text: str) -> None:
    """Whatever stands before it that a spreadsheet passes over."""
    written = csv_of([("text", "count"), (not_computed(text), "1")])
    _, (cell, count) = csv.reader(io.StringIO(written, newline=""))
    assert (cell, count) == (f"'{text}", "1")


@pytest.mark.parametrize("text", ["", "invoice-7", "{OTP} = code", "a+b", " x"])
def test_any_other_text_stays(text: str) -> None:
    """With its signs in the middle."""
    assert not_computed(text) == text
