"""What is made from something else says what that says now."""

import pytest

from tests.docs.generated_pages import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_fresh(page: str) -> None:
    """`./dev docs` renews it."""
    assert (ROOT / page).read_text(encoding="utf-8") == PAGES[page]()
