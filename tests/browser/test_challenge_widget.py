"""A challenge of the guard in a real browser, by ALTCHA's own widget (npm altcha)."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Route

from onema.testing.running_server import RunningServer

WIDGET = Path(__file__).parents[2] / ".tools/npm/node_modules/altcha/dist/main/altcha.js"
"""Where `./dev test` puts it."""
SHOP = "http://localhost/sign-up"
"""A page that only the browser knows. Browsers compute keys on pages of this machine as on those with TLS."""
PAGE = """<!doctype html><html lang="en"><title>Sign up</title>
<script type="module" src="/altcha.js"></script>
<form><altcha-widget name="solution" challenge="{challenge}"></altcha-widget></form></html>"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


def ask(server: RunningServer, phone: str, **members: Any) -> httpx.Response:
    """What the shop's own server does."""
    key, secret = server.credentials("native").values()
    return httpx.post(
        f"http://127.0.0.1:{server.port}/v1/verifications",
        json={"to": phone, "sender": "Baotrixemay", "client_ip": "198.51.100.7"} | members,
        auth=(key, secret),
    )


async def solve(browser: Browser, challenge: dict[str, Any]) -> str:
    """What the widget puts into the shop's form once its box is ticked."""
    page = await browser.new_page()

    async def serve(route: Route) -> None:
        if route.request.url.endswith("/altcha.js"):
            await route.fulfill(path=WIDGET, content_type="text/javascript")
        else:
            page = PAGE.format(challenge=escape(json.dumps(challenge)))
            await route.fulfill(body=page, content_type="text/html")

    await page.route("http://localhost/**", serve)
    await page.goto(SHOP)
    await page.get_by_role("checkbox").press("Space")
    solved = await page.wait_for_function("document.querySelector('input[name=solution]')?.value")
    solution: str = await solved.json_value()
    await page.close()
    return solution


async def test_the_widget_solves_what_the_server_asks(browser: Browser, server: RunningServer) -> None:
    """Once, for the phone that it was made for."""
    server.onema("guard", "set", "--mode", "challenge", "--country", "FR")
    refused = ask(server, "+84901888484")
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:onema:problem:challenge_required"
    solution = await solve(browser, refused.json()["challenge"])
    assert ask(server, "+84912345678", challenge_response=solution).status_code == 403
    assert ask(server, "+84901888484", challenge_response=solution).status_code == 201
    assert ask(server, "+84901888484", purpose="login", challenge_response=solution).status_code == 403
