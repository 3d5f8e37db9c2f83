"""A host of the DSN falls silent, as by a power cut or a partition: nothing breaks, and nothing is ever answered."""

import asyncio

import pytest

from onema.domain.ids import AccountId
from onema.domain.records import Key, Wallet
from onema.domain.refusals import Refused
from onema.domain.values.money import Minor
from onema.storage.contract import Unavailable
from onema.storage.postgres.link import COMMAND_SECONDS, CONNECT_SECONDS
from onema.testing.cutting_proxy import CuttingProxy
from onema.testing.postgres_server import PostgresServer

from .conftest import MakeProxy, OpenStorage, StartNode
from .node import ACCOUNT, PRICE

KEY: Key = (Wallet, 1)
BATCH_SECONDS = 1.0


@pytest.fixture
def first(server: PostgresServer, make_proxy: MakeProxy) -> CuttingProxy:
    return make_proxy(server.port)


@pytest.fixture
def second(server: PostgresServer, make_proxy: MakeProxy) -> CuttingProxy:
    return make_proxy(server.port)


@pytest.fixture
async def two_hosts(server: PostgresServer, database: str, first: CuttingProxy, second: CuttingProxy) -> str:
    """The DSN of the test's database through either proxy."""
    return server.dsn(database, port=await first.start(), other_port=await second.start())


async def test_a_silent_first_host_keeps_nobody_from_the_second(
    open_storage: OpenStorage, two_hosts: str, first: CuttingProxy
) -> None:
    """It used up the time of all hosts: schema, upkeep, batches, reads and news never reached the second."""
    first.silence()
    async with asyncio.timeout(CONNECT_SECONDS):
        storage = await open_storage(two_hosts)
        heard = asyncio.Event()
        listener = await storage.listen(heard.set, lambda: None)
        await storage.begin([KEY])
        await storage.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, ())
        assert await storage.read([KEY]) == {KEY: Wallet(AccountId(1), Minor(5))}
        await heard.wait()
        await listener.close()


async def test_a_node_whose_host_falls_silent_goes_on_with_the_next(
    start_node: StartNode, two_hosts: str, first: CuttingProxy, second: CuttingProxy
) -> None:
    """Once one connection has shown that it is lost, no other that is idle there is waited for in turn."""
    second.refuse()
    node = await start_node(two_hosts, batch_seconds=BATCH_SECONDS)
    await node.configure()
    await node.top_up(10 * PRICE)
    await asyncio.gather(*(node.balance() for _ in range(4)))
    first.silence()
    second.admit()
    async with asyncio.timeout(2 * BATCH_SECONDS):
        with pytest.raises(Refused):
            await node.send("+84901888484")
        await node.send("+84901888485")
        assert await node.balance() == await node.storage.ledger_sum(AccountId(ACCOUNT)) == 9 * PRICE


async def test_a_read_on_a_silent_link_ends_and_the_next_is_answered(
    open_storage: OpenStorage, two_hosts: str, first: CuttingProxy, second: CuttingProxy
) -> None:
    """Leases and sweeps are such: what waits behind them waits as long."""
    second.refuse()
    storage = await open_storage(two_hosts)
    await asyncio.gather(*(storage.clock() for _ in range(4)))
    first.silence()
    second.admit()
    async with asyncio.timeout(COMMAND_SECONDS + 1):
        with pytest.raises(Unavailable):
            await storage.clock()
        await storage.clock()
        await storage.begin([KEY])
        await storage.abort()
