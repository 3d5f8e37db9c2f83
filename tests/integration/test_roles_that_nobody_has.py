"""A server without some role, alone on its SQLite: what becomes of what it accepts and nobody may deliver."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, VALID_MS, GivenCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import JobKind, MessageState
from onema.domain.values.phone import Phone
from onema.settings import Callback, Listen, Role, Settings
from onema.storage.contract import Story
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.fake_clock import FakeClock
from onema.testing.running_server import comes_true
from onema.wiring.server import App

ACCOUNT = AccountId(1)


class Receiver:
    """An integrator's web server that keeps what it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
        yield receiver


async def place_call(app: App, clock: FakeClock, callback_url: str) -> int:
    """Accept a call to the simulated phone, for an account that wants to be told."""
    documents: tuple[doc.AnyDocument, ...] = (
        doc.Tariff(name="default", rates=(doc.Rate(channel="call", price="400", period=60),)),
        doc.Account(name="acme", wallet="postpaid", windows=()),
        doc.Application(account="acme", name="app", callback_url=callback_url),
        doc.Carrier(name="handset", type="handset"),
        doc.Route(channel="call", carrier="handset"),
    )
    await app.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))
    identifier = app.gateway.next_id()
    await app.gateway.execute(
        CallWithCode(
            account=ACCOUNT,
            application="app",
            id=MessageId(identifier),
            now=clock.now(),
            entropy=secrets.token_bytes(ENTROPY_BYTES),
            dialect="vbee",
            phone=Phone("+84901888484"),
            home_country="VN",
            client_ip="127.0.0.1",
            code=GivenCode("123456"),
            voice="vi-north",
            pool_required=False,
        )
    )
    return identifier


@pytest.mark.parametrize(("roles", "callbacks"), [(("api", "deliver"), 1), (("api",), 0)])
async def test_a_call_that_nobody_may_place_ends_with_its_code(
    tmp_path: Path, receiver: Receiver, roles: tuple[Role, ...], callbacks: int
) -> None:
    """It fails with a reason, the hold goes back, who delivers tells the integrator, and no phone rings."""
    clock, storage = FakeClock(), SqliteStorage(tmp_path / "onema.db")
    callback = Callback(private_targets=True)
    settings = Settings(data=tmp_path, roles=roles, listen=Listen(port=0), callback=callback)
    async with App(settings, clock=clock, storage=lambda _: storage) as app:
        identifier = await place_call(app, clock, receiver.url)

        async def story() -> Story:
            found = await storage.read_story(ACCOUNT, MessageId(identifier))
            assert found is not None
            return found

        async def has_ended() -> bool:
            found = await story()
            told = [event for event in found.events if event.kind == JobKind.CALLBACK]
            return found.message.state == MessageState.FAILED and len(told) == callbacks

        assert await storage.ledger_sum(ACCOUNT) < 0
        clock.advance(VALID_MS / 1000)
        await comes_true(has_ended)
        found = await story()
        assert (found.message.held, found.message.charged) == (0, 0)
        assert found.message.reason == "the code expired before it could be sent"
        assert await storage.ledger_sum(ACCOUNT) == 0
        assert await storage.read_inbox(None, 0, 1) == []
    assert len(receiver.requests) == callbacks
