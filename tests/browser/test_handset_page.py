from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from .conftest import Shoot
from .desk import HINTS, Desk
from .pages import OTHER_PHONE, PHONE, fill, opened, problems_of

SCRIPT_IN_TEXT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> 4711"


async def test_a_message_appears_without_a_reload(browser: Browser, desk: Desk) -> None:
    """From the empty page to a bubble with the code marked, on one page load."""
    page = await opened(browser, desk)
    await expect(page.locator("#locked")).to_be_visible()
    await page.evaluate("window.sameLoad = true")

    await desk.sms(PHONE, "ONEMA", "482913 la ma xac minh cua ban")

    await expect(page.locator(".bubble")).to_have_text("482913 la ma xac minh cua ban")
    await expect(page.locator(".otp")).to_have_text("482913")
    await expect(page.locator("#contact-name")).to_have_text("ONEMA")
    assert await page.evaluate("window.sameLoad") is True
    assert problems_of(page) == []


async def test_another_phone_is_marked_unread_until_it_is_looked_at(browser: Browser, desk: Desk) -> None:
    """A message for a phone that is not shown moves it up and counts; a click shows it and clears the count."""
    await desk.sms(PHONE, "ONEMA", "482913 la ma xac minh cua ban")
    page = await opened(browser, desk)
    await expect(page.locator(".bubble")).to_have_count(1)

    await desk.sms(OTHER_PHONE, "ACME", "830516 is your code")

    first = page.locator("#phones button").first
    await expect(first.locator(".unread")).to_have_text("1")
    await expect(page).to_have_title("(1) 830516 · Handset · onema")
    await expect(page.locator(".bubble")).to_have_text("482913 la ma xac minh cua ban")
    await first.click()
    await expect(page.locator(".bubble")).to_have_text("830516 is your code")
    await expect(page.locator(".unread")).to_have_count(0)
    assert problems_of(page) == []


async def test_markup_in_a_text_stays_text(browser: Browser, desk: Desk) -> None:
    """Neither the text nor the sender of a stranger becomes markup, live or from the history."""
    page = await opened(browser, desk)
    await desk.sms(PHONE, "<b>ACME</b>", SCRIPT_IN_TEXT)
    await expect(page.locator(".bubble")).to_have_text(SCRIPT_IN_TEXT)
    await page.reload()
    await expect(page.locator(".bubble")).to_have_text(SCRIPT_IN_TEXT)
    await expect(page.locator("#contact-name")).to_have_text("<b>ACME</b>")
    assert await page.locator(".thread img, .thread script, .contact b").count() == 0
    assert await page.title() == "Handset · onema"


async def test_a_click_copies_the_code(browser: Browser, desk: Desk) -> None:
    """What is copied is the code alone."""
    await desk.sms(PHONE, "ONEMA", "Ma cua ban la ABQZKR, dung cho ai biet")
    page = await opened(browser, desk)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".otp").click()
    await expect(page.locator("#toast")).to_have_text("Code copied")
    assert await page.evaluate("navigator.clipboard.readText()") == "ABQZKR"


async def test_a_slow_message_takes_its_place_among_younger_ones(browser: Browser, desk: Desk) -> None:
    """A message that was accepted earlier and arrives later is shown, above those that overtook it."""
    page = await opened(browser, desk)
    await desk.sms(PHONE, "ONEMA", "second")
    await expect(page.locator(".bubble")).to_have_text(["second"])
    await desk.sms(PHONE, "ONEMA", "first", minutes_ago=1)
    await expect(page.locator(".bubble")).to_have_text(["first", "second"])


async def test_a_call_rings_is_answered_and_ends(browser: Browser, desk: Desk, shoot: Shoot) -> None:
    """The whole call: it rings, is answered and played, takes keys, and stays in the thread."""
    await fill(desk)
    page = await opened(browser, desk)
    call = await desk.call(PHONE, "+842473001234", "7351")
    desk.calls.ring(call, PHONE, "+842473001234")
    screen = page.locator("#call")
    await expect(screen).to_have_attribute("data-state", "ringing")
    await expect(page.locator("#call-state")).to_have_text("Incoming call")
    await screen.evaluate("view => Promise.all(view.getAnimations().map(opening => opening.finished))")
    await shoot(page, "ringing")

    await page.locator("#call-answer").click()
    await expect(screen).to_have_attribute("data-state", "talking")
    await expect(page.locator("#call-wave i.heard")).not_to_have_count(0)
    await expect(page.locator("#call-state")).to_have_text("0:01")
    await shoot(page, "in-call")
    await page.locator("#call-keypad").click()
    await page.locator("#call-keys button[data-digit='1']").click()
    await page.locator("#call-keys button[data-digit='#']").click()
    await expect(page.locator("#call-digits")).to_have_text("1#")
    await shoot(page, "keypad")

    await page.locator("#call-decline").click()
    await expect(screen).to_have_attribute("data-state", "ended")
    await expect(screen).to_be_hidden()
    entry = page.locator(f"li[data-id='{call}']")
    await expect(entry.locator(".words")).to_have_text("Mã xác nhận của bạn là 7351")
    await entry.get_by_label("Play the call").click()
    await expect(entry.locator(".wave i.heard")).not_to_have_count(0)
    assert problems_of(page) == []


async def test_a_call_answered_elsewhere_is_watched_in_silence(browser: Browser, desk: Desk) -> None:
    """Another browser answered, or the phone by itself: this one shows how far it is, and plays nothing."""
    page = await opened(browser, desk)
    call = await desk.call(PHONE, "19001234", "7351")
    desk.calls.ring(call, PHONE, "19001234")
    await expect(page.locator("#call")).to_have_attribute("data-state", "ringing")
    await desk.calls.answer(call)
    await expect(page.locator("#call-state")).to_have_text("0:01")
    await expect(page.locator("#call-wave i.heard")).not_to_have_count(0)


async def test_a_declined_call_says_so(browser: Browser, desk: Desk) -> None:
    """Declining ends the ringing with the ending that the server tells."""
    page = await opened(browser, desk)
    desk.calls.ring(await desk.call(PHONE, "19001234", "7351"), PHONE, "19001234")
    await page.locator("#call-decline").click()
    await expect(page.locator("#call-state")).to_have_text("Call ended: declined")
    await expect(page.locator("#call")).to_be_hidden()
    await expect(page.locator(".spoken")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_desk_in_both_colour_schemes(
    browser: Browser, desk: Desk, shoot: Shoot, scheme: Literal["light", "dark"]
) -> None:
    """Six messages on four phones, newest phone first and chosen."""
    await fill(desk)
    page = await opened(browser, desk, scheme)
    await expect(page.locator("#phones button")).to_have_count(4)
    await expect(page.locator("#phones button[aria-current='true'] .number")).to_have_text("+84 901 888 484")
    await expect(page.locator(".bubble")).to_have_count(3)
    await expect(page.locator(".spoken .wave i")).to_have_count(56)
    await desk.sms("+84912345678", "Baotrixemay", "KX20PL la ma xac minh dang ky Baotrixemay cua ban")
    await expect(page.locator(".unread")).to_have_count(1)
    await shoot(page, scheme)
    assert problems_of(page) == []


async def test_the_empty_page_says_what_to_do(browser: Browser, desk: Desk, shoot: Shoot) -> None:
    """No phone yet: a locked screen, and lines to paste."""
    page = await opened(browser, desk)
    await expect(page.locator("#locked")).to_contain_text("Waiting for a code")
    await expect(page.locator(".snippet pre").first).to_have_text(HINTS[0].command)
    await shoot(page, "empty")
    await page.emulate_media(color_scheme="dark")
    await shoot(page, "empty-dark")


async def test_a_stranger_logs_in_and_out(browser: Browser, tmp_path: Path, shoot: Shoot) -> None:
    """Where the machine is not open: the form, a wrong password, the right one, the page, and out again."""
    async with Desk(tmp_path, open_on_loopback=False) as desk:
        await desk.add_user("lan", "correct horse")
        page = await browser.new_page(viewport={"width": 1000, "height": 700})
        await page.goto(f"{desk.url}/handset")
        await page.get_by_label("Name").fill("lan")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("do not match")
        await shoot(page, "login")
        await page.get_by_label("Password").fill("correct horse")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.locator("#live")).to_have_text("Live")
        await page.get_by_role("button", name="Log out").click()
        await expect(page).to_have_url(f"{desk.url}/login")
        await page.goto(f"{desk.url}/handset")
        await expect(page).to_have_url(f"{desk.url}/login")


async def test_the_page_catches_up_after_the_server_was_away(browser: Browser, tmp_path: Path) -> None:
    """The stream reconnects by itself and brings what came meanwhile, each message once."""
    async with Desk(tmp_path) as desk:
        await desk.sms(PHONE, "ONEMA", "before")
        page = await opened(browser, desk)
        await expect(page.locator(".bubble")).to_have_text(["before"])
        port = desk.port
    await expect(page.locator("#live")).to_have_text("Reconnecting")
    async with Desk(tmp_path, port=port) as desk:
        await desk.sms(PHONE, "ONEMA", "after")
        await expect(page.locator(".bubble")).to_have_text(["before", "after"], timeout=15_000)
        await expect(page.locator("#live")).to_have_text("Live")


async def test_without_call_control_a_call_is_listed(browser: Browser, tmp_path: Path) -> None:
    """It does not ring, but can be played."""
    async with Desk(tmp_path, calls=False) as desk:
        page = await opened(browser, desk)
        await desk.call(PHONE, "19001234", "7351")
        await expect(page.get_by_label("Play the call")).to_have_count(1)
        await expect(page.locator("#call")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 820, 1180])
async def test_nothing_is_wider_than_the_window(
    browser: Browser, desk: Desk, shoot: Shoot, width: int
) -> None:
    """At a phone's, a tablet's and a small laptop's width, nothing scrolls sideways."""
    await fill(desk)
    await desk.sms(OTHER_PHONE, "ACME", "x" * 400)
    page = await opened(browser, desk, width=width, height=844)
    await expect(page.locator("#phones button")).to_have_count(4)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    await page.locator(f"#phones button[data-number='{PHONE}']").click()
    await expect(page.locator(".bubble")).to_have_count(3)
    await shoot(page, f"width-{width}")
