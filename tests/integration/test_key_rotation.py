"""Another server key while two nodes send and check codes: docs/operations/keys.md, step by step."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from onema.administration.data_folder import DataFolderError
from onema.administration.key_file import add_server_key, remove_server_key
from onema.administration.key_requests import (
    ReadServerKeys,
    RetireServerKey,
    ServerKeysNow,
    UseServerKey,
)
from onema.administration.requests import PutDocuments
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refused
from onema.secret import Secret
from onema.settings import Handset, Listen, Settings
from onema.testing.running_server import comes_true
from onema.wiring.server import App

SENDERS = 4
GOOD = "100"
SERVICE = "/MainService.svc/json"
KEYS = {"ApiKey": "ACME", "SecretKey": "ACME-SECRET"}
MESSAGE = "{OTP} la ma xac minh cua Acme"
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
    doc.Account(name="acme", wallet="postpaid", windows=()),
    doc.Brandname(account="acme", name="Acme"),
    doc.Template(account="acme", brandname="Acme", text=MESSAGE),
    doc.Credential(account="acme", dialect="esms", key="ACME", secret="ACME-SECRET"),
    doc.Carrier(name="handset", type="handset"),
    doc.Route(channel="sms", prefix="+8490", carrier="handset"),
)


class Load:
    """Codes that are sent through one node, read on the phone and checked on the other, until it is stopped."""

    def __init__(self, nodes: tuple[App, ...], client: httpx.AsyncClient, first_number: int) -> None:
        self._nodes = nodes
        self._client = client
        self._numbers = count(first_number)
        self._stopping = False
        self._checked = asyncio.Condition()
        self.checked = 0
        """How many were right."""

    async def _get(self, number: int, path: str, **query: str) -> Any:
        port = self._nodes[number % len(self._nodes)].port
        return (await self._client.get(f"http://127.0.0.1:{port}{path}", params=query)).json()

    async def sent(self) -> tuple[int, str]:
        """A phone, and the code that it got."""
        number = next(self._numbers)
        await self.send(number)
        while not (received := await self._get(number, "/handset/messages", to=f"0{number}")):  # noqa: ASYNC110  # a phone of another node
            await asyncio.sleep(0.02)
        return number, str(received[0]["text"])[:6]

    async def send(self, number: int) -> None:
        text = {"Brandname": "Acme", "Type": "2", "message": MESSAGE, "IsNumber": "1"}
        path = f"{SERVICE}/SendMessageAutoGenCode_V4_get"
        answer = await self._get(number, path, **KEYS, Phone=f"0{number}", **text)
        assert answer["CodeResult"] == GOOD, answer

    async def check(self, number: int, code: str) -> None:
        path = f"{SERVICE}/CheckCodeGen_V4_get"
        answer = await self._get(number + 1, path, **KEYS, Phone=f"0{number}", Code=code)
        assert answer["CodeResult"] == GOOD, answer
        async with self._checked:
            self.checked += 1
            self._checked.notify_all()

    async def _run(self) -> None:
        while not self._stopping:
            await self.check(*await self.sent())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._run())
            yield
            self._stopping = True

    async def goes_on(self) -> None:
        """Return when each sender has had a code checked that it sent from now on."""
        goal = self.checked + 2 * SENDERS
        async with self._checked:
            await self._checked.wait_for(lambda: self.checked >= goal)


async def keys(node: App) -> ServerKeysNow:
    return await node.administration.answer(ReadServerKeys())


async def every_node(node: App, says: Callable[[Any], bool]) -> None:
    """Wait until both nodes say so."""

    async def both() -> bool:
        return [says(one) for one in (await keys(node)).nodes] == [True] * 2

    await comes_true(both)


async def test_two_nodes_change_their_key_under_load(dsn: str, tmp_path: Path) -> None:
    """Nothing is refused on the way, every code that was sent under the old key is right under the new one, and in the
    end nodes start without the old one.
    """
    files = [tmp_path / f"key-{number}" for number in (1, 2)]
    files[0].write_text(secrets.token_hex(32))
    shutil.copy(files[0], files[1])
    settings = [
        Settings(
            data=tmp_path / file.name.replace("key", "node"),
            database=Secret(dsn),
            server_key_file=str(file),
            listen=Listen(port=0),
            handset=Handset(open_on_loopback=True),
        )
        for file in files
    ]
    async with App(settings[0]) as first, App(settings[1]) as second, httpx.AsyncClient(timeout=30) as client:
        await first.administration.answer(PutDocuments(documents=DOCUMENTS))
        load = Load((first, second), client, 901_200_000)

        async def is_known() -> bool:
            return bool(second.gateway.directory.carriers)

        await comes_true(is_known)
        before = [await load.sent() for _ in range(10)]
        async with load.running():
            await load.goes_on()
            (old,) = (await keys(first)).keys
            new = add_server_key(files[0]).id
            await every_node(first, lambda one: bool(one.held))
            with pytest.raises(Refused, match="the key is missing on: "):
                await first.administration.answer(UseServerKey(id=new))
            await load.goes_on()
            shutil.copy(files[0], files[1])
            await every_node(first, lambda one: new in one.held)
            assert await second.administration.answer(UseServerKey(id=new))
            assert not await second.administration.answer(UseServerKey(id=new))
            await load.goes_on()
            await every_node(first, lambda one: one.in_use == new)
            await load.goes_on()
            with pytest.raises(Refused, match="still rests under it: live_verifications"):
                await first.administration.answer(RetireServerKey(id=old.id))
            for number, code in before:
                await load.check(number, code)
        assert [one.state for one in (await keys(second)).keys] == ["former", "in use"]
        with pytest.raises(Refused, match="in use"):
            await first.administration.answer(RetireServerKey(id=new))
        assert await first.administration.answer(RetireServerKey(id=old.id))
        late = await load.sent()
    without = tmp_path / "without"
    shutil.copy(files[0], without)
    assert remove_server_key(without, int(old.id, 16))
    for file in files:
        shutil.copy(without, file)
    async with App(settings[0]) as first, App(settings[1]) as second, httpx.AsyncClient(timeout=30) as client:
        load = Load((first, second), client, 901_300_000)
        await load.check(*late)
        await load.check(*await load.sent())
        assert [one.state for one in (await keys(second)).keys] == ["in use"]
        found = await first.administration.answer(ReadServerKeys())
        assert [one.id for one in found.keys] == [new]


async def test_a_node_without_the_key_in_use_does_not_start_and_is_not_ready(
    dsn: str, tmp_path: Path
) -> None:
    """It would meet values that it cannot read. The former key is needed as long as it is not retired."""
    file, old = tmp_path / "key", tmp_path / "old"
    file.write_text(secrets.token_hex(32))
    shutil.copy(file, old)
    settings = Settings(
        data=tmp_path / "node", database=Secret(dsn), server_key_file=str(file), listen=Listen(port=0)
    )
    async with App(settings) as node:
        new = add_server_key(file).id
        both = file.read_text()

        async def holds_both() -> bool:
            return [new in one.held for one in (await keys(node)).nodes] == [True]

        await comes_true(holds_both)
        assert await node.administration.answer(UseServerKey(id=new))
        file.write_text(old.read_text())

        async def is_ready() -> bool:
            return node.ready()

        async def is_not_ready() -> bool:
            return node.ready.missing == ("server key",)

        await comes_true(is_not_ready)
        file.write_text(both)
        await comes_true(is_ready)
    for held in (old.read_text(), both.splitlines()[1]):
        file.write_text(held)
        with pytest.raises(DataFolderError, match="server key is not the one"):
            await App(settings).__aenter__()
