"""A past for a store: copies of one message that the server itself delivered and checked, with ids of their own.

They are written past the server while none runs, so that a million of them take seconds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from bench.requests import phones
from onema.domain.ids import compose_id, time_of_id
from onema.domain.records import Attempt, Event, InboxItem, LedgerEntry, Message, Row
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
_INBOX = 99_000
"""Messages that the handset keeps at most, with room for a measurement's."""
_DAY_MS = 86_400_000

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
        # 32 in each millisecond: as dense as the ids of a busy server.
        new = {message: compose_id(started_at + number // 32, 0, number % 32), phone: f"+84{other[1:]}"}
        for row in rows:
            yield tuple(new.get(value, value) for value in row)
