"""The button of the login page that leads to a provider, in a real browser: docs/operations/console.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from onema.testing.running_server import RunningServer

from ..unit.console.issuer import CLIENT, SECRET, Issuer, served
from .conftest import Shoot
from .owner import with_owner
from .test_door_pages import browse, look, looks

NAME = "lan@example.com"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with served() as issuer:
        yield issuer


@pytest.fixture
def server(tmp_path: Path, issuer: Issuer) -> Iterator[RunningServer]:
    """One whose owner has the name that the provider says."""
    environment = {
        "ONEMA_CONSOLE_OIDC_ISSUER": issuer.url,
        "ONEMA_CONSOLE_OIDC_CLIENT_ID": CLIENT,
        "ONEMA_CONSOLE_OIDC_CLIENT_SECRET": SECRET,
        "ONEMA_CONSOLE_OIDC_TITLE": "Example Staff",
        "ONEMA_CONSOLE_OIDC_PRIVATE_TARGETS": "true",
    }
    with RunningServer(tmp_path / "data", "serve", environment=environment) as server:
        yield with_owner(server, NAME)


@looks
async def test_the_button_leads_to_the_provider_and_back_into_the_console(
    browser: Browser,
    server: RunningServer,
    issuer: Issuer,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
) -> None:
    """The cookies come along on the way back from another site; whom nobody knows reads why they are outside."""
    page, problems = await browse(browser, scheme, width, language)
    base = f"http://localhost:{server.port}"
    link = page.locator('a[href="/login/provider"]')
    issuer.user["email"] = "somebody.with.quite.a.long.name@subsidiary.example.com"
    await page.goto(f"{base}/login")
    await link.click()
    await expect(page.locator("form p.error")).to_contain_text("somebody.with.quite")
    await look(page, shoot, "login-refused")
    assert len(problems) == 1  # the browser tells its console of the status
    issuer.user["email"] = NAME
    await link.click()
    await page.goto(f"{base}/console/you")
    await expect(page.locator("section[aria-labelledby=sessions]")).to_contain_text("provider")
    await look(page, shoot, "you-by-provider")
    assert len(problems) == 1
