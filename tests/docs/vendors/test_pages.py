"""What every page of docs/vendors has in common, and that it is complete."""

import importlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from onema.http.messages import Response

from .samples import LANGUAGES, PAGES, operations

NAMES = sorted(page.stem for page in PAGES.glob("*.md"))
CODE, TEXT = ("CodeResult", "statusCode", "code"), ("ErrorMessage", "statusMsg", "message")
"""What dialects call them in their answers."""


@pytest.mark.parametrize("page", NAMES)
def test_every_operation_has_a_sample_in_every_language(page: str) -> None:
    """And the answer that it prints."""
    found = operations(page)
    assert found
    missing = {
        heading: (set(LANGUAGES) - set(operation.samples), not operation.answers)
        for heading, operation in found.items()
    }
    assert missing == dict.fromkeys(found, (set(), False))


@pytest.mark.parametrize("page", NAMES)
def test_every_error_of_the_dialect_is_in_its_page(page: str) -> None:
    """Its code, as `code`, with the text that comes with it."""
    text = (PAGES / f"{page}.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    errors = set(errors_of(page))
    assert errors
    missing = {
        error
        for error in errors
        if not any(f"`{error[0]}`" in row and f"`{error[1]}`" in row for row in rows)
    }
    assert missing == set()


def test_every_section_that_is_cited_exists() -> None:
    """Code, tests and documents name sections of these pages behind a `#`, as links do."""
    root = PAGES.parents[1]
    files = [file for folder in ("src", "tests", "docs") for file in (root / folder).rglob("*.*")]
    files = [file for file in files if file.suffix in (".py", ".md")]
    cited = {name for file in files for name in re.findall(r"vendors/(\w+\.md#[\w-]+)", file.read_text())}
    sections = {
        f"{page.name}#{anchor(heading)}"
        for page in PAGES.glob("*.md")
        for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    }
    assert cited - sections == set()


def anchor(heading: str) -> str:
    """What a heading is called in links, as GitHub does it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def errors_of(dialect: str) -> Iterator[tuple[str, str]]:
    """Code and text of every answer that errors.py makes."""
    errors = importlib.import_module(f"onema.dialects.{dialect}.errors")
    for value in flat(vars(errors).values()):
        if isinstance(value, errors.VendorError):
            yield str(value.code), value.message
        elif isinstance(value, Response):
            body = json.loads(value.body)
            for code in (str(body[name]) for name in CODE if name in body):
                yield code, next(body[name] for name in TEXT if name in body)


def flat(values: Iterable[Any]) -> Iterator[Any]:
    """What is in a module, and in its tables."""
    for value in values:
        yield from value.values() if isinstance(value, dict) else (value,)
