import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from .desk import Desk

# Debian's Chromium without the services of a desktop, as Playwright's own: nothing is downloaded for a test.
_CHROMIUM = "/usr/bin/chromium-headless-shell"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)

# A browser that ended by itself says nothing about the page: Playwright then says so, and the test is repeated, once.
_BROWSER_DIED = pytest.mark.flaky(reruns=1, only_rerun="TargetClosedError")

Shoot = Callable[[Page, str], Awaitable[None]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(_BROWSER_DIED)


@pytest.fixture(scope="session")
def chromium() -> str:
    if not Path(_CHROMIUM).exists():
        pytest.fail("these tests need Debian's chromium-headless-shell, which ./dev test installs")
    return _CHROMIUM


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Saves a screenshot under a name; for people in SCREENSHOTS, otherwise with the test's files."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    async def save(page: Page, name: str) -> None:
        await page.screenshot(path=folder / f"{name}.png")

    return save
