"""A test event to an integrator's address: told as every callback is, of a message that never was."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from onema.administration.answers import Administration
from onema.administration.callback_trial import REFERENCE
from onema.administration.customer_requests import CallbackTried, TryCallback
from onema.administration.permissions import Actor, NotPermitted
from onema.delivery.callback_client import CallbackClient
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refused
from onema.settings import Settings
from onema.wiring.dialects import build_dialects

from ...dialects.running_core import RunningCore

TELLING = ("esms", "native", "vbee", "ytx")
"""The APIs that tell integrators anything."""
SECRET = "a secret of thirty-two characters"


class Receiver:
    """Keeps what it is told, and answers as `answer` says."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nthanks"
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.told.append(await reader.read(65_536))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    yield receiver
    server.close()


class Desk:
    """An administration that delivers, with a live key of each API for an application of its name."""

    def __init__(self, core: RunningCore) -> None:
        self.core = core
        self.administration = Administration(core.gateway, core.storage)
        dialects = build_dialects(core.gateway, core.storage, Settings())
        self.administration.callback_trial.renderers = {
            one.name: one.callbacks for one in dialects if one.callbacks
        }

    async def configure(self, url: str) -> None:
        await self.core.configure(
            doc.Tariff(name="default"),
            doc.Account(name="acme"),
            *(doc.Application(account="acme", name=name, appid=name, callback_url=url) for name in TELLING),
            *(
                doc.Credential(
                    account="acme", application=name, dialect=name, key=f"key-{name}", secret=SECRET
                )
                for name in TELLING
            ),
        )

    async def deliver(self, *, private_targets: bool) -> CallbackClient:
        client = CallbackClient(seconds=5, now=self.core.gateway.now, private_targets=private_targets)
        self.administration.callback_trial.tell = client.tell
        return client

    async def try_out(self, application: str) -> CallbackTried:
        return await self.administration.answer(TryCallback(account="acme", application=application))


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    core = RunningCore(tmp_path)
    await core.start()
    yield Desk(core)
    await core.stop()


@pytest.mark.parametrize("dialect", TELLING)
async def test_the_event_has_the_shape_of_the_applications_api(
    desk: Desk, receiver: Receiver, dialect: str
) -> None:
    """It arrives, and what the receiver answered is told."""
    assert sorted(desk.administration.callback_trial.renderers) == list(TELLING)
    await desk.configure(receiver.url)
    client = await desk.deliver(private_targets=True)
    tried = await desk.try_out(dialect)
    await client.close()
    assert (tried.dialect, tried.host, tried.status, tried.problem, tried.said) == (
        dialect,
        "127.0.0.1",
        200,
        "",
        "thanks",
    )
    (told,) = receiver.told
    assert b" /told" in told.splitlines()[0]
    if dialect == "native":
        assert REFERENCE.encode() in told
        assert b"webhook-signature: v1," in told


async def test_what_the_receiver_does_not_take_is_told(desk: Desk, receiver: Receiver) -> None:
    """With its status and how its answer begins; and nothing is tried again."""
    await desk.configure(receiver.url)
    receiver.answer = b"HTTP/1.1 500 Oh\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n" + b"x" * 1_000
    client = await desk.deliver(private_targets=True)
    tried = await desk.try_out("native")
    await client.close()
    assert (tried.status, tried.problem, tried.said) == (500, "HTTP 500", "x" * 300)
    assert len(receiver.told) == 1


async def test_nobody_reaches_a_private_network_by_it(desk: Desk, receiver: Receiver) -> None:
    """What guards callbacks guards their trial."""
    await desk.configure(receiver.url)
    client = await desk.deliver(private_targets=False)
    tried = await desk.try_out("native")
    await client.close()
    assert "not on the public Internet" in tried.problem
    assert (tried.status, tried.said, receiver.told) == (0, "", [])


async def test_there_must_be_an_address_a_key_and_somebody_who_delivers(desk: Desk) -> None:
    """Each is said."""
    await desk.configure("")
    with pytest.raises(Refused, match="this process tells integrators nothing"):
        await desk.try_out("native")
    client = await desk.deliver(private_targets=True)
    with pytest.raises(Refused, match="there is no callback address"):
        await desk.try_out("native")
    await desk.configure("https://shop.example/")
    await desk.core.configure(
        doc.Application(account="acme", name="idle", callback_url="https://shop.example/")
    )
    with pytest.raises(Refused, match="there is no live key"):
        await desk.try_out("idle")
    await client.close()


@pytest.mark.parametrize(("role", "account"), [("viewer", ""), ("viewer", "acme")])
async def test_a_viewer_sends_no_event(desk: Desk, role: doc.UserRole, account: str) -> None:
    """It is an order, although nothing here changes."""
    await desk.configure("https://shop.example/")
    with pytest.raises(NotPermitted):
        await desk.administration.answer(
            TryCallback(account="acme"), Actor(name="v", how="user", role=role, account=account)
        )
