"""The pages of the door in a real browser: small windows, both themes, three languages, and by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from onema.testing.running_server import RunningServer

from .axe import serious_faults
from .conftest import Shoot
from .contrast import CONTRAST
from .owner import OWNER, PASSWORD, set_up_link, with_owner

_TEXTS = "h1, h2, th, td, td a, dt, dd, p, .state, .bar a, label, small, button, code, li"
looks = pytest.mark.parametrize(
    ("scheme", "width", "language"),
    [("light", 1200, "en-GB"), ("dark", 768, "vi-VN"), ("light", 360, "zh-CN"), ("dark", 360, "en-GB")],
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server without an owner."""
    with RunningServer(tmp_path_factory.mktemp("fresh") / "data", "serve") as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "serve") as server:
        yield with_owner(server)


async def look(page: Page, shoot: Shoot, name: str) -> None:
    """Nothing is wider than the window, every text can be read, and axe finds nothing serious."""
    size = page.viewport_size
    assert size is not None
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    assert [one for one in await page.evaluate(CONTRAST, _TEXTS) if one[1] < 4.5] == [], name
    assert await serious_faults(page) == [], name
    scheme = "dark" if await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    await shoot(page, f"{name}-{scheme}-{size['width']}")


async def browse(
    browser: Browser, scheme: Literal["light", "dark"], width: int, language: str
) -> tuple[Page, list[str]]:
    """A page, and what goes wrong on it."""
    page = await browser.new_page(
        color_scheme=scheme, viewport={"width": width, "height": 900}, locale=language
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    return page, problems


@looks
async def test_the_first_page_can_be_read(
    browser: Browser,
    fresh: RunningServer,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
) -> None:
    """The one behind the link that the server prints, and that of a login."""
    page, problems = await browse(browser, scheme, width, language)
    await page.goto(set_up_link(fresh))
    await look(page, shoot, "welcome")
    await page.goto(f"http://localhost:{fresh.port}/login")
    await look(page, shoot, "login")
    assert problems == []


@looks
async def test_every_page_of_the_door_can_be_read(
    browser: Browser,
    server: RunningServer,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
) -> None:
    """By somebody who uses the keyboard: logging in, adding an app, inviting, and the second step of a login."""
    page, problems = await browse(browser, scheme, width, language)
    base = f"http://localhost:{server.port}"

    async def log_in() -> None:
        await page.goto(f"{base}/login")
        await expect(page.locator("input[name=name]")).to_be_focused()
        await page.keyboard.type(OWNER)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")

    async def press(do: str) -> None:
        button = page.locator(f'form:has(input[name=do][value="{do}"]) button').last
        await button.focus()
        async with page.expect_navigation():
            await page.keyboard.press("Enter")

    await log_in()
    await page.goto(f"{base}/console/people")
    await press("invite")
    await look(page, shoot, "people")
    await page.goto(f"{base}/console/you")
    await press("offer_app")
    await look(page, shoot, "you-offered")
    secret = await page.locator("section[aria-labelledby=app] code").inner_text()
    await page.locator("#confirm_app-code").fill(pyotp.TOTP(secret).now())
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await look(page, shoot, "you-recovery")
    await page.context.clear_cookies()
    await log_in()
    assert page.url.endswith("/login/second")
    await look(page, shoot, "second")
    assert problems == []
