"""A full disk: a clear error, no corruption, and work goes on when there is room again."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from onema.domain.delivery.keep_in_inbox import KeepInInbox
from onema.domain.ids import MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import InboxItem, Key, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.ports import IdSource
from onema.storage.sqlite.storage import SqliteStorage
from onema.telemetry.metrics import Metrics
from onema.testing.fake_clock import FakeClock


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    yield storage
    await storage.close()


async def test_a_full_disk_refuses_clearly_and_corrupts_nothing(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    """What was acknowledged is there, what was refused is not, and the file is sound."""
    committer = Committer(
        storage,
        Keyring(b"k" * 32),
        FakeClock(),
        IdSource(FakeClock(), 1),
        batch_limit=10,
        lease_ms=1000,
        observer=Metrics(),
    )
    await committer.start()
    limit = storage._writer.pragma("page_count") + 20
    storage._writer.pragma("max_page_count", limit)
    items = [
        InboxItem(MessageId(number), Phone("+84901888484"), "sms", "Acme", secrets.token_bytes(4_000))
        for number in range(1, 60)
    ]
    results = await asyncio.gather(
        *(committer.execute(KeepInInbox(item)) for item in items), return_exceptions=True
    )
    kept: list[Key] = [item.key for item, result in zip(items, results, strict=True) if result is True]
    refused: list[Key] = [item.key for item in items if item.key not in kept]
    errors = [result for result in results if isinstance(result, Refused)]
    assert kept
    assert len(errors) == len(refused) > 0
    assert {error.refusal for error in errors} == {Refusal.STORE_UNAVAILABLE}
    assert all("full" in error.detail for error in errors)
    assert set(await storage.read(kept)) == set(kept)
    assert await storage.read(refused) == {}

    storage._writer.pragma("max_page_count", limit + 1_000)
    row: Row = InboxItem(MessageId(100), Phone("+84901888484"), "sms", "Acme", b"room again")
    assert isinstance(row, InboxItem)
    assert await committer.execute(KeepInInbox(row))
    await committer.stop()
    with apsw.Connection(str(tmp_path / "onema.db")) as check:
        assert check.pragma("integrity_check") == "ok"
