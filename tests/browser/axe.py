"""What axe finds on a page: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md"""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_SERIOUS = ("serious", "critical")


async def serious_faults(page: Page) -> list[str]:
    """The rules that the page breaks in earnest, each with where."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found.response["violations"]
        if one["impact"] in _SERIOUS
        for node in one["nodes"]
    ]
