"""Sessions, codes and failures count over all nodes: docs/operations/console.md."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import argon2
import httpx
import pyotp
import pytest_asyncio

from onema.administration.people_requests import ResetUser
from onema.administration.requests import PutDocuments
from onema.domain.configuration.documents import User
from onema.wiring.server import App

from .test_first_run import settings

PASSWORD = "correct horse"
FORM = {"name": "lan", "password": PASSWORD}
STEP_MS = 30_000


class Pair:
    """Two nodes on one database, a user whom both know, and a browser per node with one jar of cookies."""

    def __init__(self, nodes: tuple[App, App], browser: httpx.AsyncClient) -> None:
        self.nodes = nodes
        self.browser = browser

    def url(self, node: int, path: str) -> str:
        return f"http://127.0.0.1:{self.nodes[node].port}{path}"

    async def order(self, node: int, **form: str) -> str:
        page = await self.browser.get(self.url(node, "/console/you"))
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token is not None, page.text
        done = await self.browser.post(
            self.url(node, "/console/you"), data={"token": token[1], **form}, follow_redirects=True
        )
        return done.text


@pytest_asyncio.fixture
async def pair(tmp_path: Path, dsn: str) -> AsyncIterator[Pair]:
    async with App(settings(tmp_path / "a", dsn)) as one, App(settings(tmp_path / "b", dsn)) as two:
        user = User(name="lan", password_hash=argon2.PasswordHasher().hash(PASSWORD))
        await one.administration.answer(PutDocuments(documents=(user,)))
        async with asyncio.timeout(10):
            while "lan" not in two.gateway.directory.users:  # noqa: ASYNC110  # news of another node have no event here
                await asyncio.sleep(0.02)
        async with httpx.AsyncClient() as browser:
            yield Pair((one, two), browser)


async def test_a_session_that_is_ended_on_one_node_is_ended_on_all(pair: Pair) -> None:
    """With the next request."""
    await pair.browser.post(pair.url(0, "/login"), data=FORM)
    old = dict(pair.browser.cookies)
    assert (await pair.browser.get(pair.url(1, "/console"))).status_code == 200
    await pair.browser.post(pair.url(1, "/login"), data=FORM)
    await pair.order(1, do="end_others")
    async with httpx.AsyncClient(cookies=old) as stolen:
        for node in (0, 1):
            assert (await stolen.get(pair.url(node, "/console"))).headers["location"] == "/login"
    assert (await pair.browser.get(pair.url(0, "/console"))).status_code == 200
    await pair.nodes[0].administration.answer(ResetUser(name="lan"))
    for node in (0, 1):
        assert (await pair.browser.get(pair.url(node, "/console"))).status_code == 303


async def test_a_code_of_an_app_counts_once_over_both_nodes(pair: Pair) -> None:
    """Shown to both at the same moment, one lets in."""
    await pair.browser.post(pair.url(0, "/login"), data=FORM)
    page = await pair.order(0, do="offer_app")
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret is not None
    app = pyotp.TOTP(secret[1])
    now = pair.nodes[0].gateway.now()
    page = await pair.order(1, do="confirm_app", code=app.at((now - STEP_MS) // 1000))
    assert len(re.findall(r"<li><code>", page)) == 10
    clients = [httpx.AsyncClient() for _ in range(4)]
    for client in clients:
        answer = await client.post(pair.url(0, "/login"), data=FORM)
        assert answer.headers["location"] == "/login/second"
    code = app.at(pair.nodes[0].gateway.now() // 1000)
    answers = await asyncio.gather(
        *(
            client.post(pair.url(number % 2, "/login/second"), data={"code": code})
            for number, client in enumerate(clients)
        )
    )
    for client in clients:
        await client.aclose()
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]


async def test_failed_logins_of_both_nodes_count_together(pair: Pair) -> None:
    """The sixth waits, wherever it comes to."""
    async with httpx.AsyncClient() as stranger:
        answers = [
            await stranger.post(pair.url(number % 2, "/login"), data={**FORM, "password": "wrong"})
            for number in range(6)
        ]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
