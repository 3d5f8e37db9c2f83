"""Copying a whole store into an empty one, of the same engine or another. All or nothing.

The new rows appear only with `finish`, after they were counted and the books were found to balance: PostgreSQL gets
one transaction, SQLite a file under another name. So a copy that fails leaves its target empty, and is begun anew.

Both sides assume that nobody else writes. PostgreSQL's are locked against others; for SQLite's the caller holds the
data folder.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from onema.domain.records import CarrierCapacity, Row
from onema.domain.server_keys.rows import NodeKeys
from onema.domain.tables import TABLES
from onema.storage.contract import StorageError

BATCH_ROWS = 2_000

NOT_COPIED = (CarrierCapacity, NodeKeys)
"""What processes of the old store hold: with its rows, nobody could use those carriers on the new one for long, and a
key would wait for processes that are none of its."""
COPIED = tuple(row_type for row_type in TABLES if row_type not in NOT_COPIED)

Values: TypeAlias = tuple[Any, ...]
Counts: TypeAlias = dict[type[Row], int]


class MoveRefused(StorageError):
    """Nothing was begun; the text is a sentence that says why."""


class Store(Protocol):
    async def ask(self, query: str) -> list[Values]:
        """What a query finds, which is in the SQL of both engines."""


class Source(Store, Protocol):
    """What is copied, as of one moment."""

    def rows(self, row_type: type[Row]) -> AsyncIterator[Sequence[Values]]:
        """All rows of a table by ascending key, in batches; values have the types of the row's fields."""


class Target(Store, Protocol):
    """What is written. It was empty."""

    async def make_room(self, oldest: int) -> None:
        """Prepare for rows whose time-ordered ids begin with `oldest`."""

    async def write(self, row_type: type[Row], rows: Sequence[Values]) -> None:
        """Add rows; each table's come by ascending key."""

    async def finish(self) -> None:
        """Make all that was written durable and visible. Raises CommitUnknown when only a look can tell."""


def refuse_other_schema(version: int, known: int) -> None:
    """Raises MoveRefused unless the source's schema is the one that this version knows."""
    if version != known:
        instead = "migrate first" if version < known else "copy with the newer version"
        raise MoveRefused(
            f"The source has schema {version}, this version of onema copies {known}: {instead}."
        )


async def copy(source: Source, target: Target, copied: Callable[[str, int], None]) -> Counts:
    """Copy every table and verify the outcome: equal counts, and every wallet the sum of its ledger.

    Returns how many rows each table has; `copied` hears of a table and how many more of its rows are there. Raises
    MoveRefused when the source's own books do not balance, StorageError when the copy fails or differs.
    """
    if wrong := await unbalanced(source):
        raise MoveRefused(
            f"The ledger does not add up to the balance of account {_list(wrong)}. A copy would carry that along: "
            "nothing was copied. It is a fault of onema or somebody's own change; find out before you move."
        )
    expected = await count_rows(source)
    ((oldest,),) = await source.ask("SELECT min(id) FROM messages")
    if oldest is not None:
        await target.make_room(oldest)
    for row_type in COPIED:
        async for rows in source.rows(row_type):
            await target.write(row_type, rows)
            copied(row_type.table, len(rows))
    await _verify(target, expected)
    await target.finish()
    return expected


async def count_rows(store: Store) -> Counts:
    counts = {}
    for row_type in COPIED:
        ((counts[row_type],),) = await store.ask(f"SELECT count(*) FROM {row_type.table}")  # noqa: S608  # our own name
    return counts


async def unbalanced(store: Store) -> list[int]:
    """The accounts whose balance is not the sum of their ledger."""
    found = await store.ask(
        "SELECT account FROM (SELECT account, balance AS amount FROM wallets"
        " UNION ALL SELECT account, -amount FROM ledger) AS books"
        " GROUP BY account HAVING sum(amount) <> 0 ORDER BY account"
    )
    return [account for (account,) in found]


def everything(row_type: type[Row]) -> str:
    """All rows of a table by ascending key."""
    columns = row_type.__struct_fields__
    key = columns[: row_type.key_columns]
    return f"SELECT {', '.join(columns)} FROM {row_type.table} ORDER BY {', '.join(key)}"  # noqa: S608  # our own names


async def _verify(target: Store, expected: Counts) -> None:
    for row_type, count in (await count_rows(target)).items():
        if count != expected[row_type]:
            raise StorageError(f"of {expected[row_type]} rows of {row_type.table} {count} arrived")
    if wrong := await unbalanced(target):
        raise StorageError(f"the copied ledger does not add up to the balance of account {_list(wrong)}")


def _list(accounts: Sequence[int]) -> str:
    return ", ".join(map(str, accounts[:10])) + (" ..." if accounts[10:] else "")
