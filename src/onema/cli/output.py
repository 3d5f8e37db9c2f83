"""How commands speak: one JSON document for programs, sentences and tables for people.

All that the command line writes goes through here, so that nothing in it can give a terminal orders.
"""

import contextlib
import io
import json as json_library
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from onema.telemetry.printable import printable, printable_json, printable_line

if TYPE_CHECKING:
    from onema.domain.configuration.problems import Problem

MIN_WIDTH = 60
_INDENT = " " * 6
_FURTHER = " " * 4
"""Before what of a row does not fit into its first line."""
_RICH_GAP = 3
_PROBLEMS_SHOWN = 100
_WARNINGS_SHOWN = 20


class CliError(Exception):
    """A command that cannot be done; the text is a sentence for the operator, and `problems` are what it speaks of."""

    def __init__(self, text: str, refusal: str | None = None, problems: Sequence["Problem"] = ()) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.problems = problems


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


def print_error(text: str, refusal: str | None, *, json: bool, problems: Sequence["Problem"] = ()) -> None:
    # Who reads no further (head) has seen enough of it; that it failed, the exit code says.
    with contextlib.suppress(BrokenPipeError):
        _print_error(text, refusal, json=json, problems=problems)


def _print_error(text: str, refusal: str | None, *, json: bool, problems: Sequence["Problem"]) -> None:
    if json:
        told = {"problems": [problem_as_json(problem) for problem in problems]} if problems else {}
        print_json({"error": text, "refusal": refusal, **told})
        return
    complain(f"onema: {text}")
    for line in problem_lines(problems) if len(problems) > 1 else ():
        complain(line)


def warn(of: str, problems: Sequence["Problem"]) -> None:
    """Tell on stderr what was done although it is probably not meant."""
    if problems:
        complain(f"onema: {of}: {len(problems):,} {'warning' if len(problems) == 1 else 'warnings'}:")
    for line in problem_lines(problems, _WARNINGS_SHOWN):
        complain(line)


def problem_as_json(problem: "Problem") -> dict[str, Any]:
    return {
        "place": problem.place,
        "problem": problem.sentence,
        "closest": problem.closest or None,
        "choices": list(problem.choices),
    }


def problem_lines(problems: Sequence["Problem"], most: int = _PROBLEMS_SHOWN) -> Iterator[str]:
    """Each problem's place, and below it what is wrong and what may stand there; the first of very many."""
    width = max(MIN_WIDTH, shutil.get_terminal_size((100, 24)).columns) - len(_INDENT)
    for problem in problems[:most]:
        yield ""
        yield f"  {problem.place}"
        for line in textwrap.wrap(problem.said, width, break_long_words=False, break_on_hyphens=False):
            yield f"{_INDENT}{line}"
    if len(problems) > most:
        yield ""
        yield f"  and {len(problems) - most:,} more; --json tells of all."


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "none") -> None:
    """A table on a terminal that has room for it; anywhere else plain columns, since rich would break cells, and an id
    in two lines cannot be copied.
    """
    lines = [tuple(map(printable_line, row)) for row in rows]
    if not lines:
        say(f"({empty})")
        return
    table = [tuple(columns), *lines]
    widths = [max(len(line[number]) for line in table) for number in range(len(columns))]
    room = terminal_width()
    if room and sum(widths) + _RICH_GAP * len(widths) <= room:
        _print_rich_table(columns, lines)
        return
    shares = list(_shares(widths, room)) if room else [range(len(widths))]
    for line in table:
        for number, share in enumerate(shares):
            cells = "  ".join(line[column].ljust(widths[column]) for column in share).rstrip()
            if cells or not number:
                say(f"{_FURTHER if number else ''}{cells}")


def _shares(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Which columns stand together in a line, so that no cell is broken that has room in one."""
    share: list[int] = []
    used = 0
    for column, width in enumerate(widths):
        if share and used + width > room:
            yield share
            share, used = [], len(_FURTHER)
        share.append(column)
        used += width + 2
    yield share


def say_below(line: str, indent: str) -> None:
    """Write one line, on a terminal in as many as it needs, all but the first below `indent`."""
    width = terminal_width()
    if width <= len(indent) + MIN_WIDTH // 2:
        say(line)
        return
    broken = textwrap.wrap(
        printable_line(line), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    for part in broken:
        say(part)


def terminal_width() -> int:
    """How many characters fit into a line of the terminal; 0 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _print_rich_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)
