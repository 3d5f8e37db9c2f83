"""The page of what happens at the moment, in a real browser: it goes on telling, under the strict policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from onema.testing.running_server import RunningServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


def send(server: RunningServer) -> None:
    keys = server.credentials("esms")
    server.get(
        "/MainService.svc/json/SendMessageAutoGenCode_V4_get",
        Phone="0901888484",
        ApiKey=keys["ApiKey"],
        SecretKey=keys["SecretKey"],
        Brandname=keys["Brandname"],
        Type="2",
        message=keys["message"],
        IsNumber="1",
    )


async def test_an_open_page_tells_of_what_has_happened_since(browser: Browser, server: RunningServer) -> None:
    """Figures and chart, without loading the page anew and without an error."""
    page = await browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(f"http://127.0.0.1:{server.port}/console/now")
    await expect(page.locator(".meters")).to_contain_text("0 of 0 that ended")
    send(server)
    await expect(page.locator(".meters")).to_contain_text("1 of 1 that ended", timeout=15_000)
    await expect(page.locator("#chart canvas")).to_have_count(1)
    assert problems == []


async def test_a_page_whose_scripts_come_late_follows_too(browser: Browser, server: RunningServer) -> None:
    """htmx is there and has had time to begin before its extensions arrive, as over a slow network."""
    page = await browser.new_page()

    async def late(route: Route) -> None:
        await page.wait_for_function("window.htmx", polling=10)
        await page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
        await route.continue_()

    await page.route("**/hx-*.min.js", late)
    async with page.expect_request("**/console/now/events*"):
        await page.goto(f"http://127.0.0.1:{server.port}/console/now")


async def test_without_scripts_the_page_says_it_too(browser: Browser, server: RunningServer) -> None:
    """And leads to itself, for what has happened since."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{server.port}/console/now")
    await expect(page.locator(".meters")).to_contain_text("0 of 0 that ended")
    await expect(page.get_by_role("link", name="Load anew")).to_be_visible()
    await context.close()
