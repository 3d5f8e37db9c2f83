"""What every page of docs/vendors has in common."""

import pytest

from .samples import LANGUAGES, PAGES, operations

NAMES = sorted(page.stem for page in PAGES.glob("*.md"))


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
