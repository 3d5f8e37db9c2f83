"""The pages for operators in a real browser: small windows, both themes, three languages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser

from onema.console.operate.sections import SECTIONS
from onema.testing.running_server import RunningServer, eventually

from .conftest import Shoot
from .contrast import CONTRAST

_TEXTS = (
    "h1, h2, th, td, td a, dt, dd, .state, .bar a, .nothing, .same p, .same code, .timeline *, small, label, "
    "button"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A demo that has sent a few codes."""
    folder: Path = tmp_path_factory.mktemp("console")
    with RunningServer(folder / "data", "demo") as server:
        keys = server.credentials("esms")
        for phone in ("0901888484", "0990000002", "12"):
            server.get(
                "/MainService.svc/json/SendMessageAutoGenCode_V4_get",
                Phone=phone,
                ApiKey=keys["ApiKey"],
                SecretKey=keys["SecretKey"],
                Brandname=keys["Brandname"],
                Type="2",
                message=keys["message"],
                IsNumber="1",
            )
        eventually(lambda: b"undelivered" in server.get("/console/messages")[1])
        yield server


@pytest.mark.parametrize(
    ("scheme", "width", "language"),
    [("light", 1200, "en-GB"), ("dark", 768, "vi-VN"), ("light", 360, "zh-CN"), ("dark", 360, "en-GB")],
)
async def test_every_page_can_be_read(
    browser: Browser,
    server: RunningServer,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
) -> None:
    """Nothing is wider than the window, every text has a contrast of 4.5, and no page has an error."""
    page = await browser.new_page(
        color_scheme=scheme, viewport={"width": width, "height": 800}, locale=language
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    base = f"http://127.0.0.1:{server.port}/console"
    paths = [f"/{section.path}".rstrip("/") for section in SECTIONS]
    await page.goto(f"{base}/messages")
    link = await page.locator("tbody a").first.get_attribute("href")
    for path in (*paths, str(link).removeprefix("/console")):
        await page.goto(base + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        weak = [one for one in await page.evaluate(CONTRAST, _TEXTS) if one[1] < 4.5]
        assert weak == [], path
        name = path.strip("/").partition("/")[0] or "overview"
        await shoot(page, f"console-{name}-{scheme}-{width}-{language}")
    assert problems == []
