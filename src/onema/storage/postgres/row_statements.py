"""The array statements of every table, derived from its row: one statement handles all rows of a batch.

A parameter is one column of many rows (`unnest`), so that a statement's text does not depend on their number.
Numbers and texts travel as array literals: the driver asks of every element of a list whether it is itself a
container, which costs more than all the rest of its work (asyncpg 0.32; 8 us per row of 20 columns against 3).

Reads of partitioned tables are also told the smallest and largest value of the partition column, so that the
executor opens only partitions between them.
"""

import functools
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from operator import itemgetter
from typing import Any

import msgspec

from onema.domain.records import Attempt, Event, LedgerEntry, Message, Row

PARTITIONED_BY: dict[type[Row], str] = {
    Message: "id",
    Attempt: "message",
    Event: "subject",
    LedgerEntry: "subject",
}
"""The tables that are partitioned by time, and the time-ordered id that they are partitioned by."""

_ARRAYS = {int: "text::bigint[]", str: "text::text[]", bytes: "bytea[]", bool: "boolean[]"}


class Save(Enum):
    """How rows of one table are saved. UPSERT also changes rows that are known to exist: UPDATE ... FROM unnest()
    costs the same, but is a join, which the planner may get wrong.
    """

    INSERT = auto()
    UPSERT = auto()
    DELETE = auto()


Shape = tuple[tuple[Save, type[Row]], ...]


@functools.cache
def get_statement(row: type[Row], *, lock: bool) -> str:
    """Rows by key, in the order of the keys; with `lock`, locked in that order."""
    key = row.__struct_fields__[: row.key_columns]
    columns = ", ".join(row.__struct_fields__)
    arrays, after = _arrays(row, key, 1)
    matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
    # What ends the inner query keeps the planner from joining any other way than key by key, in their order.
    end = "FOR UPDATE" if lock else "OFFSET 0"
    return (
        f"SELECT t.* FROM unnest({arrays}) AS k({', '.join(key)})"  # noqa: S608  # our own names
        f" CROSS JOIN LATERAL (SELECT {columns} FROM {row.table} t WHERE {matches}{_between(row, after)} {end}) t"
    )


def get_parameters(row: type[Row], keys: Iterable[Sequence[Any]]) -> list[Any]:
    """The parameters of `get_statement` for keys (row type first)."""
    columns = list(zip(*keys, strict=True))[1:]
    return [*map(_parameter, columns), *_bounds(row, columns)]


@functools.lru_cache(maxsize=400)
def save_statement(shape: Shape) -> str:
    """One statement that makes all changes of a batch and remembers its id, which is the last parameter."""
    parts = []
    first = 1
    for number, (save, row) in enumerate(shape):
        text, first = _save(save, row, first)
        parts.append(f"part_{number} AS ({text})")
    with_parts = f"WITH {', '.join(parts)} " if parts else ""
    return f"{with_parts}INSERT INTO batches (id) VALUES (${first})"  # noqa: S608  # our own names


def save_parameters(save: Save, row: type[Row], rows: Sequence[Any]) -> list[Any]:
    """One part's parameters; `rows` are keys (row type first) for DELETE, rows otherwise."""
    columns = list(zip(*(rows if save is Save.DELETE else map(msgspec.structs.astuple, rows)), strict=True))
    if save is Save.DELETE:
        del columns[0]
    return [_parameter(column) for column in columns]


def _parameter(column: Sequence[Any]) -> Any:
    """One column's values as its array is sent."""
    kind = type(column[0])
    if issubclass(kind, int) and kind is not bool:
        return f"{{{','.join(map(str, column))}}}"
    if issubclass(kind, str):
        return f"{{{','.join(map(_Quoted().__getitem__, column))}}}"
    return column


class _Quoted(dict[str, str]):
    """Texts as elements of an array literal; a batch repeats most of them.

    https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
    """

    def __missing__(self, text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        quoted = self[text] = f'"{escaped}"'
        return quoted


def _save(save: Save, row: type[Row], first: int) -> tuple[str, int]:
    """(statement, number of the next parameter)."""
    columns = row.__struct_fields__
    key, rest = columns[: row.key_columns], columns[row.key_columns :]
    if save is Save.DELETE:
        arrays, after = _arrays(row, key, first)
        matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
        keys = f"unnest({arrays}) AS k({', '.join(key)})"
        return f"DELETE FROM {row.table} t USING {keys} WHERE {matches}", after  # noqa: S608  # our own names
    arrays, after = _arrays(row, columns, first)
    text = f"INSERT INTO {row.table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608  # our own names
    if save is Save.UPSERT:
        values = ", ".join(f"{column} = excluded.{column}" for column in rest)
        text += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"
    return text, after


def _arrays(row: type[Row], columns: Sequence[str], first: int) -> tuple[str, int]:
    types = {field.name: _ARRAYS[field.type] for field in msgspec.structs.fields(row)}
    arrays = (f"${number}::{types[column]}" for number, column in enumerate(columns, first))
    return ", ".join(arrays), first + len(columns)


def _between(row: type[Row], first: int) -> str:
    if row not in PARTITIONED_BY:
        return ""
    return f" AND t.{PARTITIONED_BY[row]} BETWEEN ${first} AND ${first + 1}"


def _bounds(row: type[Row], columns: Sequence[Sequence[Any]]) -> list[Any]:
    if row not in PARTITIONED_BY:
        return []
    ids = columns[row.__struct_fields__.index(PARTITIONED_BY[row])]
    return [min(ids), max(ids)]


row_type_of = itemgetter(0)
"""A key's row type."""
