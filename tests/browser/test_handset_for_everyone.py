"""The handset page without a mouse, without motion, with less sight, and in small windows."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from .contrast import CONTRAST
from .desk import Desk
from .pages import OTHER_PHONE, PHONE, fill, opened, problems_of

_TEXTS = (
    ".thread .at, .thread .from, .thread .day, .bubble, .otp, .spoken .title span, .contact span, .phones .number, "
    ".phones .preview, .phones .when, .phones .unread, h2, .hint, .live, .scripts td, .scripts .number, .snippet p, "
    ".copy, .error, .login label, .primary, .composer span, #count, .search, .preview b, .brand span"
)


async def focused(page: Page) -> str:
    return str(
        await page.evaluate("document.activeElement.id || document.activeElement.dataset.number || ''")
    )


async def test_a_call_is_answered_and_steered_by_keyboard(browser: Browser, desk: Desk) -> None:
    """The ringing call has the focus, so that Tab reaches its buttons first; digits are typed; focus comes back."""
    await fill(desk)
    page = await opened(browser, desk)
    await page.locator(f"#phones button[data-number='{PHONE}']").focus()
    desk.calls.ring(await desk.call(PHONE, "+842473001234", "7351"), PHONE, "+842473001234")
    await expect(page.get_by_role("alertdialog", name="Incoming call +84 24 7300 1234")).to_be_focused()

    await page.keyboard.press("Tab")
    assert await focused(page) == "call-decline"
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#call")).to_have_attribute("data-state", "talking")
    await page.keyboard.type("4#")
    await expect(page.locator("#call-digits")).to_have_text("4#")
    await page.get_by_role("button", name="Hang up").press("Enter")
    await expect(page.locator("#call")).to_be_hidden()
    assert await focused(page) == PHONE
    assert problems_of(page) == []


async def test_a_key_meant_for_the_page_does_not_answer(browser: Browser, desk: Desk) -> None:
    """Somebody presses a button just as the phone rings: the call goes on ringing."""
    await fill(desk)
    page = await opened(browser, desk)
    await page.locator(".copy").first.focus()
    desk.calls.ring(await desk.call(PHONE, "+842473001234", "7351"), PHONE, "+842473001234")
    await expect(page.locator("#call")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Space")
    await expect(page.locator("#call")).to_have_attribute("data-state", "ringing")


async def test_a_message_does_not_take_the_focus_from_the_list(browser: Browser, desk: Desk) -> None:
    """The list is drawn anew, and the phone that had the focus has it still."""
    await fill(desk)
    page = await opened(browser, desk)
    await page.locator(f"#phones button[data-number='{OTHER_PHONE}']").focus()
    await page.keyboard.press("Enter")
    await desk.sms("+84912345678", "ACME", "771204 is your code")
    await expect(page.locator("#phones button").first).to_have_attribute("data-number", "+84912345678")
    assert await focused(page) == OTHER_PHONE


async def test_what_a_call_covers_is_out_of_reach(browser: Browser, desk: Desk) -> None:
    """Buttons of the thread under the call screen are not in the way of Tab."""
    await fill(desk)
    page = await opened(browser, desk)
    desk.calls.ring(await desk.call(PHONE, "+842473001234", "7351"), PHONE, "+842473001234")
    await expect(page.locator("#call")).to_be_visible()
    await expect(page.locator(".otp").first).to_be_hidden()


async def test_nothing_moves_for_those_who_asked_for_that(browser: Browser, desk: Desk) -> None:
    """With prefers-reduced-motion not even a ringing phone is animated."""
    await fill(desk)
    page = await opened(browser, desk, motion="reduce")
    desk.calls.ring(await desk.call(PHONE, "+842473001234", "7351"), PHONE, "+842473001234")
    await expect(page.locator("#call")).to_have_attribute("data-state", "ringing")
    assert await page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(browser: Browser, desk: Desk, scheme: Literal["light", "dark"]) -> None:
    """At least 4.5 to 1 against its ground (WCAG AA), small print included."""
    await fill(desk)
    page = await opened(browser, desk, scheme)
    await desk.sms("+84912345678", "ACME", "771204 is your code")
    await expect(page.locator(".unread")).to_have_count(1)
    contrasts = await page.evaluate(CONTRAST, _TEXTS)
    assert len(contrasts) > 40
    assert [found for found in contrasts if found[1] < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_login_can_be_read(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """Its labels, its button, and the error, which is the one thing to see when it is there."""
    async with Desk(tmp_path, open_on_loopback=False) as desk:
        page = await browser.new_page(color_scheme=scheme)
        await page.goto(f"{desk.url}/login")
        await page.get_by_label("Name").fill("lan")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.get_by_role("alert")).to_be_visible()
        contrasts = await page.evaluate(CONTRAST, _TEXTS)
    assert len(contrasts) == 4
    assert [found for found in contrasts if found[1] < 4.5] == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 640), (820, 1100)])
async def test_nothing_is_cut_off(browser: Browser, desk: Desk, width: int, height: int) -> None:
    """Numbers are whole in the list, and a call's waveform stays in its bubble, in a low window too."""
    await fill(desk)
    page = await opened(browser, desk, width=width, height=height)
    await expect(page.locator(".spoken .wave i")).to_have_count(56)
    cut = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent)"
    assert await page.locator(".phones .number").evaluate_all(cut) == []
    assert await page.locator(".spoken .wave").evaluate_all(cut) == []


async def test_audio_is_fetched_when_its_call_comes_into_view(browser: Browser, desk: Desk) -> None:
    """A phone that got a hundred calls does not load a hundred recordings."""
    for minute in range(40, 0, -1):
        await desk.call(PHONE, "+842473001234", "7351", minute)
    page = await browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith(".wav") else None)
    await page.goto(f"{desk.url}/handset")
    newest = page.locator(".spoken").last
    await expect(newest.locator(".wave i")).to_have_count(56)
    assert 0 < len(set(asked)) < 20
    await page.locator(".spoken").first.scroll_into_view_if_needed()
    await expect(page.locator(".spoken").first.locator(".wave i")).to_have_count(56)


async def test_another_phone_ends_what_was_played(browser: Browser, desk: Desk) -> None:
    """Audio whose button is gone must not go on."""
    await fill(desk)
    await desk.call(PHONE, "+842473001234", "73517351735173517351")
    page = await opened(browser, desk)
    await page.evaluate(
        """() => {
            const play = HTMLMediaElement.prototype.play;
            window.played = [];
            HTMLMediaElement.prototype.play = function () { played.push(this); return play.call(this); };
        }"""
    )
    await page.get_by_label("Play the call").last.click()
    await expect(page.get_by_label("Pause")).to_have_count(1)
    await page.locator(f"#phones button[data-number='{OTHER_PHONE}']").click()
    assert await page.evaluate("played.length === 1 && played[0].paused")
