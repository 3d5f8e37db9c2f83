import asyncio

import pytest

from onema.domain.codes.check_code import Check
from onema.domain.ids import AccountId
from onema.domain.note_refusals import noted_in
from onema.domain.records import (
    DirectoryRevision,
    Event,
    Key,
    LiveVerification,
    RecentRefusals,
    Row,
    Wallet,
)
from onema.domain.refusals import Refused
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine.refusals import Asking, Refusals
from onema.storage.contract import Conflict
from onema.storage.postgres import PostgresStorage
from onema.testing.conformance.storage import insert, job

from .conftest import OpenStorage, StartNode
from .node import ACCOUNT, PER_PHONE, PRICE, accepted

PHONE = "+84901888484"


async def test_limits_are_exact_over_two_nodes(start_node: StartNode) -> None:
    """200 parallel sends from two nodes to one phone whose window did not exist: exactly its limit is accepted."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(1_000 * PRICE)
    await nodes[1].committer.refresh_directory()
    sent = await accepted(nodes[number % 2].send(PHONE) for number in range(200))
    assert len(sent) == PER_PHONE
    assert (
        await nodes[0].balance()
        == await nodes[0].storage.ledger_sum(AccountId(ACCOUNT))
        == (1_000 - PER_PHONE) * PRICE
    )


async def test_a_wallet_is_never_overdrawn_over_two_nodes(start_node: StartNode) -> None:
    """200 parallel sends to as many phones with money for 50: exactly 50 are accepted."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(50 * PRICE)
    await nodes[1].committer.refresh_directory()
    sent = await accepted(nodes[number % 2].send(f"+8490{number:07}") for number in range(200))
    assert len(sent) == 50
    assert await nodes[1].balance() == await nodes[1].storage.ledger_sum(AccountId(ACCOUNT)) == 0


async def test_a_code_is_verified_once_over_two_nodes(start_node: StartNode) -> None:
    """50 parallel right checks: one succeeds."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(PRICE)
    await nodes[1].committer.refresh_directory()
    code = await nodes[0].sent_code((await nodes[0].send(PHONE)).message)
    checks = await asyncio.gather(*(nodes[number % 2].check(PHONE, code) for number in range(50)))
    assert sorted(check.value for check in checks) == [Check.NOTHING_TO_CHECK.value] * 49 + [
        Check.RIGHT.value
    ]


async def test_attempts_are_exact_over_two_nodes(start_node: StartNode) -> None:
    """50 parallel wrong checks use up five attempts, and the right code comes too late."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(PRICE)
    await nodes[1].committer.refresh_directory()
    code = await nodes[0].sent_code((await nodes[0].send(PHONE)).message)
    checks = await asyncio.gather(*(nodes[number % 2].check(PHONE, "nothing") for number in range(50)))
    assert checks.count(Check.WRONG) == 5
    assert await nodes[1].check(PHONE, code) is Check.EXHAUSTED


async def test_a_top_up_is_booked_once_over_two_nodes(start_node: StartNode) -> None:
    """The same reference from two nodes at once, for a wallet that neither has seen."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[1].committer.refresh_directory()
    booked = await asyncio.gather(*(nodes[number % 2].top_up(PRICE) for number in range(40)))
    assert booked.count(True) == 1
    assert await nodes[0].balance() == await nodes[0].storage.ledger_sum(AccountId(ACCOUNT)) == PRICE


async def test_two_nodes_cannot_change_the_directory_from_one_snapshot(start_node: StartNode) -> None:
    """The first change of all: no row says yet which revision it is."""
    nodes = [await start_node(), await start_node()]
    results = await asyncio.gather(*(node.configure() for node in nodes), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [Refused]
    assert (await nodes[0].storage.read_directory())[0] == 1


async def test_a_row_that_another_node_made_meanwhile_is_a_conflict(open_storage: OpenStorage) -> None:
    """Both find it missing, both put it: the second is told to decide anew, and nothing of it is saved."""
    first, second = await open_storage(), await open_storage()
    key: Key = (Wallet, 1)
    assert await first.begin([key]) == await second.begin([key]) == {}
    await first.commit(1, {key: Wallet(AccountId(1), Minor(5))}, ())
    with pytest.raises(Conflict):
        await second.commit(
            2, {key: Wallet(AccountId(1), Minor(7))}, [Event(AccountId(1), 1, 1, "never", "")]
        )
    assert await second.begin([key]) == {key: Wallet(AccountId(1), Minor(5))}
    await second.commit(3, {key: Wallet(AccountId(1), Minor(12))}, ())
    assert await first.read([key, (Event, 1, 1, 1)]) == {key: Wallet(AccountId(1), Minor(12))}


async def test_nodes_that_make_the_same_rows_do_not_deadlock(open_storage: OpenStorage) -> None:
    """However the rows came into the batch, every node makes them in key order."""
    storages = [await open_storage(), await open_storage()]
    keys: list[Key] = [(Wallet, number) for number in range(1, 41)]

    conflicts: list[str] = []

    async def add_one(storage: PostgresStorage, ordered: list[Key], batch: int) -> None:
        while True:
            found = await storage.begin(keys)
            try:
                await storage.commit(
                    batch, {key: Wallet(key[1], Minor(balance(found, key) + 1)) for key in ordered}, ()
                )
            except Conflict as conflict:
                conflicts.append(str(conflict))
            else:
                return

    await asyncio.gather(add_one(storages[0], keys, 1), add_one(storages[1], keys[::-1], 2))
    assert not any("deadlock" in conflict for conflict in conflicts)
    assert set((await storages[0].read(keys)).values()) == {Wallet(key[1], Minor(2)) for key in keys}


def balance(rows: dict[Key, Row], key: Key) -> int:
    wallet = rows.get(key)
    return wallet.balance if isinstance(wallet, Wallet) else 0


async def test_a_verification_renewed_while_the_sweeper_looks_is_kept(open_storage: OpenStorage) -> None:
    """A batch holds the expired row and is about to renew it; the sweeper passes it over."""
    storage, sweeping = await open_storage(), await open_storage()
    old = LiveVerification(AccountId(ACCOUNT), Phone(PHONE), "code", 1, b"h", 5, expires_at=100)
    await storage.begin([old.key])
    await storage.commit(1, {old.key: old}, ())
    await storage.begin([old.key])
    assert await sweeping.sweep(now=200, limit=10) == 0
    new = LiveVerification(AccountId(ACCOUNT), Phone(PHONE), "code", 2, b"h", 5, expires_at=900)
    await storage.commit(2, {old.key: new}, ())
    assert await sweeping.sweep(now=200, limit=10) == 0
    assert await storage.read([old.key]) == {old.key: new}


async def test_no_job_is_leased_by_two_nodes(start_node: StartNode) -> None:
    """Two nodes lease at the same time until nothing is due."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(200 * PRICE)
    sent = await accepted(nodes[0].send(f"+8490{number:07}") for number in range(200))
    now = nodes[0].clock.now()
    leases = await asyncio.gather(
        *(nodes[number % 2].storage.lease_jobs(now, now + 60_000, 30) for number in range(20))
    )
    leased = [job.id for lease in leases for job in lease]
    assert sorted(leased) == sorted(message.message for message in sent)


async def test_a_job_that_a_batch_holds_keeps_no_lease_waiting(open_storage: OpenStorage) -> None:
    """Its outcome is just being recorded; the other jobs that are due are leased at once."""
    storage, leasing = await open_storage(), await open_storage()
    held, due = job(1, due_at=100), job(2, due_at=100)
    await insert(storage, held, due)
    await storage.begin([held.key])
    async with asyncio.timeout(20):
        leased = await leasing.lease_jobs(200, 60_000, 10)
    assert [found.id for found in leased] == [due.id]
    await storage.abort()


async def test_many_stores_open_an_empty_database_together(open_storage: OpenStorage) -> None:
    """One of them makes the schema, the others wait for it."""
    storages = await asyncio.gather(*(open_storage() for _ in range(5)))
    await storages[0].begin([(DirectoryRevision, "directory")])
    await storages[0].abort()


async def test_refusals_of_all_nodes_are_counted_together(start_node: StartNode) -> None:
    """Each node adds to the account's row, under its lock."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[1].committer.refresh_directory()
    noting = [Refusals(node.committer.execute, node.clock.now) for node in nodes]
    for number in range(60):
        account = nodes[number % 2].committer.directory.accounts[ACCOUNT]
        noting[number % 2].note(Asking("esms", "203.0.113.9", account=account, phone=PHONE), "rate_limited")
        if number % 10 == 9:
            await asyncio.gather(*(each.save() for each in noting))
    row = (await nodes[0].storage.read([(RecentRefusals, ACCOUNT)]))[(RecentRefusals, ACCOUNT)]
    assert isinstance(row, RecentRefusals)
    (entry,) = noted_in(row, nodes[0].clock.now()).entries
    assert (row.total, entry.times) == (60, 60)
