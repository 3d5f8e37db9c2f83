"""The array statements of every table, derived from its row: one statement handles all rows of a batch.

A parameter is one column of many rows (`unnest`), so that a statement's text does not depend on their number.
Numbers and texts travel as array literals: the driver asks of every element of a list whether it is itself a
container, which costs more than all the rest of its work (asyncpg 0.32; 8 us per row of 20 columns against 3).

Partitioned tables are also told the smallest and largest value of the partition column, so that the executor
opens only partitions between them.
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
    """How rows of one table are saved."""

    INSERT = auto()
    UPDATE = auto()
    UPSERT = auto()
    DELETE = auto()


Shape = tuple[tuple[Save, type[Row]], ...]


@functools.cache
def get_statement(row: type[Row], *, lock: bool) -> str:
    """Rows by key, in the order of the keys; with `lock`, locked in that order."""
    key = row.__struct_fields__[: row.key_columns]
    columns = ", ".join(f"t.{column}" for column in row.__struct_fields__)
    arrays, _ = _arrays(row, key, 1)
    matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
    order = " ORDER BY k.nth FOR UPDATE OF t" if lock else ""
    return (
        f"SELECT {columns} FROM unnest({arrays}) WITH ORDINALITY AS k({', '.join(key)}, nth)"  # noqa: S608  # our own names
        f" JOIN {row.table} t ON {matches}{_between(row, len(key) + 1)}{order}"
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
    if save is Save.DELETE:
        return get_parameters(row, rows)
    columns = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
    return [*map(_parameter, columns), *(_bounds(row, columns) if save is Save.UPDATE else ())]


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
    matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
    if save is Save.DELETE:
        arrays, after = _arrays(row, key, first)
        text = (
            f"DELETE FROM {row.table} t USING unnest({arrays}) AS k({', '.join(key)})"  # noqa: S608  # our own names
            f" WHERE {matches}{_between(row, after)}"
        )
        return text, after + _extra(row)
    arrays, after = _arrays(row, columns, first)
    if save is Save.UPDATE:
        values = ", ".join(f"{column} = k.{column}" for column in rest)
        text = (
            f"UPDATE {row.table} t SET {values} FROM unnest({arrays}) AS k({', '.join(columns)})"  # noqa: S608  # our own names
            f" WHERE {matches}{_between(row, after)}"
        )
        return text, after + _extra(row)
    text = f"INSERT INTO {row.table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608  # our own names
    if save is Save.UPSERT:
        values = ", ".join(f"{column} = excluded.{column}" for column in rest)
        text += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"
    return text, after


def _arrays(row: type[Row], columns: Sequence[str], first: int) -> tuple[str, int]:
    types = {field.name: _ARRAYS[field.type] for field in msgspec.structs.fields(row)}
    arrays = (f"${number}::{types[column]}" for number, column in enumerate(columns, first))
    return ", ".join(arrays), first + len(columns)


def _extra(row: type[Row]) -> int:
    return 2 if row in PARTITIONED_BY else 0


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
