"""The first run: whoever started the server becomes its owner by a link, and nobody else does."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from onema.administration.people_requests import InviteUser
from onema.administration.permissions import ITSELF
from onema.secret import Secret
from onema.settings import Handset, Listen, Settings
from onema.testing.running_server import RunningServer, eventually
from onema.wiring.server import App

FORM = {"password": "correct horse", "again": "correct horse"}


def settings(data: Path, dsn: str) -> Settings:
    return Settings(data=data, database=Secret(dsn), server_key=Secret("ab" * 32), listen=Listen(port=0))


async def test_the_link_of_any_node_makes_one_owner_over_all(tmp_path: Path, dsn: str) -> None:
    """Each node prints a link; both are used at once, and then neither node has one to print."""
    async with App(settings(tmp_path / "a", dsn)) as one, App(settings(tmp_path / "b", dsn)) as two:
        links = [node.set_up_link() for node in (one, two)]
        assert all(links)
        async with httpx.AsyncClient() as client:
            answers = await asyncio.gather(
                *(
                    client.post(link, data={**FORM, "name": f"owner{number}"})
                    for number, link in enumerate((*links, *links))
                )
            )
            assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]
            async with asyncio.timeout(10):
                while one.set_up_link() or two.set_up_link():  # noqa: ASYNC110  # news of another node have no event here
                    await asyncio.sleep(0.05)
            assert [(await client.get(link)).status_code for link in links] == [410, 410]
        owners = [user.name for user in one.gateway.directory.users.values()]
        assert len(owners) == 1


async def test_an_invitation_of_one_node_is_used_once_over_both(tmp_path: Path, dsn: str) -> None:
    """Whichever node is asked."""
    async with App(settings(tmp_path / "a", dsn)) as one, App(settings(tmp_path / "b", dsn)) as two:
        invited = await one.administration.answer(InviteUser(role="operator"), ITSELF)
        async with httpx.AsyncClient() as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        f"http://127.0.0.1:{node.port}/welcome/{invited.token}",
                        data={**FORM, "name": f"{name}{number}"},
                    )
                    for number in range(3)
                    for name, node in (("a", one), ("b", two))
                )
            )
        assert sorted(answer.status_code for answer in answers) == [303, *[410] * 5]


def test_the_server_prints_a_link_until_there_is_an_owner(tmp_path: Path) -> None:
    """On its output, never in its log; the next start prints none."""
    with RunningServer(tmp_path / "data", "serve") as server:
        link = eventually(lambda: _printed(server))
        assert httpx.post(link, data={**FORM, "name": "lan"}).headers["location"] == "/login"
        token = link.rpartition("/")[2]
    assert token not in server.log.read_text()
    before = server.output.read_text()
    with server:
        assert server.output.read_text().removeprefix(before).count("/welcome/") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"handset": Handset(open_on_loopback=True)},
        {"roles": ("api", "deliver", "voice")},
    ],
)
async def test_no_link_is_made_where_nobody_has_to_log_in(tmp_path: Path, changed: dict[str, object]) -> None:
    """In a demo, and where another process has the console."""
    some = msgspec.structs.replace(Settings(data=tmp_path / "data", listen=Listen(port=0)), **changed)
    async with App(some) as app:
        assert app.set_up_link() == ""


def _printed(server: RunningServer) -> str:
    return next((word for word in server.output.read_text().split() if "/welcome/" in word), "")
