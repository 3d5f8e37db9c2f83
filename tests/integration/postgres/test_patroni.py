"""Promotions that nobody in the tests orders: PostgreSQL under Patroni, whose leader stands in etcd, under load.

docs/operations/high-availability.md tells what was seen.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from onema.domain.refusals import Refusal
from onema.settings import Commit
from onema.storage.postgres import PostgresStorage
from onema.testing.patroni import Member, PatroniCluster, running_patroni
from onema.testing.running_server import comes_true

from .load import Load
from .node import Node

pytestmark = pytest.mark.full


@pytest.fixture
def patroni() -> Iterator[PatroniCluster]:
    """A leader, a replica that its commits wait for and another one, each with its own etcd."""
    with running_patroni() as cluster:
        yield cluster


@pytest.fixture
async def load(patroni: PatroniCluster) -> AsyncIterator[Load]:
    """Callers of a node that knows all three hosts and lets them wait as a server does; 500 codes were acknowledged."""
    storage = PostgresStorage(patroni.dsn)
    await storage.open()
    load = Load(Node(storage, 1, patience=Commit().patience))
    await load.start()
    await load.more(500)
    yield load
    await storage.close()


async def leads(patroni: PatroniCluster) -> Member:
    found = await asyncio.to_thread(patroni.leader)
    assert found is not None
    return found


async def promoted(patroni: PatroniCluster, instead_of: Member) -> None:
    """Return when another member takes writes."""
    await comes_true(lambda: asyncio.to_thread(patroni.other_leader, instead_of))


async def finish(patroni: PatroniCluster, load: Load, record: Callable[[str, object], None]) -> None:
    """Another 500 codes are acknowledged, and everything that was is there, and nothing else."""
    await load.more(500)
    await load.stop()
    await load.check_the_books()
    assert int(await asyncio.to_thread(patroni.sql, "SELECT count(*) FROM messages", "onema")) == load.count
    record("codes", load.count)
    record("longest gap", load.longest_gap)
    record("longest wait", load.longest_wait)


async def test_nothing_acknowledged_is_lost_when_the_leader_is_killed(
    patroni: PatroniCluster, load: Load, record_property: Callable[[str, object], None]
) -> None:
    """Patroni and PostgreSQL end at once, as without power; the others agree on a new leader when its time is up."""
    leader = await leads(patroni)
    leader.kill()
    await promoted(patroni, leader)
    await finish(patroni, load, record_property)
    assert load.refused <= {Refusal.STORE_UNAVAILABLE}


async def test_nobody_is_refused_when_the_leader_is_changed_in_order(
    patroni: PatroniCluster, load: Load, record_property: Callable[[str, object], None]
) -> None:
    """`patronictl switchover` takes less time than callers wait, so they notice a pause and nothing else."""
    leader = await leads(patroni)
    await asyncio.to_thread(patroni.switch_over, leader)
    await promoted(patroni, leader)
    await finish(patroni, load, record_property)
    assert load.refused == set()


async def test_codes_go_on_without_etcd(
    patroni: PatroniCluster, load: Load, record_property: Callable[[str, object], None]
) -> None:
    """Failsafe: every member answers the leader, which stays one for longer than its entry in etcd lasts."""
    leader = await leads(patroni)
    for etcd in patroni.etcds:
        etcd.freeze()
    await asyncio.to_thread(patroni.outlive, leader)
    await finish(patroni, load, record_property)
    assert await leads(patroni) is leader
    assert load.refused == set()


async def test_codes_go_on_when_the_leader_alone_is_cut_off_from_etcd(
    patroni: PatroniCluster, load: Load, record_property: Callable[[str, object], None]
) -> None:
    """The other members see its entry end, and also that it is alive: they elect nobody beside it."""
    leader = await leads(patroni)
    leader.etcd.freeze()
    await asyncio.to_thread(patroni.outlive, leader)
    await finish(patroni, load, record_property)
    assert await leads(patroni) is leader
    assert load.refused == set()
