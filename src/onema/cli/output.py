"""How commands speak: one JSON document for programs, sentences and tables for people."""

import json as json_library
import sys
from collections.abc import Iterable, Sequence
from typing import Any


class CliError(Exception):
    """A command that cannot be done; the text is a sentence for the operator."""

    def __init__(self, text: str, refusal: str | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal


def print_json(document: Any) -> None:
    print(json_library.dumps(document, ensure_ascii=False, indent=2))


def print_error(text: str, refusal: str | None, *, json: bool) -> None:
    if json:
        print_json({"error": text, "refusal": refusal})
    else:
        print(f"onema: {text}", file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "none") -> None:
    """A table on a terminal; anywhere else plain columns, since rich would cut them to 80 characters."""
    lines = [tuple(row) for row in rows]
    if not lines:
        print(f"({empty})")
    elif sys.stdout.isatty():
        _print_rich_table(columns, lines)
    else:
        table = [tuple(columns), *lines]
        widths = [max(len(line[number]) for line in table) for number in range(len(columns))]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


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
