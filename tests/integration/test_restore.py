"""A backup that was made under load is restored as docs/operations say, and nothing is sent twice from it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from onema.administration.requests import PutDocuments, ReadBalance, ReadMessages, SearchMessages
from onema.domain.configuration import documents as doc
from onema.domain.delivery.hold_restored import WHY
from onema.domain.records import Job, JobKind, Message
from onema.secret import Secret
from onema.settings import Handset, Listen, Settings
from onema.testing.postgres_server import PostgresServer
from onema.wiring.core import choose_storage, data_folder
from onema.wiring.server import App

from .test_key_rotation import DOCUMENTS, Load

WAITING = (981_888_401, 981_888_402)
GATEWAY = doc.Carrier(
    name="gateway",
    type="smpp",
    settings={"addresses": ["127.0.0.1:1"], "system_id": "acme", "password": "secret"},
)
ROUTE = doc.Route(channel="sms", prefix="+8498", carrier="gateway", priority=0)


class Place:
    """Where an installation is, how it is saved, and another place that it is restored to."""

    def __init__(self, kind: str, folder: Path, server: PostgresServer, database: str) -> None:
        self.is_embedded = kind == "sqlite"
        self._server = server
        self._folder = folder
        self._saved = folder / "saved"
        self.settings = self._settings("old", server.dsn(database))

    def _settings(self, name: str, dsn: str) -> Settings:
        return Settings(
            data=self._folder / name,
            database=Secret("" if self.is_embedded else dsn),
            server_key=Secret("" if self.is_embedded else "ab" * 32),
            listen=Listen(port=0),
            handset=Handset(open_on_loopback=True, beside_carriers=True),
        )

    def save(self) -> None:
        """What docs/operations/moving.md and postgresql.md say, while the server works."""
        if self.is_embedded:
            self._onema(self.settings, "backup", "--to", str(self._saved))
        else:
            self._postgres("pg_dump", "--format=custom", f"--file={self._saved}", self._dsn(self.settings))

    def restore(self) -> Settings:
        settings = self._settings("new", "" if self.is_embedded else self._server.create_database("restored"))
        settings.data.mkdir(mode=0o700)
        if self.is_embedded:
            shutil.copy(self._saved, settings.data / "onema.db")
            shutil.copy(self.settings.data / "server.key", settings.data / "server.key")
        else:
            self._postgres("pg_restore", "--dbname", self._dsn(settings), str(self._saved))
            assert "sms: " in self._onema(settings, "restored")
        return settings

    @staticmethod
    def _dsn(settings: Settings) -> str:
        return settings.database.reveal()

    def _postgres(self, program: str, *arguments: str) -> None:
        """pg_dump refuses a server that is newer than itself, so the server's own programs are used."""
        subprocess.run([self._server.binaries / program, *arguments], check=True, capture_output=True)

    @staticmethod
    def _onema(settings: Settings, *arguments: str) -> str:
        environment = {
            "ONEMA_DATABASE": settings.database.reveal(),
            "ONEMA_SERVER_KEY": settings.server_key.reveal(),
            "ONEMA_HANDSET_BESIDE_CARRIERS": "true",
        }
        done = subprocess.run(
            [sys.executable, "-m", "onema.cli", "--data", str(settings.data), *arguments],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


@pytest.fixture(params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, server: PostgresServer, database: str
) -> Iterator[Place]:
    yield Place(request.param, tmp_path, server, database)
    server.sql("DROP DATABASE IF EXISTS restored WITH (FORCE)")


async def sent_to(app: App, *phones: str) -> list[Message]:
    found = await app.administration.answer(SearchMessages(account="acme", phones=phones))
    return list(found.messages)


async def jobs_of(settings: Settings) -> list[Job]:
    """Of a store that no process has open."""
    storage = choose_storage(settings, data_folder(settings))
    await storage.open()
    try:
        return list(await storage.read_after(Job, None, 100))
    finally:
        await storage.close()


async def test_a_backup_under_load_is_restored_and_nothing_is_sent_twice(place: Place) -> None:
    """Everything acknowledged before it is there, codes are right, books balance; what waited may have been sent since,
    so it is unknown now, and stays unsent although its carrier works.
    """
    async with App(place.settings) as app, httpx.AsyncClient(timeout=30) as client:
        await app.administration.answer(PutDocuments(documents=(*DOCUMENTS, GATEWAY, ROUTE)))
        load = Load((app,), client, 901_200_000)
        before = [await load.sent() for _ in range(5)]
        for number in WAITING:
            await load.send(number)
        async with load.running():
            await load.goes_on()
            acknowledged = load.checked
            await asyncio.to_thread(place.save)
            await load.goes_on()
        lost = await load.sent()
    settings = await asyncio.to_thread(place.restore)
    async with App(settings) as app, httpx.AsyncClient(timeout=30) as client:
        load = Load((app,), client, 901_400_000)
        every = await app.administration.answer(ReadMessages(account="acme", before=0, limit=100_000))
        assert len(every) >= acknowledged + len(before) + len(WAITING)
        assert await sent_to(app, f"+84{lost[0]}") == []
        balance = await app.administration.answer(ReadBalance(account="acme", audit=True))
        assert balance.ledger == balance.balance < 0
        for number, code in before:
            await load.check(number, code)
        # Were they still to be sent, they would go out by this route before what is accepted after it.
        works = (msgspec.structs.replace(ROUTE, carrier="handset"),)
        await app.administration.answer(PutDocuments(documents=works, remove=((ROUTE.kind, ROUTE.identity),)))
        await load.check(*await load.sent())
        for message in await sent_to(app, *(f"+84{number}" for number in WAITING)):
            assert (message.state, message.reason) == ("unknown", WHY)
    held = {job.message: job.kind for job in await jobs_of(settings)}
    # The load may have had some of its own under way.
    assert len(held) >= len(WAITING)
    assert set(held.values()) == {JobKind.SETTLE}
    async with App(settings):
        pass
    assert {job.message: job.kind for job in await jobs_of(settings)} == held
