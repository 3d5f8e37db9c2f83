import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from onema.domain.refusals import Refusal
from onema.storage.postgres.link import COMMAND_SECONDS
from onema.testing.cutting_proxy import CuttingProxy
from onema.testing.postgres_server import PostgresServer

from .conftest import OpenStorage
from .load import Load
from .node import Node


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary, and the standby that its commits wait for."""
    with ExitStack() as stack:
        primary, standby = PostgresServer(), PostgresServer()
        stack.callback(primary.remove)
        stack.callback(standby.remove)
        primary.create()
        primary.start()
        standby.copy_from(primary, "standby")
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.sql("SELECT pg_reload_conf()")
        yield primary, standby


@pytest.fixture
async def proxy(pair: tuple[PostgresServer, PostgresServer]) -> AsyncIterator[CuttingProxy]:
    """The nodes' way to the primary."""
    proxy = CuttingProxy(pair[0].port)
    yield proxy
    await proxy.stop()


async def test_nothing_acknowledged_is_lost_when_the_standby_takes_over(
    pair: tuple[PostgresServer, PostgresServer], open_storage: OpenStorage
) -> None:
    """The primary dies under load; nodes that know both hosts refuse in between and go on without a restart."""
    primary, standby = pair
    primary.create_database("onema")
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
    primary.create_database("onema")
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
