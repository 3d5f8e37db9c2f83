"""Where something stands in an answer or a receipt: `json:data[0].id`, `header:x-id`, `query:id`
or `regex:...`.

Patterns are RE2's, whose time grows with the text only: no pattern and no answer can keep the server busy
(https://github.com/google/re2/wiki/WhyRE2).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec
import re2

from onema.http.messages import Headers
from onema.http.parameters import parse_query

PATTERN_INPUT = 4_096
"""So many characters of a body patterns are looked for in."""
PATTERN_MEMORY = 24_576
"""Bytes that RE2 may take for a pattern: so many states as cost 60 ms at worst, and some milliseconds mostly."""
MOST_FOUND = 100
"""Things that one place may find."""

_NONE = object()
_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([0-9]{1,4}|\*)\]")


class Said:
    """What an answer or a request said, from which places read; nothing is taken apart twice. `item` is one of several
    receipts, at which JSON paths begin.
    """

    def __init__(self, headers: Headers, body: bytes, query: bytes = b"", item: Any = _NONE) -> None:
        self.headers = headers
        self.body = body
        self.query = query
        self._item = item

    def at(self, item: Any) -> "Said":
        return Said(self.headers, self.body, self.query, item)

    @cached_property
    def text(self) -> str:
        return self.body[: 4 * PATTERN_INPUT].decode("utf-8", "replace")[:PATTERN_INPUT]

    @cached_property
    def json(self) -> Any:
        """None where it is none."""
        if self._item is not _NONE:
            return self._item
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None


Place = Callable[[Said], list[Any]]
"""Everything that is found there, in order: texts of anything but JSON."""


def place_of(written: str, kinds: Iterable[str]) -> Place:
    """Raises ValueError with what is wrong."""
    kind, colon, rest = written.partition(":")
    allowed = tuple(kinds)
    if not colon or kind not in allowed or not rest:
        raise ValueError(f"it is written as {', '.join(f'{one}:...' for one in allowed)}")
    match kind:
        case "json":
            return _json(rest)
        case "regex":
            return _regex(rest)
        case "header":
            return _header(rest)
        case _:
            return _parameter(kind, rest)


def texts(place: Place | None, said: Said) -> list[str]:
    """What is found there, as texts; tables, lists and nothing are left out."""
    if place is None:
        return []
    return [
        _text(one) for one in place(said)[:MOST_FOUND] if one is not None and not isinstance(one, dict | list)
    ]


def first(place: Place | None, said: Said) -> str:
    return next(iter(texts(place, said)), "")


def pattern_of(written: str) -> Callable[[str], Any]:
    """Looks for a pattern anywhere in a text. Raises ValueError."""
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(written, options)
    except re2.error as error:
        raise ValueError(f"it is no regular expression (RE2's): {_words(error)}") from None
    search: Callable[[str], Any] = compiled.search
    return search


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _json(path: str) -> Place:
    steps: list[str | int] = []
    end = 0
    for match in _STEP.finditer(path):
        if match.start() != end:
            break
        end = match.end()
        steps.append(match[1] if match[1] is not None else -1 if match[2] == "*" else int(match[2]))
    if end != len(path):
        raise ValueError("a path is written as in data[0].id or parts[*].id")

    def found(said: Said) -> list[Any]:
        values = [said.json]
        for step in steps:
            values = [inner for value in values for inner in _inside(value, step)][:MOST_FOUND]
        return values

    return found


def _inside(value: Any, step: str | int) -> list[Any]:
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    return value if step < 0 else value[step : step + 1]


def _regex(written: str) -> Place:
    search = pattern_of(written)

    def found(said: Said) -> list[Any]:
        match = search(said.text)
        if match is None:
            return []
        groups = match.groups()
        return [groups[0] if groups else match.group(0)]

    return found


def _header(name: str) -> Place:
    wanted = name.lower().encode()
    return lambda said: [value.decode("latin-1") for key, value in said.headers if key == wanted][:1]


def _parameter(kind: str, name: str) -> Place:
    wanted = name.lower()

    def found(said: Said) -> list[Any]:
        try:
            parameters: Mapping[str, str] = parse_query(said.query if kind == "query" else said.body)
        except ValueError:
            return []
        return [parameters[wanted]] if wanted in parameters else []

    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
