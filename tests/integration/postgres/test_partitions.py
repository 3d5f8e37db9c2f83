import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from onema.domain.ids import AccountId, compose_id, first_id_at
from onema.domain.records import Event, LedgerEntry, Message, Row
from onema.domain.values.money import Minor
from onema.storage.contract import Conflict, Storage
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import connect
from onema.testing.conformance.storage import message
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import comes_true

from .conftest import OpenStorage

DAY_MS = 86_400_000
NOW = 1_800_000_000_000


async def insert(storage: Storage, batch: int, rows: Sequence[Row]) -> None:
    await storage.begin([])
    await storage.commit(batch, {}, rows)


def partitions(server: PostgresServer, database: str, table: str) -> int:
    return int(
        server.sql(f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{table}'::regclass", database)
    )


def entry(moment: int, sequence: int, amount: int, account: int = 1) -> LedgerEntry:
    return LedgerEntry(AccountId(account), compose_id(moment, 1, sequence), "hold", Minor(amount), moment, "")


async def test_partitions_are_made_ahead_and_only_once(
    open_storage: OpenStorage, server: PostgresServer, database: str
) -> None:
    """Rows of today and of the next periods have a partition; asking again makes none."""
    storage = await open_storage(partition_days=1)
    await storage.maintain(NOW)
    made = partitions(server, database, "messages")
    await storage.maintain(NOW)
    assert partitions(server, database, "messages") == made
    await storage.maintain(NOW + DAY_MS)
    assert partitions(server, database, "messages") == made + 1
    await insert(storage, 1, [message(compose_id(NOW + days * DAY_MS, 1, 1)) for days in range(3)])
    assert server.sql("SELECT count(*) FROM messages_default", database) == "0"


async def test_rows_without_a_partition_are_kept_and_move_into_it(
    open_storage: OpenStorage, server: PostgresServer, database: str
) -> None:
    """Upkeep that comes late loses nothing."""
    storage = await open_storage(partition_days=1)
    late = message(compose_id(NOW + 300 * DAY_MS, 1, 1))
    await insert(storage, 1, [late])
    assert server.sql("SELECT count(*) FROM messages_default", database) == "1"
    await storage.maintain(NOW + 300 * DAY_MS)
    assert server.sql("SELECT count(*) FROM messages_default", database) == "0"
    assert await storage.read([late.key]) == {late.key: late}


async def test_the_period_may_change(open_storage: OpenStorage) -> None:
    """A longer or shorter period holds for partitions made from then on."""
    for number, days in enumerate((7, 1, 30), 1):
        storage = await open_storage(partition_days=days)
        for later in (0, 1, 8, 40):
            await storage.maintain(NOW + later * DAY_MS)
            await insert(
                storage, number * 100 + later, [message(compose_id(NOW + later * DAY_MS, number, 1))]
            )
    assert len(await storage.read_messages(AccountId(7), first_id_at(NOW + 90 * DAY_MS), 100)) == 12


async def test_dropping_keeps_every_ledger_sum(
    open_storage: OpenStorage, server: PostgresServer, database: str
) -> None:
    """A closing entry stands for what went, and is itself closed later; younger history stays."""
    storage = await open_storage(partition_days=1)
    await storage.maintain(NOW)
    for days in range(1, 10):
        await storage.maintain(NOW + days * DAY_MS)
    rows: list[Row] = []
    for days in range(10):
        moment = NOW + days * DAY_MS
        rows += [entry(moment, n, 10 * days + n) for n in range(5)]
        rows += [entry(moment, 9, 1, account=2), Event(AccountId(1), compose_id(moment, 1, 1), 1, "e", "")]
        rows.append(message(compose_id(moment, 1, 1)))
    rows += [
        LedgerEntry(AccountId(3), 5, "top_up", Minor(1_000), 0, "in the default partition"),
        entry(NOW, 20, 0, account=4),
    ]
    await insert(storage, 1, rows)
    sums = {account: await storage.ledger_sum(AccountId(account)) for account in (1, 2, 3, 4)}
    assert sums[3] == 1_000
    before = partitions(server, database, "ledger")
    for days in (4, 7):
        assert await storage.drop_older_than(NOW + days * DAY_MS) > 0
        assert {account: await storage.ledger_sum(AccountId(account)) for account in sums} == sums
    assert await storage.drop_older_than(NOW + 7 * DAY_MS) == 0
    assert partitions(server, database, "ledger") < before
    assert len(await storage.read_messages(AccountId(7), first_id_at(NOW + 90 * DAY_MS), 100)) < 10
    assert [found.kind for found in await storage.read_ledger(AccountId(3), 10)] == ["closing"]
    old = (Message, 7, compose_id(NOW, 1, 1))
    assert await storage.read([old]) == {}


async def test_dropping_beside_running_batches_stops_neither(open_storage: OpenStorage) -> None:
    """Batches write while partitions go; every entry is counted once."""
    storage, upkeep = await open_storage(partition_days=1), await open_storage(partition_days=1)
    for days in range(6):
        await upkeep.maintain(NOW + days * DAY_MS)
    written = 0
    dropped = asyncio.Event()
    slowest = 0.0
    loop = asyncio.get_running_loop()

    async def write() -> None:
        nonlocal written, slowest
        while not dropped.is_set():
            written += 1
            started = loop.time()
            # Some are late, for subjects of partitions that are being dropped; a deadlock with that is replayed, at the
            # latest when its wait for a lock has come to its end.
            late = entry(NOW + (written % 6) * DAY_MS, 100 + written, 1)
            while True:
                with contextlib.suppress(Conflict):
                    await insert(storage, written, [late])
                    break
            slowest = max(slowest, loop.time() - started)

    writing = asyncio.create_task(write())
    for days in range(1, 6):
        await upkeep.drop_older_than(NOW + days * DAY_MS)
    dropped.set()
    await writing
    assert await storage.ledger_sum(AccountId(1)) == written
    assert slowest < 20.0


@contextlib.asynccontextmanager
async def reading(dsn: str, table: str) -> AsyncIterator[None]:
    """Somebody reads the table, and takes their time."""
    connection = await connect(dsn, "reader")
    await connection.execute(f"BEGIN; SELECT FROM {table}")
    try:
        yield
    finally:
        await connection.close()


async def upkeep_waits(server: PostgresServer) -> None:
    """Return when a partition is about to be dropped and cannot be yet."""
    waiting = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'onema upkeep' AND wait_event_type = 'Lock'"
    )

    async def is_waiting() -> bool:
        return server.sql(f"SELECT exists({waiting})") == "t"

    await comes_true(is_waiting)


async def test_a_reader_of_an_old_partition_keeps_no_batch_waiting(
    open_storage: OpenStorage, server: PostgresServer, dsn: str
) -> None:
    """Dropping waits for whoever reads there, and everybody else would wait behind it: so it asks only for moments."""
    storage = await open_storage(partition_days=1)
    await storage.maintain(NOW)
    async with reading(dsn, "messages"):
        dropping = asyncio.create_task(storage.drop_older_than(NOW + DAY_MS))
        await upkeep_waits(server)
        async with asyncio.timeout(5):
            await insert(storage, 1, [message(compose_id(NOW + DAY_MS, 1, 1))])
        assert not dropping.done()
    assert await dropping > 0


async def test_an_entry_that_comes_late_is_refused_or_counted(
    open_storage: OpenStorage, server: PostgresServer, dsn: str
) -> None:
    """Between the sum of an old partition and its end nothing may be written there: it would be lost in silence."""
    storage = await open_storage(partition_days=1)
    await storage.maintain(NOW)
    # Those of the day on which this runs; the reader is to be met where the entry will come.
    await storage.drop_older_than(NOW)
    await insert(storage, 1, [entry(NOW, 1, 5)])
    late = await connect(dsn, "late")
    await late.execute("SET lock_timeout = '2s'")
    written = 5
    async with reading(dsn, "ledger"):
        dropping = asyncio.create_task(storage.drop_older_than(NOW + DAY_MS))
        await upkeep_waits(server)
        with contextlib.suppress(*DRIVER_ERRORS):
            await late.execute(
                f"INSERT INTO ledger VALUES (1, {compose_id(NOW, 1, 2)}, 'hold', 7, {NOW}, '')"
            )
            written += 7
    await late.close()
    await dropping
    assert await storage.ledger_sum(AccountId(1)) == written
