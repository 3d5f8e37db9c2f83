"""A browser is connected to one worker; what other workers deliver reaches it all the same."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from onema.domain.ids import MAX_NODE, SEQUENCE_BITS
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer

from ..e2e.acme import call, configure, environment, received, send

PHONE = "+84901888484"


@pytest.fixture
def server(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    shared = environment(postgres_server.create_database("two_workers")) | {"ONEMA_NODE_NUMBER": "0"}
    data = tmp_path_factory.mktemp("workers") / "data"
    with RunningServer(data, "serve", "--workers", "2", environment=shared) as server:
        configure(server)
        yield server


async def test_a_call_of_another_worker_rings_and_is_heard(browser: Browser, server: RunningServer) -> None:
    """Calls until each worker has placed one: all ring, are answered, play, take keys and end by a click."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(f"http://127.0.0.1:{server.port}/handset")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    assert await asyncio.to_thread(send, server, PHONE) == "100"
    await expect(page.locator(".bubble")).to_have_count(1)
    screen = page.locator("#call")
    nodes: set[int] = set()
    while nodes != {0, 1}:
        assert (await asyncio.to_thread(call, server, PHONE))["message"] == "success"
        await expect(screen).to_have_attribute("data-state", "ringing")
        await page.locator("#call-answer").click()
        await expect(screen).to_have_attribute("data-state", "talking")
        await expect(page.locator("#call-wave i.heard")).not_to_have_count(0)
        await page.locator("#call-keypad").click()
        await page.locator("#call-keys button[data-digit='5']").click()
        await expect(page.locator("#call-digits")).to_have_text("5")
        await page.locator("#call-decline").click()
        await expect(screen).to_be_hidden(timeout=15_000)
        newest = (await asyncio.to_thread(received, server, PHONE))[0]
        nodes.add(int(newest["id"]) >> SEQUENCE_BITS & MAX_NODE)
