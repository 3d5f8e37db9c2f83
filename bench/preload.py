"""A past for a store: copies of one message that the server itself delivered and checked, with ids of their own.

They are written past the server while none runs, so that a million of them take seconds (SQLite) or a minute.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker

from bench.requests import phones
from onema.domain.ids import compose_id, time_of_id
from onema.domain.records import Attempt, Event, InboxItem, LedgerEntry, Message, Row
from onema.loadtest.requests import ALL_PHONES, STRIDE
from onema.storage.postgres.partitions import Partitions
from onema.storage.statements import plain_statements

_MESSAGE_COLUMN: dict[type[Row], str] = {
    Message: "id",
    Attempt: "message",
    LedgerEntry: "subject",
    Event: "subject",
    InboxItem: "id",
}
"""Every table that keeps something of a message that has ended, and where it has the message's id."""
_AT_ONCE = 10_000
_PARTITION_DAYS = 7
_INBOX = 99_000
"""Messages that the handset keeps at most, with room for a measurement's."""
_DAY_MS = 86_400_000
PER_MS = 32
"""Messages in each millisecond: as dense as the ids of a busy server."""

_Values = tuple[Any, ...]


def preload(database: Path, messages: int) -> None:
    """Put `messages` into the day before the store's first message, which must be delivered and checked."""
    connection = apsw.Connection(str(database))
    try:
        connection.pragma("synchronous", "off")
        account, message, phone = connection.execute(
            "SELECT account, id, phone FROM messages ORDER BY account, id LIMIT 1"
        ).get
        pattern = {row_type: _rows_of(connection, row_type, message) for row_type in _MESSAGE_COLUMN}
        started_at = time_of_id(message) - _DAY_MS
        for first in range(0, messages, _AT_ONCE):
            amount = min(_AT_ONCE, messages - first)
            with connection:
                for row_type, rows in pattern.items():
                    skipped = max(messages - _INBOX - first, 0) if row_type is InboxItem else 0
                    connection.executemany(
                        plain_statements(row_type).insert,
                        _copies(rows, message, phone, started_at, first + skipped, amount - skipped),
                    )
        with connection:
            connection.execute(
                "UPDATE wallets SET balance = (SELECT sum(amount) FROM ledger WHERE account = ?1)"
                " WHERE account = ?1",
                (account,),
            )
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def _rows_of(connection: apsw.Connection, row_type: type[Row], message: int) -> list[_Values]:
    columns, named = ", ".join(row_type.__struct_fields__), _MESSAGE_COLUMN[row_type]
    query = f"SELECT {columns} FROM {row_type.table} WHERE {named} = ?"
    return connection.execute(query, (message,)).fetchall()


def _copies(
    rows: list[_Values], message: int, phone: str, started_at: int, first: int, amount: int
) -> Iterator[_Values]:
    for number, other in zip(range(first, first + amount), phones(first, max(amount, 0)), strict=True):
        id_ms, sequence = started_at + number // PER_MS, number % PER_MS
        new = {message: compose_id(id_ms, 0, sequence), phone: f"+84{other[1:]}"}
        for row in rows:
            yield tuple(new.get(value, value) for value in row)


async def preload_postgres(dsn: str, messages: int) -> None:
    """The same past for a PostgreSQL database, made by the server itself, then vacuumed as a grown one would be."""
    connection = await asyncpg.connect(dsn)
    try:
        account, message, phone = await connection.fetchrow(
            "SELECT account, id, phone FROM messages ORDER BY account, id LIMIT 1"
        )
        started_at = time_of_id(message) - _DAY_MS
        await Partitions(dsn, _PARTITION_DAYS).maintain(started_at)
        await connection.execute("SET synchronous_commit = off")
        for row_type in _MESSAGE_COLUMN:
            first = max(messages - _INBOX, 0) if row_type is InboxItem else 0
            statement = await _copying(connection, row_type, message, phone, started_at)
            for start in range(first, messages, _AT_ONCE):
                await connection.execute(statement, message, start, min(start + _AT_ONCE, messages) - 1)
        await connection.execute(
            "UPDATE wallets SET balance = (SELECT sum(amount) FROM ledger WHERE account = $1) WHERE account = $1",
            account,
        )
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _copying(
    connection: asyncpg.Connection, row_type: type[Row], message: int, phone: str, started_at: int
) -> str:
    """A statement that copies all rows of a message ($1) for the numbers from $2 to $3."""
    named = _MESSAGE_COLUMN[row_type]
    columns = row_type.__struct_fields__
    pattern = await connection.fetchrow(
        f"SELECT * FROM {row_type.table} WHERE {named} = $1", message
    )  # our own names
    first, step = (
        compose_id(started_at, 0, 0),
        compose_id(started_at + 1, 0, 0) - compose_id(started_at, 0, 0),
    )
    new = {
        message: f"{first} + n / {PER_MS} * {step} + n % {PER_MS}",
        # As vietnamese_phone makes them.
        phone: f"'+8490' || lpad((n * {STRIDE} % {ALL_PHONES})::text, 7, '0')",
    }
    values = ", ".join(new.get(pattern[column], f"p.{column}") for column in columns)
    return (
        f"INSERT INTO {row_type.table} ({', '.join(columns)}) SELECT {values}"  # our own names
        f" FROM {row_type.table} p, generate_series($2::bigint, $3::bigint) n WHERE p.{named} = $1"
    )
