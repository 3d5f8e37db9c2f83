"""Stores copied into each other, and backed up while they are written."""

import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker
import pytest

from onema.domain.ids import AccountId, MessageId, compose_id
from onema.domain.records import (
    CarrierCapacity,
    Event,
    InboxItem,
    LedgerEntry,
    Message,
    Row,
    TopUp,
    Wallet,
)
from onema.domain.tables import TABLES
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import CommitUnknown, Storage, StorageError
from onema.storage.moving import BATCH_ROWS, COPIED, MoveRefused, Source, Values, copy
from onema.storage.postgres import PostgresStorage
from onema.storage.postgres.moving import PARTITION_DAYS, postgres_source, postgres_target
from onema.storage.sqlite.file import back_up
from onema.storage.sqlite.moving import SqliteTarget, sqlite_source, sqlite_target
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import insert, message, sample
from onema.testing.cutting_proxy import Cut, CuttingProxy
from onema.testing.postgres_server import PostgresServer

DAY_MS = 86_400_000
LATE = 4_000_000_000_000_000_000
"""The id of a message that needs no partition of the past."""


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    """An embedded store that is to be copied."""
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    yield storage
    await storage.close()


@pytest.fixture
def new_file(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new" / "onema.db"


def some_of_everything() -> list[Row]:
    """Rows of every table that is copied, whose books balance; of one table more than a batch."""
    rows = [sample(row_type, number) for row_type in COPIED for number in range(1, 4)]
    rows += [Event(AccountId(7), 9, number, "e", "") for number in range(1, 2 * BATCH_ROWS + 2)]
    rows += [
        TopUp(AccountId(1), text, 1, Minor(1))
        for text in ("", "Z", "a", "é", "ｚ", "😀", 'q"\\,{}', "NULL", "\n")
    ]
    rows.append(InboxItem(MessageId(9), Phone("+84901888484"), "sms", "", bytes(range(256))))
    return rows


async def whole(source: Source) -> dict[str, list[Values]]:
    return {
        row_type.table: [row async for batch in source.rows(row_type) for row in batch] for row_type in TABLES
    }


def files(folder: Path) -> dict[str, int]:
    """The files of a folder and their modes."""
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def silent(_table: str, _rows: int) -> None:
    """A progress that nobody watches."""


async def to_postgres(path: Path, dsn: str) -> dict[type[Row], int]:
    async with sqlite_source(path) as source, postgres_target(dsn) as target:
        return await copy(source, target, silent)


async def from_postgres(dsn: str, path: Path) -> dict[type[Row], int]:
    async with postgres_source(dsn) as source, sqlite_target(path) as target:
        return await copy(source, target, silent)


async def test_everything_arrives_in_the_other_engine_and_comes_back(
    old: SqliteStorage, tmp_path: Path, new_file: Path, dsn: str
) -> None:
    """Every value of every table, in the order of keys, and with its type."""
    await insert(old, *some_of_everything())
    counts = await to_postgres(tmp_path / "onema.db", dsn)
    assert await from_postgres(dsn, new_file) == counts
    assert sum(counts.values()) == len(some_of_everything())
    async with AsyncExitStack() as stack:
        first = await whole(await stack.enter_async_context(sqlite_source(tmp_path / "onema.db")))
        second = await whole(await stack.enter_async_context(postgres_source(dsn)))
        third = await whole(await stack.enter_async_context(sqlite_source(new_file)))
    assert first == second == third
    assert second["jobs"][0][7] is first["jobs"][0][7] is False
    assert files(new_file.parent) == {"onema.db": 0o600}


@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
async def test_a_copied_store_can_be_worked_on(
    old: SqliteStorage, tmp_path: Path, new_file: Path, dsn: str, engine: str
) -> None:
    """Its schema is this version's, and its rows are found."""
    await insert(
        old,
        Wallet(AccountId(1), Minor(5)),
        LedgerEntry(AccountId(1), 1, "top_up", Minor(5), 0, ""),
        message(LATE),
    )
    await to_postgres(tmp_path / "onema.db", dsn)
    await from_postgres(dsn, new_file)
    storage: Storage = PostgresStorage(dsn) if engine == "postgres" else SqliteStorage(new_file)
    await storage.open()
    assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(5))}
    assert await storage.ledger_sum(AccountId(1)) == 5
    await insert(storage, message(LATE + 1))
    assert [found.id for found in await storage.read_messages(AccountId(7), LATE + 2, 10)] == [LATE + 1, LATE]
    await storage.close()


async def test_a_target_that_holds_anything_is_refused(
    old: SqliteStorage, tmp_path: Path, new_file: Path, dsn: str
) -> None:
    """Nothing is ever mixed or overwritten; an empty schema is fine."""
    await insert(old, Wallet(AccountId(1), Minor(0)))
    for _ in range(2):
        async with sqlite_target(new_file) as target:
            await target.finish()
    await to_postgres(tmp_path / "onema.db", dsn)
    with pytest.raises(MoveRefused, match=r"not empty \(wallets\)"):
        await to_postgres(tmp_path / "onema.db", dsn)
    with pytest.raises(MoveRefused, match=r"not empty \(wallets\)"):
        await from_postgres(dsn, tmp_path / "onema.db")


async def test_books_that_do_not_balance_are_not_carried_along(
    old: SqliteStorage, tmp_path: Path, new_file: Path
) -> None:
    """A balance without a ledger, a ledger without a balance, and one that differs; others are not named."""
    await insert(
        old,
        Wallet(AccountId(1), Minor(5)),
        Wallet(AccountId(3), Minor(1)),
        Wallet(AccountId(4), Minor(-9)),
        LedgerEntry(AccountId(4), 1, "hold", Minor(-9), 0, ""),
    )
    await insert(
        old,
        LedgerEntry(AccountId(2), 1, "top_up", Minor(3), 0, ""),
        LedgerEntry(AccountId(3), 1, "top_up", Minor(2), 0, ""),
        batch=2,
    )
    async with sqlite_source(tmp_path / "onema.db") as source, sqlite_target(new_file) as target:
        with pytest.raises(MoveRefused, match=r"account 1, 2, 3\. "):
            await copy(source, target, silent)


async def test_a_copy_that_fails_leaves_its_target_empty(
    old: SqliteStorage, tmp_path: Path, server: PostgresServer, database: str, dsn: str
) -> None:
    """PostgreSQL cannot hold a zero byte in a text: what went before it is taken back, and one can try again."""
    await insert(
        old, Wallet(AccountId(1), Minor(0)), message(LATE), Event(AccountId(7), 7, 1, "e", "zero \0 byte")
    )
    with pytest.raises(StorageError, match=r"events \(7, 7, 1\), data, holds the character NUL"):
        await to_postgres(tmp_path / "onema.db", dsn)
    assert server.sql("SELECT count(*) FROM messages", database) == "0"
    await old.begin([])
    await old.commit(2, {(Event, 7, 7, 1): Event(AccountId(7), 7, 1, "e", "mended")}, ())
    assert (await to_postgres(tmp_path / "onema.db", dsn))[Event] == 1


async def test_a_link_that_breaks_at_the_end_leaves_all_or_nothing(
    old: SqliteStorage, tmp_path: Path, server: PostgresServer, database: str
) -> None:
    """The outcome is called unknown, and running it again tells: the target is not empty."""
    await insert(old, Wallet(AccountId(1), Minor(0)), message(LATE))
    proxy = CuttingProxy(server.port)
    proxied = server.dsn(database, port=await proxy.start())
    async with sqlite_source(tmp_path / "onema.db") as source, postgres_target(proxied) as target:
        with pytest.raises(CommitUnknown):
            await copy(source, target, lambda _table, _rows: proxy.arm(Cut.AFTER))
    await proxy.stop()
    with pytest.raises(MoveRefused, match="not empty"):
        await to_postgres(tmp_path / "onema.db", server.dsn(database))
    assert server.sql("SELECT count(*) FROM messages", database) == "1"


async def test_a_copy_that_fails_leaves_no_file(tmp_path: Path, new_file: Path, dsn: str) -> None:
    """Neither the database nor its draft."""
    storage = PostgresStorage(dsn)
    await storage.open()
    await insert(storage, message(LATE))
    await storage.close()

    def interrupted(_table: str, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        async with postgres_source(dsn) as source, sqlite_target(new_file) as target:
            await copy(source, target, interrupted)
    assert files(new_file.parent) == {}


class LosingTarget(SqliteTarget):
    """Leaves out the last row of a table, or changes an amount."""

    def __init__(self, target: SqliteTarget, row_type: type[Row]) -> None:
        super().__init__(target._path, target._connection)
        self._row_type = row_type

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        if row_type is self._row_type is Wallet:
            rows = [(account, balance + 1) for account, balance in rows]
        elif row_type is self._row_type:
            rows = rows[:-1]
        await super().write(row_type, rows)


@pytest.mark.parametrize(
    ("row_type", "said"), [(Event, "of 3 rows of events 2 arrived"), (Wallet, "balance of account 1, 2, 3")]
)
async def test_a_difference_is_noticed_before_the_copy_counts(
    old: SqliteStorage, tmp_path: Path, new_file: Path, row_type: type[Row], said: str
) -> None:
    """A lost row, and money that changed on the way."""
    await insert(old, *(sample(each, number) for each in TABLES for number in range(1, 4)))
    async with sqlite_source(tmp_path / "onema.db") as source, sqlite_target(new_file) as target:
        with pytest.raises(StorageError, match=said):
            await copy(source, LosingTarget(target, row_type), silent)
    assert files(new_file.parent) == {}


async def test_a_running_node_is_noticed(old: SqliteStorage, tmp_path: Path, dsn: str) -> None:
    """Its writes would be missing from the copy, or get lost in it."""
    node = PostgresStorage(dsn)
    await node.open()
    with pytest.raises(MoveRefused, match="A server works on the source"):
        await from_postgres(dsn, tmp_path / "other.db")
    with pytest.raises(MoveRefused, match="A server works on the target"):
        await to_postgres(tmp_path / "onema.db", dsn)
    await node.close()


async def test_nobody_writes_to_the_source_meanwhile(dsn: str, server: PostgresServer, database: str) -> None:
    """A node that starts too early has to wait, rather than accept what the copy would not have."""
    async with postgres_target(dsn) as target:
        await target.finish()
    async with postgres_source(dsn):
        connection = await asyncpg.connect(dsn)
        await connection.execute("SET lock_timeout = '10ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await connection.execute("INSERT INTO wallets VALUES (1, 1)")
        assert await connection.fetchval("SELECT count(*) FROM wallets") == 0
        await connection.close()


async def test_the_past_gets_partitions_of_its_own(
    old: SqliteStorage, tmp_path: Path, server: PostgresServer, database: str, dsn: str
) -> None:
    """So that retention drops old rows as it drops all others; what is far older stays in the default."""
    now = int(server.sql("SELECT (extract(epoch FROM now()) * 1000)::bigint"))
    days = [0, 1, PARTITION_DAYS, 50, 400]
    ids = [compose_id(now - each * DAY_MS, 0, 1) for each in days]
    await insert(
        old, *(message(each) for each in ids), *(Event(AccountId(7), each, 1, "e", "") for each in ids)
    )
    await to_postgres(tmp_path / "onema.db", dsn)
    for table in ("messages", "events"):
        assert server.sql(f"SELECT count(*) FROM {table}_default", database) == "0"
    storage = PostgresStorage(dsn)
    await storage.open()
    assert await storage.drop_older_than(now - 100 * DAY_MS) > 0
    found = await storage.read_messages(AccountId(7), 1 << 62, 10)
    assert [each.id for each in found] == ids[:-1]
    await storage.close()


async def test_a_source_of_another_schema_is_refused(
    old: SqliteStorage, tmp_path: Path, new_file: Path, server: PostgresServer, database: str, dsn: str
) -> None:
    """Its tables may not be those that are copied."""
    old._writer.pragma("user_version", 99)
    with pytest.raises(MoveRefused, match=r"The source has schema 99.*copy with the newer version"):
        await to_postgres(tmp_path / "onema.db", dsn)
    with pytest.raises(MoveRefused, match=r"The source has schema 0.*migrate first"):
        await from_postgres(dsn, new_file)


async def test_a_backup_is_one_moment_of_a_store_that_is_written(old: SqliteStorage, tmp_path: Path) -> None:
    """Batches that are committed between its steps are not in it, not even half, and do not begin it anew."""
    await insert(
        old, *(InboxItem(MessageId(number), Phone(""), "", "", bytes(4_000)) for number in range(1, 6_000))
    )
    await insert(
        old, Wallet(AccountId(1), Minor(1)), LedgerEntry(AccountId(1), 1, "top_up", Minor(1), 0, ""), batch=2
    )
    other = apsw.Connection(str(tmp_path / "onema.db"))
    steps = 0

    def written_meanwhile(_done: int, _total: int) -> None:
        nonlocal steps
        steps += 1
        with other:
            other.execute("UPDATE wallets SET balance = balance + 1")
            other.execute("INSERT INTO ledger VALUES (1, ?, 'top_up', 1, 0, '')", (1 + steps,))

    back_up(tmp_path / "onema.db", tmp_path / "saved.db", 1, written_meanwhile)
    other.close()
    assert 1 < steps < 10
    saved_files = {name: mode for name, mode in files(tmp_path).items() if name.startswith("saved")}
    assert saved_files == {"saved.db": 0o600}
    with closing(apsw.Connection(str(tmp_path / "saved.db"))) as saved:
        assert saved.execute("SELECT balance, (SELECT count(*) FROM ledger) FROM wallets").get == (1, 1)
    assert await old.ledger_sum(AccountId(1)) == 1 + steps


def test_a_damaged_database_gives_no_backup(tmp_path: Path) -> None:
    """A backup that cannot be restored is worse than an error."""
    with closing(apsw.Connection(str(tmp_path / "onema.db"))) as connection:
        connection.execute("CREATE TABLE t (a); CREATE INDEX i ON t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(1_000)])
        root: Any = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'i'").get
    with (tmp_path / "onema.db").open("r+b") as file:
        file.seek((root - 1) * 4096 + 12)
        file.write(b"\xff\x00\xff\x00\xff\x00")
    with pytest.raises(StorageError):
        back_up(tmp_path / "onema.db", tmp_path / "saved.db", 1, lambda _done, _total: None)
    assert set(files(tmp_path)) == {"onema.db"}


def test_the_samples_have_every_table() -> None:
    """A table that is added is copied and tested."""
    assert {type(row) for row in some_of_everything()} == set(COPIED)
    assert Message in COPIED


async def test_a_character_that_postgresql_cannot_hold_is_shown_with_its_place(
    old: SqliteStorage, tmp_path: Path, dsn: str
) -> None:
    """SQLite took it from versions that did not refuse it; the copy then failed each time, and said no row."""
    await insert(
        old,
        Wallet(AccountId(1), Minor(0)),
        TopUp(AccountId(1), "invoice-1", 7, Minor(0)),
        TopUp(AccountId(1), "invoice-2\0", 8, Minor(0)),
    )
    with pytest.raises(
        MoveRefused, match=r"top_ups \(1, 'invoice-2\\x00'\), reference, holds the character NUL"
    ):
        await to_postgres(tmp_path / "onema.db", dsn)
    old._writer.execute(
        "UPDATE top_ups SET reference = CAST(substr(CAST(reference AS BLOB), 1,"
        " instr(CAST(reference AS BLOB), x'00') - 1) AS TEXT) WHERE instr(CAST(reference AS BLOB), x'00')"
    )
    await to_postgres(tmp_path / "onema.db", dsn)


async def test_capacity_of_carriers_are_not_copied(
    old: SqliteStorage, tmp_path: Path, new_file: Path, dsn: str
) -> None:
    """The processes that hold them are those of the old store; in a target they do not count as data either."""
    await insert(old, Wallet(AccountId(1), Minor(0)), CarrierCapacity("smsc", '[["gone",2,1]]'))
    await to_postgres(tmp_path / "onema.db", dsn)
    storage = PostgresStorage(dsn)
    await storage.open()
    assert await storage.read([(Wallet, 1), (CarrierCapacity, "smsc")]) == {
        (Wallet, 1): Wallet(AccountId(1), Minor(0))
    }
    await storage.close()
    used = SqliteStorage(new_file)
    await used.open()
    await insert(used, CarrierCapacity("smsc", '[["here",2,1]]'))
    await used.close()
    assert (await from_postgres(dsn, new_file))[Wallet] == 1
