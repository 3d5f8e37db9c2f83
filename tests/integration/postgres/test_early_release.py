"""A batch gives its rows back when it is committed and answers when it is on the disk: nobody else waits for that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from onema.domain.ids import AccountId
from onema.domain.records import Wallet
from onema.domain.values.money import Minor
from onema.storage.contract import CommitUnknown
from onema.storage.postgres.link import Connection, connect
from onema.testing.running_server import comes_true

from .conftest import OpenStorage

KEY = (Wallet, 1)
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'"
)


class Standby:
    """One that confirms nothing while it is missed."""

    def __init__(self, watcher: Connection, probe: Connection) -> None:
        self._watcher = watcher
        self._probe = probe

    async def goes(self) -> None:
        """Return when commits wait for it: the server takes up its configuration a moment after it was told to."""
        await self._asked_for("nobody")

        async def write_until_it_waits() -> None:
            while True:
                await self._probe.fetch("SELECT pg_logical_emit_message(true, 'probe', '')")

        writing = asyncio.ensure_future(write_until_it_waits())
        await self.is_waited_for_by(1)
        self._probe.terminate()
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        await self._watcher.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'probe'"
        )
        await self.is_waited_for_by(0)

    async def comes(self) -> None:
        await self._asked_for("")

    async def is_waited_for_by(self, sessions: int) -> None:
        async def so_many() -> bool:
            return bool(await self._watcher.fetchval(WAITING) == sessions)

        await comes_true(so_many)

    async def _asked_for(self, name: str) -> None:
        await self._watcher.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        await self._watcher.execute("SELECT pg_reload_conf()")


@pytest.fixture
async def standby(dsn: str) -> AsyncIterator[Standby]:
    watcher, probe = await connect(dsn, "watcher"), await connect(dsn, "probe")
    await watcher.execute("SET synchronous_commit = off")
    standby = Standby(watcher, probe)
    yield standby
    await standby.comes()
    probe.terminate()
    await watcher.close()


async def test_another_node_goes_on_while_a_batch_waits_to_be_durable(
    open_storage: OpenStorage, standby: Standby
) -> None:
    """Else nodes that share a wallet took turns at the disk. Neither answers before all it builds on is durable."""
    one, two = await open_storage(), await open_storage()
    await standby.goes()
    await one.begin([KEY])
    committing = asyncio.ensure_future(one.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, []))
    await standby.is_waited_for_by(1)
    assert await two.begin([KEY]) == {KEY: Wallet(AccountId(1), Minor(5))}
    building_on_it = asyncio.ensure_future(two.commit(2, {KEY: Wallet(AccountId(1), Minor(6))}, []))
    await standby.is_waited_for_by(2)
    assert not committing.done()
    assert not building_on_it.done()
    await standby.comes()
    await asyncio.gather(committing, building_on_it)
    assert await one.read([KEY]) == {KEY: Wallet(AccountId(1), Minor(6))}


async def test_who_changes_nothing_waits_for_what_was_read(
    open_storage: OpenStorage, standby: Standby
) -> None:
    """An answer such as 'that was done already' must not outlive what it speaks of."""
    one, two = await open_storage(), await open_storage()
    await standby.goes()
    await one.begin([KEY])
    committing = asyncio.ensure_future(one.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, []))
    await standby.is_waited_for_by(1)
    await two.begin([KEY])
    confirming = asyncio.ensure_future(two.confirm())
    await standby.is_waited_for_by(2)
    assert not committing.done()
    assert not confirming.done()
    await standby.comes()
    await asyncio.gather(committing, confirming)


async def test_a_fault_behind_the_commit_refuses_nothing_that_was_saved(open_storage: OpenStorage) -> None:
    """Taken for a refusal, the batch would be decided and saved once more."""
    storage = await open_storage()
    storage._queries = {**storage._queries, "wait_for_disk": "SELECT 1 / 0"}
    await storage.begin([KEY])
    with pytest.raises(CommitUnknown):
        await storage.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, [])
    assert await storage.was_committed(1)
    assert await storage.read([KEY]) == {KEY: Wallet(AccountId(1), Minor(5))}
