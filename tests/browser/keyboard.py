"""Somebody who uses a page with the keyboard alone."""

from playwright.async_api import Locator, Page

MOST_STOPS = 150
"""More than any page has; who has not come there by then never does."""


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    wanted = await target.element_handle()
    for _ in range(MOST_STOPS):
        if await page.evaluate("(wanted) => document.activeElement === wanted", wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {target}")


async def write(page: Page, target: Locator, text: str) -> None:
    """Go there and write this in the place of what stands there."""
    await tab_to(page, target)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


async def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go there, press a key, and wait for the page that it leads to."""
    await tab_to(page, target)
    async with page.expect_navigation():
        await page.keyboard.press(key)
