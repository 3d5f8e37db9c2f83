"""Logins by a provider's word over two nodes and real sockets: docs/decisions/0053-login-providers.md."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio

from onema.administration.people_requests import InviteUser
from onema.administration.permissions import ITSELF
from onema.console_settings import Console
from onema.secret import Secret
from onema.wiring.server import App

from ..unit.console.issuer import CLIENT, SECRET, Issuer, served
from .test_first_run import settings

Nodes = tuple[App, App]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with served() as issuer:
        yield issuer


@pytest_asyncio.fixture
async def nodes(tmp_path: Path, dsn: str, issuer: Issuer) -> AsyncIterator[Nodes]:
    console = Console(
        url="http://console.example",
        oidc_issuer=issuer.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret(SECRET),
        oidc_private_targets=True,
    )
    one, two = (
        msgspec.structs.replace(settings(tmp_path / name, dsn), console=console) for name in ("a", "b")
    )
    async with App(one) as first, App(two) as second:
        yield first, second


def url(node: App, path: str) -> str:
    return f"http://127.0.0.1:{node.port}{path}"


async def back(browser: httpx.AsyncClient, node: App) -> str:
    """The path with which the provider sends a browser back that began at this node."""
    asked = await browser.get(url(node, "/login/provider"))
    answer = await browser.get(asked.headers["location"])
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}" == "http://console.example"
    return f"{parts.path}?{parts.query}"


async def test_any_node_finishes_a_login_that_another_began_and_only_once(nodes: Nodes) -> None:
    """Whoever repeats the answer at all nodes at once is in once; the session counts at both."""
    one, two = nodes
    await one.administration.answer(InviteUser(role="operator", name="lan@example.com"), ITSELF)
    async with httpx.AsyncClient() as browser:
        path = await back(browser, one)
        answers = await asyncio.gather(*(browser.get(url(node, path)) for node in (two, one, two, one)))
        assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]
        for node in nodes:
            async with asyncio.timeout(10):
                while "lan@example.com" not in node.gateway.directory.users:  # noqa: ASYNC110  # news of another node have no event here
                    await asyncio.sleep(0.02)
            assert (await browser.get(url(node, "/console"))).status_code == 200


async def test_of_two_people_under_one_name_one_comes_in(nodes: Nodes, issuer: Issuer) -> None:
    """Both for the first time, at once, at two nodes: whoever is first has the name."""
    await nodes[0].administration.answer(InviteUser(role="operator", name="lan@example.com"), ITSELF)
    async with httpx.AsyncClient() as first, httpx.AsyncClient() as second:
        paths = []
        for subject, browser, node in zip("78", (first, second), nodes, strict=True):
            issuer.user = {**issuer.user, "sub": subject}
            paths.append(await back(browser, node))
        answers = await asyncio.gather(
            first.get(url(nodes[0], paths[0])), second.get(url(nodes[1], paths[1]))
        )
        assert sorted(answer.status_code for answer in answers) == [303, 403]


async def test_a_provider_in_a_private_network_is_asked_only_where_a_setting_says_so(
    tmp_path: Path, issuer: Issuer
) -> None:
    """The guard is that of callbacks and carriers."""
    console = Console(oidc_issuer=issuer.url, oidc_client_id=CLIENT)
    alone = msgspec.structs.replace(settings(tmp_path / "c", ""), console=console)
    async with App(alone) as node, httpx.AsyncClient() as browser:
        answer = await browser.get(url(node, "/login/provider"))
        assert answer.status_code == 503
        assert issuer.asked == []
