"""The demo server and a browser, nothing in between replaced: a code is requested, rings, and is heard."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from playwright.async_api import Browser, Page, expect

from onema.testing.running_server import RunningServer

from .conftest import Shoot

PHONE = "+84901888484"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("rings") / "data", "demo") as server:
        yield server


async def call(server: RunningServer, phone: str = PHONE) -> None:
    """What an integrator's Vbee client sends."""
    keys = server.credentials("vbee")
    token = jwt.encode({"apiKey": keys["apiKey"], "otpCode": "0307"}, keys["apiSecret"], algorithm="HS256")
    body = json.dumps({"phone_number": phone, "voice": "hn_female_ngochuyen_full_48k-fhg"})
    url = f"http://127.0.0.1:{server.port}/api/v1/public-api/voice-otp"
    headers = ("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json")
    process = await asyncio.create_subprocess_exec(
        "curl", url, *headers, "-d", body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    answer = json.loads((await process.communicate())[0])
    assert answer["message"] == "success"


async def handset(browser: Browser, server: RunningServer) -> Page:
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(f"http://127.0.0.1:{server.port}/handset")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    return page


def newest_story(server: RunningServer) -> Any:
    return server.onema("message", "show", server.onema("message", "list", "demo")[0]["id"])


async def test_a_requested_call_rings_and_is_paid_for_what_was_talked(
    browser: Browser, server: RunningServer, shoot: Shoot
) -> None:
    """Answered by a click, hung up by another: the story says how it went."""
    page = await handset(browser, server)
    await call(server)
    screen = page.locator("#call")
    await expect(screen).to_have_attribute("data-state", "ringing")
    await screen.evaluate("view => Promise.all(view.getAnimations().map(opening => opening.finished))")
    await shoot(page, "demo-ringing")
    await page.locator("#call-answer").click()
    await expect(screen).to_have_attribute("data-state", "talking")
    await expect(page.locator("#call-wave i.heard")).not_to_have_count(0)
    await shoot(page, "demo-in-call")
    await page.locator("#call-decline").click()
    await expect(screen).to_be_hidden(timeout=15_000)
    await shoot(page, "demo-after-call")
    story = await asyncio.to_thread(newest_story, server)
    assert (story["state"], story["reason"], story["charged"]) == ("delivered", "hung up", "400")


async def test_a_declined_call_costs_nothing(browser: Browser, server: RunningServer) -> None:
    """The hold goes back, and the message says that it was declined."""
    page = await handset(browser, server)
    await call(server)
    await page.locator("#call-decline").click()
    await expect(page.locator("#call-state")).to_have_text("Call ended: declined")
    await expect(page.locator("#call")).to_be_hidden(timeout=15_000)
    story = await asyncio.to_thread(newest_story, server)
    assert (story["state"], story["reason"], story["charged"]) == ("undelivered", "declined", "0")
