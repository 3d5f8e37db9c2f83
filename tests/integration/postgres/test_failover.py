import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from onema.domain.ids import AccountId
from onema.domain.records import Wallet
from onema.domain.refusals import Refusal
from onema.domain.values.money import Minor
from onema.storage.contract import CommitUnknown
from onema.storage.postgres.link import COMMAND_SECONDS
from onema.testing.conformance.storage import insert
from onema.testing.cutting_proxy import CuttingProxy
from onema.testing.postgres_server import PostgresServer, running_server, running_standby

from .conftest import MakeProxy, OpenStorage
from .load import Load
from .node import Node


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary with a database, and the standby that its commits wait for."""
    with running_server() as primary:
        primary.create_database("onema")
        with running_standby(primary) as standby:
            yield primary, standby


@pytest.fixture
def proxy(pair: tuple[PostgresServer, PostgresServer], make_proxy: MakeProxy) -> CuttingProxy:
    """The nodes' way to the primary."""
    return make_proxy(pair[0].port)


async def test_nothing_acknowledged_is_lost_when_the_standby_takes_over(
    pair: tuple[PostgresServer, PostgresServer], open_storage: OpenStorage
) -> None:
    """The primary dies under load; nodes that know both hosts refuse in between and go on without a restart."""
    primary, standby = pair
    dsn = primary.dsn("onema", port=primary.port, other_port=standby.port)
    load = Load(Node(await open_storage(dsn), 1))
    await load.start()
    await load.more(500)
    primary.kill()
    await load.refusal()
    standby.promote()
    await load.more(500)
    await load.stop()
    assert load.refused == {Refusal.STORE_UNAVAILABLE}
    await load.check_the_books()


async def test_nothing_acknowledged_is_lost_when_the_primary_falls_silent(
    pair: tuple[PostgresServer, PostgresServer], proxy: CuttingProxy, open_storage: OpenStorage
) -> None:
    """A machine without power refuses nothing and breaks nothing; it is named first, and still tried first."""
    primary, standby = pair
    dsn = primary.dsn("onema", port=await proxy.start(), other_port=standby.port)
    load = Load(Node(await open_storage(dsn, batch_seconds=1.0), 1))
    await load.start()
    await load.more(500)
    proxy.silence()
    standby.promote()
    async with asyncio.timeout(COMMAND_SECONDS):
        await load.more(500)
    await load.stop()
    assert load.refused <= {Refusal.STORE_UNAVAILABLE}
    await load.check_the_books()


async def test_a_standby_that_is_named_first_is_passed_over(
    pair: tuple[PostgresServer, PostgresServer], open_storage: OpenStorage
) -> None:
    """The order of the hosts says nothing about who may write: after a promotion it is the wrong one."""
    primary, standby = pair
    storage = await open_storage(primary.dsn("onema", port=standby.port, other_port=primary.port))
    await insert(storage, Wallet(AccountId(1), Minor(5)))
    assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(5))}


async def test_what_the_standby_does_not_have_is_not_known_to_be_committed(
    pair: tuple[PostgresServer, PostgresServer], open_storage: OpenStorage
) -> None:
    """A primary that restarts shows commits that were still waiting for the standby; its loss would undo them."""
    primary, standby = pair
    storage = await open_storage(primary.dsn("onema"), batch_seconds=0.5, settle_seconds=0.5)
    await insert(storage, Wallet(AccountId(1), Minor(5)), batch=77)
    receiver = int(standby.sql("SELECT pid FROM pg_stat_wal_receiver"))
    os.kill(receiver, signal.SIGSTOP)
    with pytest.raises(CommitUnknown):
        await storage.was_committed(77)
    os.kill(receiver, signal.SIGCONT)
    assert await storage.was_committed(77)
