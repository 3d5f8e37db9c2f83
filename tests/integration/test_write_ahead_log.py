"""The write-ahead log of the embedded store stays short, and nobody else's reading stops the writer."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from onema.domain.ids import MessageId
from onema.domain.records import InboxItem
from onema.domain.values.phone import Phone
from onema.storage.sqlite.storage import SqliteStorage
from onema.storage.sqlite.write_ahead_log import WAL_LIMIT_BYTES

BLOB = 200_000


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    yield storage
    await storage.close()


class Load:
    """Batches without a pause between them, and how long the log became meanwhile."""

    def __init__(self, storage: SqliteStorage, log: Path) -> None:
        self._storage = storage
        self._log = log
        self._number = 0
        self.longest = 0

    async def write(self, megabytes: int) -> None:
        for _ in range(megabytes):
            await self._storage.begin([])
            items = []
            for _ in range(5):
                self._number += 1
                items.append(
                    InboxItem(
                        MessageId(self._number),
                        Phone("+84901888484"),
                        "sms",
                        "Acme",
                        secrets.token_bytes(BLOB),
                    )
                )
            await self._storage.commit(self._number, {}, items)
            self.longest = max(self.longest, self.length())
            # A server's loop turns between batches.
            await asyncio.sleep(0)

    def length(self) -> int:
        return self._log.stat().st_size


@pytest.fixture
def load(storage: SqliteStorage, tmp_path: Path) -> Load:
    return Load(storage, tmp_path / "onema.db-wal")


async def test_under_a_load_without_pauses_the_log_stays_under_its_limit(load: Load) -> None:
    """It was as long as all that was written since the last pause: 1.7 GB after 150 s."""
    await load.write(200)
    assert load.longest < WAL_LIMIT_BYTES


async def test_a_reader_of_an_old_state_stops_no_writer_and_the_log_is_cut_after_it(
    load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup keeps what it reads in the log. That is said once, and the log is cut when the reader has gone."""
    with contextlib.closing(apsw.Connection(str(tmp_path / "onema.db"))) as reader:
        reader.execute("BEGIN; SELECT count(*) FROM inbox")
        async with asyncio.timeout(20):
            while not warnings(caplog):
                await load.write(20)
        await load.write(20)
    assert load.longest > WAL_LIMIT_BYTES
    assert warnings(caplog) == ["the write-ahead log cannot be emptied"]
    async with asyncio.timeout(20):
        while load.length() > WAL_LIMIT_BYTES:
            await load.write(1)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


class NeverDone:
    """A checkpoint's connection whose checkpoints beside the writer never get to the end of the log."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def wal_checkpoint(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> tuple[int, int]:
        length, moved = self._connection.wal_checkpoint(mode=mode)
        return (length, moved) if mode == apsw.SQLITE_CHECKPOINT_RESTART else (length, 0)

    def close(self) -> None:
        self._connection.close()


async def test_a_checkpoint_that_does_not_catch_up_lets_the_log_not_outgrow_its_limit(
    storage: SqliteStorage, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    """On a slow disk writers went on for half a second after one that had not moved all."""
    wal = cast(Any, storage._wal)
    wal._connection = NeverDone(wal._connection)
    await load.write(200)
    assert load.longest < WAL_LIMIT_BYTES
    assert not warnings(caplog)


class FullDisk:
    """A checkpoint's connection whose first `failures` checkpoints find no room."""

    def __init__(self, connection: apsw.Connection, failures: int) -> None:
        self._connection = connection
        self._failures = failures
        self.has_restarted = False

    def wal_checkpoint(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> tuple[int, int]:
        if self._failures:
            self._failures -= 1
            raise apsw.FullError("database or disk is full")
        found = self._connection.wal_checkpoint(mode=mode)
        self.has_restarted |= mode == apsw.SQLITE_CHECKPOINT_RESTART
        return found

    def close(self) -> None:
        self._connection.close()


async def test_a_checkpoint_that_found_no_room_is_tried_again(storage: SqliteStorage, load: Load) -> None:
    """The first that failed ended all further ones, and with them every bound on the log."""
    wal = cast(Any, storage._wal)
    disk = wal._connection = FullDisk(wal._connection, failures=2)
    async with asyncio.timeout(30):
        while not disk.has_restarted:
            await load.write(5)
