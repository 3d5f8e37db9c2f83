"""How commands speak: one JSON document for programs, sentences and tables for people.

All that the command line writes goes through here, so that nothing in it can give a terminal orders.
"""

import io
import json as json_library
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from onema.telemetry.printable import printable, printable_json, printable_line


class CliError(Exception):
    """A command that cannot be done; the text is a sentence for the operator."""

    def __init__(self, text: str, refusal: str | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal


def speak_utf8() -> None:
    """Read and write UTF-8, whatever the locale says: texts are Vietnamese, and what cannot be shown must not end a
    command after it has changed something.
    """
    for stream, errors in (
        (sys.stdin, "strict"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        # Each is None where there is none, and something else in a test.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def utf8_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments as the shell gave them, where Python read them in another encoding."""
    if sys.getfilesystemencoding() == "utf-8":
        return list(arguments)
    return [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in arguments]


def say(line: str = "") -> None:
    """Write one line for people. A line end inside is spelled out: else a name could pass for a line of ours."""
    print(printable_line(line))


def say_lines(text: str) -> None:
    """Write lines of our own."""
    print(printable(text), flush=True)


def complain(text: str) -> None:
    """Write a line to stderr."""
    print(printable(text), file=sys.stderr)


def print_json(document: Any) -> None:
    print(printable_json(json_library.dumps(document, ensure_ascii=False, indent=2)))


def print_error(text: str, refusal: str | None, *, json: bool) -> None:
    if json:
        print_json({"error": text, "refusal": refusal})
    else:
        complain(f"onema: {text}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "none") -> None:
    """A table on a terminal; anywhere else plain columns, since rich would cut them to 80 characters."""
    lines = [tuple(map(printable_line, row)) for row in rows]
    if not lines:
        say(f"({empty})")
    elif sys.stdout.isatty():
        _print_rich_table(columns, lines)
    else:
        table = [tuple(columns), *lines]
        widths = [max(len(line[number]) for line in table) for number in range(len(columns))]
        for line in table:
            say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_rich_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


def show_time(milliseconds: int) -> str:
    """ISO 8601 in UTC to the millisecond; "" for never."""
    import datetime as dt

    if not milliseconds:
        return ""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
