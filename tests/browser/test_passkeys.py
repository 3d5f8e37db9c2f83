"""Passkeys in a real browser, with the authenticator that Chromium's tests of WebAuthn have.

https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, CDPSession, Page, expect

from onema.testing.running_server import RunningServer

from .conftest import Shoot
from .owner import PASSWORD, with_owner


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("passkeys")
    with RunningServer(folder / "data", "serve") as server:
        yield with_owner(server)


class Visitor:
    """A browser with an authenticator of its own."""

    def __init__(self, page: Page, devtools: CDPSession, base: str) -> None:
        self.page = page
        self.base = base
        self._devtools = devtools
        self._authenticator = ""

    async def plug_in(self, **options: Any) -> None:
        await self._devtools.send("WebAuthn.enable")
        made = await self._devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                    **options,
                }
            },
        )
        self._authenticator = made["authenticatorId"]

    async def credential(self) -> dict[str, Any]:
        told = {"authenticatorId": self._authenticator}
        found = await self._devtools.send("WebAuthn.getCredentials", told)
        credential: dict[str, Any] = found["credentials"][0]
        return credential

    async def has(self, credential: dict[str, Any]) -> None:
        """The authenticator has this credential, and no other."""
        told = {"authenticatorId": self._authenticator}
        await self._devtools.send("WebAuthn.clearCredentials", told)
        await self._devtools.send("WebAuthn.addCredential", {**told, "credential": credential})

    async def type_password(self) -> None:
        await self.page.goto(f"{self.base}/login")
        await self.page.get_by_label("Name").fill("lan")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in", exact=True).click()
        await self.page.wait_for_load_state()

    async def log_out(self) -> None:
        await self.page.context.clear_cookies()

    async def add_passkey(self, name: str) -> None:
        await self.page.goto(f"{self.base}/console/you")
        await self.page.get_by_label("Name of the passkey").fill(name)
        await self.page.get_by_role("button", name="Add a passkey").click()
        await expect(self.page.locator(f'input[value="{name}"]')).to_be_visible()

    async def remove_passkeys(self) -> None:
        await self.page.goto(f"{self.base}/console/you")
        rows = self.page.locator("section[aria-labelledby=passkeys] tbody tr")
        while await rows.count():
            await rows.first.get_by_label("Your password").fill(PASSWORD)
            async with self.page.expect_navigation():
                await rows.first.get_by_role("button", name="Remove").click()


async def visitor_of(browser: Browser, server: RunningServer) -> Visitor:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return Visitor(page, await context.new_cdp_session(page), f"http://localhost:{server.port}")


async def test_a_passkey_lets_in_without_a_password(
    browser: Browser, server: RunningServer, shoot: Shoot
) -> None:
    """It is added under a name, shown on the page, and whoever shows it types nothing."""
    visitor = await visitor_of(browser, server)
    await visitor.plug_in()
    await visitor.type_password()
    await visitor.add_passkey("my laptop")
    await shoot(visitor.page, "console-you")
    await visitor.log_out()
    await visitor.page.goto(f"{visitor.base}/login")
    await shoot(visitor.page, "login-passkey")
    await visitor.page.get_by_role("button", name="Log in with a passkey").click()
    await visitor.page.wait_for_url("**/handset")
    await visitor.page.goto(f"{visitor.base}/console/you")
    shown = visitor.page.locator("section[aria-labelledby=sessions] td", has_text="passkey")
    await expect(shown).to_be_visible()
    await visitor.page.locator('input[value="my laptop"]').fill("my phone")
    await visitor.page.get_by_role("button", name="Rename").click()
    await expect(visitor.page.locator('input[value="my phone"]')).to_be_visible()
    await visitor.remove_passkeys()
    await visitor.log_out()
    await visitor.page.goto(f"{visitor.base}/login")
    await visitor.page.get_by_role("button", name="Log in with a passkey").click()
    await expect(visitor.page.locator("#passkey-fault")).to_have_text("This passkey is not known here.")


async def test_a_passkey_is_a_second_factor_beside_the_password(
    browser: Browser, server: RunningServer, shoot: Shoot
) -> None:
    """The password alone opens nothing any more; neither does an authenticator that has not the key."""
    visitor = await visitor_of(browser, server)
    await visitor.plug_in()
    await visitor.type_password()
    await visitor.add_passkey("key")
    await visitor.log_out()
    await visitor.type_password()
    assert visitor.page.url.endswith("/login/second")
    await shoot(visitor.page, "login-second")
    await visitor.page.goto(f"{visitor.base}/console")
    assert visitor.page.url.endswith("/login")
    await visitor.page.goto(f"{visitor.base}/login/second")
    await visitor.page.get_by_role("button", name="Show a passkey").click()
    await visitor.page.wait_for_url("**/handset")
    await visitor.remove_passkeys()


async def test_an_answer_counts_once_and_a_copy_of_a_passkey_not_at_all(
    browser: Browser, server: RunningServer
) -> None:
    """What was sent is sent again, with the cookies that it was sent with; then the counter goes back."""
    visitor = await visitor_of(browser, server)
    await visitor.plug_in()
    await visitor.type_password()
    await visitor.add_passkey("key")
    early = await visitor.credential()
    await visitor.log_out()
    await visitor.page.goto(f"{visitor.base}/login")
    async with visitor.page.expect_request("**/login/passkey") as sent:
        await visitor.page.get_by_role("button", name="Log in with a passkey").click()
    request = await sent.value
    headers = await request.all_headers()
    await visitor.page.wait_for_url("**/handset")
    async with httpx.AsyncClient() as client:
        again = await client.post(
            f"http://127.0.0.1:{server.port}/login/passkey",
            content=request.post_data_buffer,
            headers={"host": f"localhost:{server.port}", "cookie": headers["cookie"]},
        )
    assert again.status_code == 401
    assert "onema_session" not in again.cookies
    await visitor.log_out()
    await visitor.has({**early, "signCount": 0})
    await visitor.page.goto(f"{visitor.base}/login")
    await visitor.page.get_by_role("button", name="Log in with a passkey").click()
    await expect(visitor.page.locator("#passkey-fault")).to_have_text("This passkey is not known here.")
    await visitor.type_password()
    await visitor.has({**early, "signCount": 50})
    await visitor.page.get_by_role("button", name="Show a passkey").click()
    await visitor.page.wait_for_url("**/handset")
    await visitor.remove_passkeys()


async def test_a_passkey_that_verifies_nobody_is_only_a_second_factor(
    browser: Browser, server: RunningServer
) -> None:
    """Whoever finds the stick has not found its owner."""
    visitor = await visitor_of(browser, server)
    await visitor.plug_in(
        hasUserVerification=False, isUserVerified=False, hasResidentKey=False, transport="usb"
    )
    await visitor.type_password()
    await visitor.add_passkey("stick")
    await visitor.log_out()
    await visitor.page.goto(f"{visitor.base}/login")
    await visitor.page.get_by_role("button", name="Log in with a passkey").click()
    await expect(visitor.page.locator("#passkey-fault")).to_be_visible()
    await visitor.type_password()
    await visitor.page.get_by_role("button", name="Show a passkey").click()
    await visitor.page.wait_for_url("**/handset")
    await visitor.remove_passkeys()
