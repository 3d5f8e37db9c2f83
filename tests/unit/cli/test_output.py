"""Tables: what people see of many things at once."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.cli.output import print_table, say_below

COLUMNS = ("id", "at", "account", "phone", "state")
ROWS = [
    ("3561743690156212224", "2026-11-28T12:57:49.731Z", "shop", f"+8490188848{n}", "delivered")
    for n in (4, 5)
]


@given(width=st.integers(20, 200))
def test_no_cell_is_broken_to_fit_the_terminal(width: int) -> None:
    """An id in two lines cannot be copied; what does not fit goes into a line of its own below."""
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setenv("COLUMNS", str(width))
        patch.setattr(sys.stdout, "isatty", lambda: True)
        patch.setattr(sys.stdout, "write", written.append)
        print_table(COLUMNS, ROWS)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "".join(written))
    assert all(shown.count(cell) >= 1 for row in ROWS for cell in row)
    # The longest cell and what stands before a further line need 28.
    assert width < 28 or max(map(len, shown.splitlines())) <= width


def test_a_table_in_a_pipe_has_a_line_for_each_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However wide it is: programs read it."""
    monkeypatch.setenv("COLUMNS", "40")
    print_table(COLUMNS, ROWS)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == list(COLUMNS)
    assert [tuple(line.split()) for line in lines] == ROWS


def test_a_long_finding_stays_in_its_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal; what a program reads is one line."""
    finding = "warn  accounts[shop].windows: " + " ".join(["word"] * 30)
    say_below(finding, " " * 6)
    assert capsys.readouterr().out == f"{finding}\n"
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say_below(finding, " " * 6)
    first, *further = capsys.readouterr().out.splitlines()
    assert max(map(len, (first, *further))) <= 80
    assert further
    assert all(line.startswith("      word") for line in further)
    assert " ".join(map(str.strip, (first, *further))) == finding
