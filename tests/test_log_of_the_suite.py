"""Whatever the tests made the product log: no codes, secrets, bodies or full numbers are in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FORBIDDEN = {
    "a phone number": re.compile(r"(?<![\d.])(?:\+?84|0|\+?86)[1-9]\d{8,10}(?!\d)"),
    "the text of a message": re.compile(r"la ma xac minh|is your code|code is \d"),
    "a secret parameter": re.compile(
        r"(?i)(secret|password|token|authorization|apikey|sign)[\"']?\s*[=:]\s*[\"']?(?!\*)\w"
    ),
    "what a callback's URL hides": re.compile(r"callback-canary"),
    "a bearer token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}"),
}


def lines(base: Path) -> Iterator[tuple[Path, str]]:
    for log in [base / "suite.log", *base.glob("*/*.log")]:
        for line in log.read_text(errors="replace").splitlines():
            yield log, line


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_log_holds(tmp_path_factory: pytest.TempPathFactory, what: str) -> None:
    """Not one line of the suite's log, nor of a server that it started."""
    found = [
        (log.name, line)
        for log, line in lines(tmp_path_factory.getbasetemp())
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_no_log_holds_a_secret_that_was_in_use(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every credential that a demo server made is looked for literally."""
    base = tmp_path_factory.getbasetemp()
    secrets = {
        value
        for file in base.glob("*/*/demo.json")
        for group in json.loads(file.read_text()).values()
        for name, value in group.items()
        if name not in ("Brandname", "message", "user", "appid")
    }
    found = [(log.name, line) for log, line in lines(base) if any(secret in line for secret in secrets)]
    assert found == []
