import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from .desk import Desk

# Debian's browser: nothing is downloaded for a test.
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)

Shoot = Callable[[Page, str], Awaitable[None]]


@pytest.fixture(scope="session")
def chromium() -> str:
    if not Path(_CHROMIUM).exists():
        pytest.fail("these tests need Debian's chromium, which ./dev test installs")
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
