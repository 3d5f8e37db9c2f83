"""One phone among many, by list, search and address; and what the tab and the list tell without a click."""

import re

import pytest
from playwright.async_api import Browser, expect

from .conftest import Shoot
from .desk import Desk
from .pages import OTHER_PHONE, PHONE, fill, opened, problems_of

NUMBERS = "#phones .number"


async def test_a_phone_is_listed_however_much_another_one_received(browser: Browser, desk: Desk) -> None:
    """The stream begins with the newest 300 messages, the list comes from the inbox; a link opens what it names."""
    await desk.sms(OTHER_PHONE, "ACME", "771204 is your code", minutes_ago=60)
    for number in range(305):
        await desk.sms(PHONE, "ONEMA", f"{number} la ma xac minh")
    page = await opened(browser, desk, phone="%2B8613800138000")
    await expect(page.locator(NUMBERS)).to_have_text(["+84 901 888 484", "+86 138 0013 8000"])
    await expect(page.locator(".bubble")).to_have_text(["771204 is your code"])
    assert problems_of(page) == []


@pytest.mark.parametrize("typed", ["0912 345", "+84912345678", "1NTTJ6", "baotrix", "nttj6 LA MA"])
async def test_the_field_finds_by_number_code_and_words(browser: Browser, desk: Desk, typed: str) -> None:
    """In any spelling of the number; Enter shows the first, and an empty field shows all again."""
    await fill(desk)
    page = await opened(browser, desk)
    search = page.get_by_role("searchbox", name="Number, code or words")
    await search.fill(typed)
    await expect(page.locator(NUMBERS)).to_have_text(["+84 912 345 678"])
    await search.press("Enter")
    await expect(page.locator(".bubble")).to_contain_text("1NTTJ6")
    await search.fill("")
    await expect(page.locator(NUMBERS)).to_have_count(4)


async def test_a_page_beside_a_load_test_forgets_the_oldest_phones(browser: Browser, desk: Desk) -> None:
    """It keeps a thousand, lists 300 of them, and goes on showing the chosen one."""
    await desk.sms(PHONE, "ONEMA", "482913 la ma xac minh cua ban")
    page = await opened(browser, desk)
    await expect(page.locator(".bubble")).to_have_count(1)
    kept = await page.evaluate(
        """async () => {
            const main = document.querySelector("script[type='module']").src;
            const phones = await import(main.replace("handset.js", "phones.js"));
            const item = { from: "A", text: "t", channel: "sms", received_at: new Date().toISOString() };
            for (let n = 10 ** 4; n < 10 ** 4 + 1500; n++)
                phones.keep({ ...item, id: `9${10 ** 17 + n}0`, to: `+8490000${n}` });
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            return phones.newestFirst().length;
        }"""
    )
    assert kept == 1001
    await expect(page.locator(NUMBERS)).to_have_count(300)
    await expect(page.locator("#phones-hint")).to_contain_text("the newest 300")
    await expect(page.locator(".bubble")).to_have_count(1)
    assert problems_of(page) == []


async def test_what_is_not_there_is_said(browser: Browser, desk: Desk) -> None:
    """In the list, and nothing stays from before."""
    await fill(desk)
    page = await opened(browser, desk)
    await page.locator("#search").fill("nobody")
    await expect(page.locator("#phones-hint")).to_have_text("No phone has “nobody”.")
    await expect(page.locator(NUMBERS)).to_have_count(0)


async def test_the_address_of_an_open_page_switches_and_back_returns(browser: Browser, desk: Desk) -> None:
    """By hand, by a click and by Back, on one page load."""
    await fill(desk)
    page = await opened(browser, desk)
    await page.evaluate("window.sameLoad = true")
    await page.evaluate(f"location.hash = encodeURIComponent('{OTHER_PHONE}')")
    await expect(page.locator("#contact-name")).to_have_text("阿客美")
    await page.locator("#phones button[data-number='+84912345678']").click()
    await expect(page.locator("#contact-name")).to_have_text("Baotrixemay")
    await page.go_back()
    await expect(page.locator("#contact-name")).to_have_text("阿客美")
    await page.go_back()
    await expect(page.locator("#contact-number")).to_have_text("to +84 901 888 484")
    assert await page.evaluate("window.sameLoad") is True
    assert problems_of(page) == []


@pytest.mark.parametrize("spelling", ["%2B84977000111", "0977000111"])
async def test_a_number_without_messages_says_so_until_one_comes(
    browser: Browser, desk: Desk, spelling: str
) -> None:
    """A link may name a phone before it received anything, in its national spelling too."""
    await fill(desk)
    page = await opened(browser, desk, phone=spelling)
    await expect(page.locator("#no-messages")).to_contain_text("No messages for this number")
    await expect(page.locator(".bubble")).to_have_count(0)
    await desk.sms(PHONE, "ONEMA", "not for this one")
    await expect(page.locator(".unread")).to_have_count(1)
    await expect(page.locator("#no-messages")).to_be_visible()
    await desk.sms("+84977000111", "ACME", "5512 is your code")
    await expect(page.locator(".bubble")).to_have_text(["5512 is your code"])
    await expect(page.locator("#no-messages")).to_be_hidden()
    await expect(page).to_have_url(re.compile(r"#%2B84977000111$"))
    assert problems_of(page) == []


async def test_the_national_spelling_opens_a_phone_that_has_messages(browser: Browser, desk: Desk) -> None:
    """And the address then has the whole number."""
    await fill(desk)
    page = await opened(browser, desk, phone="0912345678")
    await expect(page.locator("#contact-name")).to_have_text("Baotrixemay")
    await expect(page).to_have_url(re.compile(r"#%2B84912345678$"))
    await expect(page.locator("#phones [aria-current='true'] .number")).to_have_text("+84 912 345 678")


async def test_the_tabs_title_tells_of_a_call(browser: Browser, desk: Desk) -> None:
    """While it rings, with who calls; then it is as before."""
    await desk.sms(PHONE, "ONEMA", "482913 la ma xac minh cua ban")
    page = await opened(browser, desk)
    desk.calls.ring(await desk.call(PHONE, "+842473001234", "7351"), PHONE, "+842473001234")
    await expect(page).to_have_title("☎ Incoming call +84 24 7300 1234 · Handset · onema")
    await page.locator("#call-decline").click()
    await expect(page).to_have_title("Handset · onema")


@pytest.mark.parametrize("width", [1440, 1000])
async def test_a_preview_shows_the_code_whole(browser: Browser, desk: Desk, width: int) -> None:
    """Wherever it is in a long text: the words around it give way."""
    long = "Kinh gui Quy khach, ma xac thuc giao dich cua Quy khach tai he thong cua hang Baotrixemay la"
    await desk.sms(PHONE, "ONEMA", f"{long} 482913")
    await desk.sms(
        OTHER_PHONE, "ACME", "830516 is your code. Never share it with anybody, whatever they say to you."
    )
    page = await opened(browser, desk, width=width)
    codes = page.locator("#phones .preview b")
    await expect(codes).to_have_text(["830516", "482913"])
    cut = "nodes => nodes.some(node => node.scrollWidth > node.clientWidth || node.getBoundingClientRect().right > "
    assert not await codes.evaluate_all(cut + "node.closest('.preview').getBoundingClientRect().right + 1)")


@pytest.mark.parametrize(
    ("language", "says", "day"),
    [
        ("en-GB", "This phone only listens", "Saturday 14 November"),
        ("vi-VN", "Điện thoại này chỉ nhận tin", "Thứ Bảy, 14 tháng 11"),
        ("zh-CN", "此手机只能接收", "11月14日星期六"),
    ],
)
async def test_the_page_speaks_the_readers_language(
    browser: Browser, desk: Desk, shoot: Shoot, language: str, says: str, day: str
) -> None:
    """Words and dates, and one heading that says what the page is."""
    await fill(desk)
    page = await opened(browser, desk, language=language)
    await expect(page.locator(".composer")).to_have_text(says)
    written = await page.evaluate(
        """async () => {
            const main = document.querySelector("script[type='module']").src;
            const words = await import(main.replace("handset.js", "dom.js"));
            return words.longDay(new Date(2026, 10, 14));
        }"""
    )
    assert written == day
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await shoot(page, f"language-{language}")
    assert problems_of(page) == []
