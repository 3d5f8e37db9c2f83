"""The handset page as tests find it: opened in a browser, with messages of several phones."""

from typing import Literal

from playwright.async_api import Browser, Page, expect

from .desk import Desk

PHONE, OTHER_PHONE = "+84901888484", "+8613800138000"


async def fill(desk: Desk) -> None:
    await desk.sms("+84990000003", "ACME", "ACME: 771204 is your code. It expires in 5 minutes.", 2900)
    await desk.sms("+84912345678", "Baotrixemay", "1NTTJ6 la ma xac minh dang ky Baotrixemay cua ban", 95)
    await desk.sms(OTHER_PHONE, "阿客美", "【阿客美】您的验证码是 830516,五分钟内有效。", 41)
    await desk.sms(PHONE, "ONEMA", "482913 la ma xac minh cua ban. Ma co hieu luc trong 5 phut.", 1500)
    await desk.call(PHONE, "02473001234", "7351", 12)
    await desk.sms(PHONE, "ONEMA", "095527 la ma xac minh cua ban. Ma co hieu luc trong 5 phut.", 9)


async def opened(
    browser: Browser,
    desk: Desk,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1440,
    height: int = 900,
    motion: Literal["no-preference", "reduce"] = "no-preference",
    language: str = "en-GB",
    phone: str = "",
) -> Page:
    page = await browser.new_page(
        color_scheme=scheme,
        reduced_motion=motion,
        viewport={"width": width, "height": height},
        locale=language,
        timezone_id="Asia/Ho_Chi_Minh",
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.problems = problems  # type: ignore[attr-defined]  # asserted by whoever opened it
    await page.goto(f"{desk.url}/{f'handset#{phone}' if phone else ''}")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    return page


def problems_of(page: Page) -> list[str]:
    problems: list[str] = page.problems  # type: ignore[attr-defined]  # see opened
    return problems
