"""The pages for operators in a real browser: three widths, both themes, three languages, and who can use them.

With SCREENSHOTS in the environment every combination is looked at, and a picture of each page lies there.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
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
        native = server.credentials("native")
        login = (native["key"], native["secret"])
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}/v1", auth=login) as api:
            application = next(
                one["name"] for one in api.get("applications").json()["items"] if one["voice_code"]
            )
            asked = {"to": "+84901888484", "channel": "call", "application": application}
            called = api.post("verifications", json=asked)
        assert called.status_code == 201, called.text
        eventually(lambda: b"undelivered" in server.get("/console/messages")[1])
        eventually(lambda: b"<tbody>" in server.get("/console/calls")[1])
        yield server


_SOME = [("light", 1280, "en-GB"), ("dark", 768, "vi-VN"), ("light", 360, "zh-CN"), ("dark", 360, "en-GB")]
_ALL = list(itertools.product(("light", "dark"), (1280, 768, 360), ("en-GB", "vi-VN", "zh-CN")))
_FURTHER = (
    "/console/carriers/of/handset",
    "/console/carriers/add/smpp",
    "/console/system/audit",
    "/console/system/compliance",
)
"""Pages that stand in no navigation."""
_DETAILS = ("messages", "calls", "applications")
"""Sections whose first line leads to a page of its own."""


@pytest.mark.parametrize(("scheme", "width", "language"), _ALL if os.environ.get("SCREENSHOTS") else _SOME)
async def test_every_page_can_be_read(
    browser: Browser,
    server: RunningServer,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
) -> None:
    """Nothing is wider than the window, texts have a contrast of 4.5, axe finds nothing, and no page has an error."""
    page = await browser.new_page(
        color_scheme=scheme, viewport={"width": width, "height": 800}, locale=language
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    base = f"http://127.0.0.1:{server.port}"
    details = []
    for section in _DETAILS:
        await page.goto(f"{base}/console/{section}")
        link = page.locator(
            f"main a[href^='/console/']:not([href*='?']):not([href='/console/{section}'])"
        ).first
        details.append(str(await link.get_attribute("href")))
    for path in (*(section.address for section in SECTIONS), *_FURTHER, *details):
        await page.goto(base + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        weak = [one for one in await page.evaluate(CONTRAST, _TEXTS) if one[1] < 4.5]
        assert weak == [], path
        judged = (await Axe().run(page)).response["violations"]
        assert [(one["id"], one["help"]) for one in judged] == [], path
        name = "-".join(part for part in path.split("/")[2:] if not part.isdigit()) or "overview"
        await shoot(page, f"console-{name}-{scheme}-{width}-{language}")
    assert problems == []
