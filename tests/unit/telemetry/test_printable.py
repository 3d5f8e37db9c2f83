"""What customers wrote reaches terminals as text, never as orders."""

import io
import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.cli.output import print_error, print_json, print_table, say, say_lines
from onema.telemetry.logs import build_handler
from onema.telemetry.printable import printable, printable_json, printable_line

ORDERS = "\x1b]0;title\x07 \x1b[2J\x9b31m\x7f\r\u202e\u2066"


def is_harmless(text: str) -> bool:
    return not any(
        character not in "\n\t"
        and (character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029\u202e\u2066")
        for character in text
    )


@given(st.text())
def test_text_is_shown_as_it_is_but_for_orders(text: str) -> None:
    """Vietnamese, Chinese and emoji among them; on one line it stays on one line."""
    assert is_harmless(printable(text))
    assert "\n" not in printable_line(text)
    if is_harmless(text):
        assert printable(text) == text


def test_an_order_is_spelled_out() -> None:
    """So that whoever looks sees what somebody tried."""
    assert printable("\x1b[2J\x9b\u202e") == r"\x1b[2J\x9b\u202e"


@given(st.dictionaries(st.text(), st.text()))
def test_json_stays_the_same_document(document: dict[str, str]) -> None:
    """A program reads what it read before."""
    written = printable_json(json.dumps(document, ensure_ascii=False))
    assert is_harmless(written)
    assert json.loads(written) == document


@pytest.mark.parametrize(
    "write",
    [
        lambda: say(ORDERS),
        lambda: say_lines(ORDERS),
        lambda: print_json({"name": ORDERS}),
        lambda: print_error(ORDERS, None, json=False),
        lambda: print_error(ORDERS, ORDERS, json=True),
        lambda: print_table(("name",), [(ORDERS,)]),
    ],
    ids=["line", "lines", "json", "error", "json error", "table"],
)
def test_whatever_the_command_line_writes_is_harmless(
    write: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """In each of its ways to speak."""
    assert callable(write)
    write()
    written = capsys.readouterr()
    assert "title" in written.out + written.err
    assert is_harmless(written.out + written.err)


def test_a_table_on_a_terminal_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """rich passes on what it gets; only its own orders are in what it draws."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(("name",), [("\x1b]0;title\x07",)])
    assert r"\x1b]0;title\x07" in terminal.getvalue()
    assert "\x1b]" not in terminal.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_log_line_is_harmless(log_format: str) -> None:
    """Whoever follows the log of a server sees what carriers and clients sent."""
    stream = io.StringIO()
    handler = build_handler(log_format, stream)  # type: ignore[arg-type]  # one of the literals
    record = logging.makeLogRecord({"msg": "it happened", "levelname": "INFO", "detail": f"{ORDERS}\nforged"})
    handler.handle(record)
    assert is_harmless(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
