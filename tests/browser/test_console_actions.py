"""What people do on the console's pages, each with the keyboard alone, on a real server."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from onema.testing.running_server import RunningServer

from .conftest import Shoot
from .keyboard import press, tab_to, write


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("actions")
    with RunningServer(folder / "data", "demo") as server:
        yield server


@pytest_asyncio.fixture
async def page(browser: Browser, server: RunningServer) -> AsyncIterator[Page]:
    """A page of an operator, in which nothing goes wrong."""
    base = f"http://127.0.0.1:{server.port}"
    context = await browser.new_context(
        base_url=base, viewport={"width": 1280, "height": 900}, locale="en-GB"
    )
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert problems == []
    await context.close()


async def test_an_application_gets_a_key_that_works(page: Page, server: RunningServer, shoot: Shoot) -> None:
    """Made, put online, given a key; its program for Python sends a code as it stands on the page."""
    await page.goto("/console/applications")
    await write(page, page.get_by_label("Application name"), "checkout")
    await press(page, page.get_by_role("button", name="Create"))
    assert await page.locator("h1").inner_text() == "Application checkout"
    await press(page, page.get_by_role("button", name="Put online"))
    assert await page.get_by_role("button", name="Back to the sandbox").count() == 1
    await press(page, page.get_by_role("button", name="Make a key"))
    secret = await page.locator("#made-secret").inner_text()
    await shoot(page, "action-key")
    await tab_to(page, page.locator("[data-copies=made-secret]"))
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    await tab_to(page, page.locator("summary", has_text="Python").first)
    await page.keyboard.press("Enter")
    program = await page.locator("#program-1-python").inner_text()
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await ran.communicate()
    assert ran.returncode == 0, said.decode()
    assert b"verification" in said or b'"id"' in said


async def test_settings_of_an_application_are_saved_and_heard(page: Page, shoot: Shoot) -> None:
    """What is wrong has the focus, and what was filled in still stands there."""
    await page.goto("/console/applications/demo/esms")
    await write(page, page.get_by_label("Callback address"), "nowhere")
    await press(page, page.locator("#save-callback_url"))
    assert await page.evaluate("document.activeElement.id") == "save-callback_url"
    assert await page.locator("#save-callback_url").input_value() == "nowhere"
    assert "Write a whole address" in await page.locator("#save-callback_url-error").inner_text()
    await shoot(page, "action-fault")
    await write(page, page.locator("#save-callback_url"), "https://shop.example/told")
    await press(page, page.locator("#save-callback_url"))
    assert await page.get_by_role("status").inner_text() == "Saved. It counts from now on."
    assert await page.locator("#save-callback_url").input_value() == "https://shop.example/told"
    seconds = await page.evaluate(
        """async () => {
            const audio = document.querySelector("audio");
            audio.load();
            audio.preload = "metadata";
            await new Promise((done) => audio.addEventListener("loadedmetadata", done, { once: true }));
            return audio.duration;
        }"""
    )
    assert seconds > 3


async def test_a_brandname_and_its_text_are_made_tried_and_switched_off(page: Page, shoot: Shoot) -> None:
    """From nothing to a text that fits."""
    await page.goto("/console/senders")
    await write(page, page.locator("#brandname-name"), "SHOP")
    await press(page, page.locator("#brandname-name"))
    await write(page, page.locator("#template-text"), "{OTP} opens your shop")
    await tab_to(page, page.locator("#template-brandname"))
    await page.keyboard.type("SHOP")
    await press(page, page.get_by_role("button", name="Create").last)
    await write(page, page.locator("#try-text"), "{OTP} opens your shoe")
    await tab_to(page, page.locator("#try-brandname"))
    await page.keyboard.type("SHOP")
    await write(page, page.locator("#try-to"), "+84")
    await press(page, page.locator("#try-to"))
    assert "They differ from character 21 on" in await page.locator(".tried").inner_text()
    await shoot(page, "action-tried")
    await write(page, page.locator("#try-text"), "{OTP} opens your shop")
    await press(page, page.get_by_role("button", name="Try it"))
    assert "It fits this template:" in await page.locator(".tried").inner_text()
    card = page.locator("section.card", has_text="opens your shop")
    await press(page, card.get_by_role("button", name="Switch off").first)
    assert await card.get_by_role("button", name="Switch on").count() == 1


async def test_money_is_booked_and_a_number_is_added(page: Page, shoot: Shoot) -> None:
    """By an operator, who sees both at once."""
    await page.goto("/console/money")
    before = await page.locator("dd.figure").inner_text()
    await write(page, page.get_by_label("Amount in VND"), "150000")
    await write(page, page.get_by_label("Reference"), "invoice 7")
    await press(page, page.get_by_role("button", name="Book"))
    assert await page.locator("dd.figure").inner_text() != before
    assert await page.get_by_role("cell", name="invoice 7").count() == 1
    await shoot(page, "action-money")
    await page.goto("/console/voice")
    await write(page, page.locator("#hotline-number"), "19001234")
    await write(page, page.locator("#hotline-daily_cap"), "500")
    await press(page, page.locator("#hotline-daily_cap"))
    row = page.get_by_role("row", name="19001234")
    assert await row.count() == 1
    await press(page, row.get_by_role("button", name="Switch 19001234 off"))
    assert await row.get_by_role("button", name="Switch 19001234 on").count() == 1
    await shoot(page, "action-voice")


async def test_a_test_event_is_sent(page: Page, server: RunningServer, shoot: Shoot) -> None:
    """Here to the server itself, which does not know the address."""
    await page.goto("/console/applications/demo/vbee")
    await write(page, page.locator("#save-callback_url"), f"http://127.0.0.1:{server.port}/nobody-here")
    await press(page, page.locator("#save-callback_url"))
    await press(page, page.get_by_role("button", name="Send a test event"))
    assert "127.0.0.1 answered 404 after" in await page.locator("#told ~ [role=status]").inner_text()
    await shoot(page, "action-told")
