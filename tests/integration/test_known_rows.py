"""What the embedded store remembers of its rows is what stands in its file."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, JobKind, Key, Row, Window
from onema.storage.contract import StorageError
from onema.storage.sqlite.known_rows import KnownRows
from onema.storage.sqlite.storage import SqliteStorage

NOW = 1_700_000_000_000


def window(number: int, count: int) -> Window:
    """One that is open until NOW + its number, which the sweeper takes from then on."""
    return Window(AccountId(1), "phone", f"+8490000000{number}", f"60:{NOW}:{count}", NOW + number)


def job(number: int, attempt: int = 0) -> Job:
    return Job(number, JobKind.SMS, AccountId(1), MessageId(number), NOW + number, 0, attempt, False, b"")


KEYS: list[Key] = [*(window(number, 0).key for number in range(4)), *(job(number).key for number in range(4))]


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    yield storage
    await storage.close()


async def put(storage: SqliteStorage, rows: dict[Key, Row | None]) -> None:
    await storage.begin(sorted(rows, key=KEYS.index))
    await storage.commit(1, rows, ())


STEPS = st.one_of(
    st.tuples(st.just("window"), st.integers(0, 3), st.integers(1, 9)),
    st.tuples(st.just("job"), st.integers(0, 3), st.integers(1, 9)),
    st.tuples(st.just("delete"), st.integers(0, len(KEYS) - 1), st.just(0)),
    st.tuples(st.just("abort"), st.integers(0, 3), st.integers(1, 9)),
    st.tuples(st.just("lease"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("sweep"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("forward"), st.integers(0, 5), st.just(0)),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_after_whatever_was_done_a_batch_begins_with_what_the_file_has(
    steps: list[tuple[str, int, int]],
) -> None:
    """Batches that commit or abort, leases, sweeps and jobs brought forward, in any order."""

    async def run(folder: str) -> None:
        storage = SqliteStorage(Path(folder) / "onema.db")
        await storage.open()
        for what, number, value in steps:
            match what:
                case "window":
                    row: Row = window(number, value)
                    await put(storage, {row.key: row})
                case "job":
                    row = job(number, value)
                    await put(storage, {row.key: row})
                case "delete":
                    await put(storage, {KEYS[number]: None})
                case "abort":
                    await storage.begin([window(number, value).key])
                    await storage.abort()
                case "lease":
                    await storage.lease_jobs(NOW + number, NOW + 10_000, 10)
                case "sweep":
                    await storage.sweep(NOW + number, 10)
                case "forward":
                    await storage.bring_forward(JobKind.SMS, NOW + number, NOW)
            begun = await storage.begin(KEYS)
            await storage.abort()
            assert begun == await storage.read(KEYS), (what, number, value)
        await storage.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))


async def test_a_batch_that_could_not_be_saved_is_not_remembered(storage: SqliteStorage) -> None:
    """Its rows are what they were before it."""
    before = window(1, 1)
    await put(storage, {before.key: before})
    await storage.begin([before.key])
    with pytest.raises(StorageError):
        await storage.commit(2, {before.key: window(1, 2)}, [job(1), job(1)])
    assert await storage.begin([before.key]) == {before.key: before}
    await storage.abort()


async def test_a_row_that_somebody_else_took_away_is_not_lost_in_silence(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    """Nobody may write beside the server; a change of a row that is gone is refused, and all is read anew."""
    known = window(1, 1)
    await put(storage, {known.key: known})
    other = apsw.Connection(str(tmp_path / "onema.db"))
    other.execute("DELETE FROM windows")
    other.close()
    await storage.begin([known.key])
    with pytest.raises(StorageError, match="windows"):
        await storage.commit(2, {known.key: window(1, 2)}, ())
    assert await storage.begin([known.key]) == {}
    await storage.abort()


async def test_what_was_just_written_is_not_read_again(storage: SqliteStorage) -> None:
    """No statement but those of the transaction runs for it."""
    known = window(1, 1)
    await put(storage, {known.key: known})
    seen = list[str]()

    def trace(cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        seen.append(sql)
        return True

    storage._writer.exec_trace = trace
    assert await storage.begin([known.key]) == {known.key: known}
    storage._writer.exec_trace = None
    await storage.abort()
    assert seen == ["BEGIN IMMEDIATE"]


def test_only_so_many_rows_of_a_table_are_kept() -> None:
    """The longest known go first; rows of tables that nobody loads are not kept at all."""
    known = KnownRows(most=2)
    known.learn_new([job(0)])
    assert known.among([job(0).key]) == ({}, [job(0).key])
    known.learn_new([job(number) for number in (1, 2, 3)])
    found, unknown = known.among([job(number).key for number in (1, 2, 3)])
    assert list(found.values()) == [job(2), job(3)]
    assert unknown == [job(1).key]
