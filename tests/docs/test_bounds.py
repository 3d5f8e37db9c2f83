"""docs/limits.md lists every bound, with the number that the server uses."""

import datetime as dt
import importlib
import re
from pathlib import Path

import pytest

from onema.domain.configuration.documents import DEFAULT_WINDOWS
from onema.settings import Settings, describe

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"

_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?)(?: (KiB|MiB|GiB|ms|s|minute|hour|day)s?\b)?")
_FACTOR = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "ms": 0.001, "minute": 60, "hour": 3_600, "day": 86_400}
_SETTINGS = {setting.name for setting in describe()}
# Settings that count neither in seconds nor in what their name ends with.
_IN_MINUTES = frozenset({"esms.time_alive_max", "native.longest_ttl_minutes"})


def rows(page: str) -> list[tuple[str, str, str]]:
    """The rows of all tables under "Bounds": what, its number, where."""
    section = page.split("\n## Bounds\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(each) == 3 for each in cells), [each for each in cells if len(each) != 3]
    heads_and_rules = ("bound", "---")
    return [(what, number, where) for what, number, where in cells if what not in heads_and_rules]


def used_by_the_server(name: str) -> list[float]:
    """The numbers of a constant or of a setting's default, times in seconds."""
    value: object
    if name in _SETTINGS:
        value = Settings()
        for part in name.split("."):
            value = getattr(value, part)
    else:
        module, _, constant = name.rpartition(".")
        value = getattr(importlib.import_module(module), constant)
    return [number * _unit(name) for number in _flat(value)]


def written(text: str, name: str) -> list[float]:
    """The numbers that the page shows, in the same units; one without a unit counts as the constant does."""
    found = _NUMBER.findall(text)
    plain = [(float(number.replace(",", "")), unit) for number, unit in found]
    return [number * (_FACTOR.get(unit, 1) if unit else _unit(name)) for number, unit in plain]


def _unit(name: str) -> float:
    """How many seconds a constant's unit has, as its name tells; 1 for what is no time."""
    if name in _IN_MINUTES:
        return 60
    last = re.split(r"[._]", name.lower())[-1]
    return {"ms": 0.001, "minutes": 60, "hours": 3_600, "days": 86_400}.get(last, 1)


def _flat(value: object) -> list[float]:
    if isinstance(value, dt.timedelta):
        return [value.total_seconds()]
    if isinstance(value, tuple):
        return [number for member in value for number in _flat(member)]
    assert isinstance(value, int | float), value
    return [value]


ROWS = rows(PAGE.read_text())


@pytest.mark.parametrize(("what", "number", "where"), ROWS, ids=[what for what, _, _ in ROWS])
def test_the_page_has_the_number_that_the_server_uses(what: str, number: str, where: str) -> None:
    """Who changes a constant or a default changes the page."""
    assert re.fullmatch(r"`[\w.]+`", where), where
    name = where.strip("`")
    shown = written(number, name)
    # 30,000 ms and 30 s are one time, but not one float.
    assert sorted(shown) == pytest.approx(sorted(used_by_the_server(name)))


def test_a_bound_is_listed_once() -> None:
    """Two rows about one bound would part ways."""
    assert len({where for _, _, where in ROWS}) == len(ROWS) >= 30


UNLISTED = {
    "onema.dialects.vbee.wire._LONGEST_NUMBER": "a code of at most 20 digits, as a number",
    "onema.domain.configuration.document_fields._LARGEST_INTEGER": "what a column holds",
    "onema.domain.configuration.message_template._LONGEST_CODE": "the longest code that is made, which is listed",
    "onema.domain.configuration.problems._LONGEST_FOUND": "how much of a wrong value a sentence shows",
    "onema.domain.ids.LARGEST_ID": "what a column holds",
    "onema.domain.values.spoken_text._LONGEST_PIECE_SECONDS": "where a text is cut for its clips, not refused",
    "onema.delivery.sweeper.LONGEST_PAUSE_MS": "made of pauses, which are listed",
    "onema.engine.store_patience.LONGEST_PAUSE_SECONDS": "a pause between tries of our own",
}
"""Constants whose names sound like bounds on strangers and customers, and what they are instead."""
_SOUNDS_LIKE_A_BOUND = re.compile(
    r"^(_?[A-Z_]*(?:LIMIT|LONGEST|LARGEST|DEEPEST|REMEMBERED|MOST_)[A-Z_]*)(?:: \w+)? = ", re.M
)


def test_what_sounds_like_a_bound_is_listed() -> None:
    """A new one is easily forgotten here; those that bound nothing of strangers and customers say why."""
    source = PAGE.parents[1] / "src"
    found = {
        f"{'.'.join(file.relative_to(source).with_suffix('').parts)}.{name}"
        for folder in ("http", "console", "delivery", "dialects", "domain", "engine")
        for file in (source / "onema" / folder).rglob("*.py")
        for name in _SOUNDS_LIKE_A_BOUND.findall(file.read_text())
    }
    assert found - {where.strip("`") for _, _, where in ROWS} - set(UNLISTED) == set()
    assert set(UNLISTED) <= found


def test_the_windows_of_an_account_are_those_that_it_gets() -> None:
    """The table at the top of the page."""
    table = re.findall(r"^\| (phone|client IP|account) \| ([^|]+) \|", PAGE.read_text(), re.M)
    shown = [(per.lower().replace(" ", "_"), written(number, "")) for per, number in table]
    assert shown == [(window.per, [window.limit, window.seconds]) for window in DEFAULT_WINDOWS]


@pytest.mark.parametrize(
    ("number", "name", "expected"),
    [
        ("64 KiB", "onema.http.body.BODY_LIMIT", [65_536]),
        ("65,536 bytes", "onema.http.body.BODY_LIMIT", [65_536]),
        ("15 minutes", "onema.console.door.login._NAME_WAITS_MS", [900]),
        ("3 days", "delivery.receipt_lifetime", [259_200]),
        ("10 and 3,600 s", "onema.delivery.callbacks.RETRY_AFTER_SECONDS", [10, 3_600]),
        ("90", "retention.days", [90 * 86_400]),
        ("250 ms", "onema.console.handset.events.HEARTBEAT_SECONDS", [0.25]),
    ],
)
def test_numbers_are_read_as_people_write_them(number: str, name: str, expected: list[float]) -> None:
    """With thousands separated, and with a unit or without."""
    assert written(number, name) == pytest.approx(expected)
