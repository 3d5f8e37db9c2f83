"""The link breaks during COMMIT. Whatever the server did, each change is made once and nobody is told otherwise."""

import asyncio

import pytest

from onema.domain.ids import AccountId
from onema.domain.records import Key, Wallet
from onema.domain.values.money import Minor
from onema.storage.contract import CommitUnknown, Unavailable
from onema.storage.postgres.link import connect
from onema.testing.cutting_proxy import Cut, CuttingProxy
from onema.testing.postgres_server import PostgresServer

from .conftest import MakeProxy, OpenStorage, StartNode
from .node import ACCOUNT, PRICE

KEY: Key = (Wallet, 1)


@pytest.fixture
def proxy(server: PostgresServer, make_proxy: MakeProxy) -> CuttingProxy:
    return make_proxy(server.port)


@pytest.fixture
async def proxied(server: PostgresServer, proxy: CuttingProxy, database: str) -> str:
    """The DSN of the test's database through the proxy."""
    return server.dsn(database, port=await proxy.start())


@pytest.mark.parametrize(
    ("cut", "was_committed"),
    [(Cut.BEFORE, False), (Cut.BEFORE_UNNOTICED, False), (Cut.AFTER, True), (Cut.SILENT, False)],
    ids=lambda value: value.name.lower() if isinstance(value, Cut) else "",
)
async def test_the_outcome_of_a_cut_commit_is_found_out(
    open_storage: OpenStorage, proxy: CuttingProxy, proxied: str, cut: Cut, was_committed: bool
) -> None:
    """Also where the server still holds the transaction open, or where the link is only silent."""
    storage = await open_storage(proxied, batch_seconds=1.0)
    await storage.begin([KEY])
    proxy.arm(cut)
    with pytest.raises(CommitUnknown):
        await storage.commit(77, {KEY: Wallet(AccountId(1), Minor(5))}, ())
    assert proxy.happened.is_set()
    assert await storage.was_committed(77) is was_committed
    assert await storage.begin([KEY]) == ({KEY: Wallet(AccountId(1), Minor(5))} if was_committed else {})
    await storage.commit(77 if not was_committed else 78, {KEY: Wallet(AccountId(1), Minor(6))}, ())
    assert await storage.was_committed(77)
    assert not await storage.was_committed(79)


@pytest.mark.parametrize("cut", Cut)
async def test_callers_of_a_cut_commit_are_answered_rightly(
    start_node: StartNode, proxy: CuttingProxy, proxied: str, cut: Cut
) -> None:
    """The committer looks the batch up and replays it only if it is not there: one hold, one code."""
    node = await start_node(proxied, batch_seconds=1.0)
    await node.configure()
    await node.top_up(10 * PRICE)
    proxy.arm(cut)
    sent = await node.send("+84901888484")
    assert proxy.happened.is_set()
    assert len(await node.sent_code(sent.message)) == 6
    assert await node.balance() == await node.storage.ledger_sum(AccountId(ACCOUNT)) == 9 * PRICE


async def test_a_cut_commit_of_one_writer_is_not_the_others(
    open_storage: OpenStorage, proxy: CuttingProxy, proxied: str
) -> None:
    """Each has its own connection: the other's batch, begun before, is saved."""
    storage = await open_storage(proxied, batch_seconds=1.0)
    (other,) = storage.other_writers
    await storage.begin([KEY])
    await other.begin([(Wallet, 2)])
    proxy.arm(Cut.BEFORE_UNNOTICED)
    with pytest.raises(CommitUnknown):
        await storage.commit(77, {KEY: Wallet(AccountId(1), Minor(5))}, ())
    await other.commit(78, {(Wallet, 2): Wallet(AccountId(2), Minor(6))}, ())
    assert not await storage.was_committed(77)
    assert await storage.was_committed(78)
    assert await storage.read([KEY, (Wallet, 2)]) == {(Wallet, 2): Wallet(AccountId(2), Minor(6))}


async def test_a_store_out_of_reach_refuses_and_recovers(
    open_storage: OpenStorage, proxy: CuttingProxy, proxied: str
) -> None:
    """Changes and COMMIT travel together, so one that breaks off may have arrived: here it has not."""
    storage = await open_storage(proxied)
    await storage.begin([KEY])
    proxy.refuse()
    with pytest.raises(CommitUnknown):
        await storage.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, ())
    with pytest.raises(Unavailable):
        await storage.begin([KEY])
    with pytest.raises(Unavailable):
        await storage.read([KEY])
    proxy.admit()
    assert not await storage.was_committed(1)
    assert await storage.begin([KEY]) == {}
    await storage.commit(2, {KEY: Wallet(AccountId(1), Minor(6))}, ())
    assert await storage.read([KEY]) == {KEY: Wallet(AccountId(1), Minor(6))}


async def test_who_cannot_find_out_says_so(
    open_storage: OpenStorage, proxy: CuttingProxy, proxied: str
) -> None:
    """A server that does not come back in time leaves the outcome open, and the caller without a yes."""
    storage = await open_storage(proxied, settle_seconds=0.3)
    await storage.begin([KEY])
    proxy.arm(Cut.AFTER)
    with pytest.raises(CommitUnknown):
        await storage.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, ())
    proxy.refuse()
    with pytest.raises(CommitUnknown, match="not known"):
        await storage.was_committed(1)
    proxy.admit()
    assert await storage.was_committed(1)


async def test_a_locked_row_does_not_outlive_a_lost_node(
    open_storage: OpenStorage, proxy: CuttingProxy, proxied: str
) -> None:
    """The server has not noticed that a link is gone; the same node's next batch ends that session."""
    storage = await open_storage(proxied, batch_seconds=5.0)
    await storage.begin([KEY])
    await storage.commit(1, {KEY: Wallet(AccountId(1), Minor(5))}, ())
    await storage.begin([KEY])
    proxy.arm(Cut.BEFORE_UNNOTICED)
    with pytest.raises(CommitUnknown):
        await storage.commit(2, {KEY: Wallet(AccountId(1), Minor(6))}, ())
    async with asyncio.timeout(4):
        assert await storage.begin([KEY]) == {KEY: Wallet(AccountId(1), Minor(5))}
    await storage.abort()


async def test_a_locked_row_does_not_outlive_a_dead_node(dsn: str) -> None:
    """Nobody is left to end its session: the server does, soon after the last statement of a batch came."""
    connection = await connect(dsn, "writer")
    query = "SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"
    assert 0 < await connection.fetchval(query) <= 10_000
    await connection.close()
