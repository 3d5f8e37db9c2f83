"""What no log may hold, looked for in all that a run of the tests made the product log."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN = {
    "a phone number": re.compile(r"(?<![\d.])(?:\+?84|0|\+?86)[1-9]\d{8,10}(?!\d)"),
    "the text of a message": re.compile(r"la ma xac minh|is your code|code is \d"),
    "a secret parameter": re.compile(
        r"(?i)(secret|password|token|authorization|apikey|sign)[\"']?\s*[=:]\s*[\"']?(?!\*)\w"
    ),
    "what a callback's URL hides": re.compile(r"callback-canary"),
    "a bearer token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}"),
}
SUITE_LOG = "suite.log"
"""Where the tests' own process logs to; servers that it starts have files of their own."""


def faults(base: Path) -> Iterator[str]:
    """Each forbidden line of the logs below a run's folder, and what is wrong with it."""
    secrets = _secrets_in_use(base)
    for log in base.rglob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            for what, pattern in FORBIDDEN.items():
                if pattern.search(line):
                    yield f"{log.name} holds {what}: {line}"
            if any(secret in line for secret in secrets):
                yield f"{log.name} holds a demo's secret: {line}"


def _secrets_in_use(base: Path) -> set[str]:
    """Every credential that a demo server made."""
    return {
        value
        for file in base.rglob("demo.json")
        for group in json.loads(file.read_text()).values()
        for name, value in group.items()
        if name not in ("Brandname", "message", "user", "appid")
    }
