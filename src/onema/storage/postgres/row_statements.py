"""The statements of every table, derived from its row: one statement handles all rows of a table in a batch.

A parameter is one column of many rows (`unnest`), so that a statement's text does not depend on their number.
Rows that `lock_statement` found are changed by their place (`ctid`), which spares looking them up and locking them
again: a locked row stays where it is. A place names a row of one table only, so rows of partitioned tables are
changed by their keys. Reads of partitioned tables are also told the smallest and largest value of the partition
column, so that the executor opens only partitions between them.
"""

import functools
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from onema.domain.records import Attempt, Event, LedgerEntry, Message, Row

PARTITIONED_BY: dict[type[Row], str] = {
    Message: "id",
    Attempt: "message",
    Event: "subject",
    LedgerEntry: "subject",
}
"""The tables that are partitioned by time, and the time-ordered id that they are partitioned by."""

_ARRAYS: dict[type, str] = {int: "bigint[]", str: "text[]", bytes: "bytea[]", bool: "boolean[]"}


class Place(bytes):
    """Where a locked row is."""


_ARRAYS[Place] = "tid[]"


class Save(Enum):
    """How rows of one table are saved: INSERT by COPY, the others by one parameter per column. UPDATE and DELETE
    take rows that were locked, UPSERT any rows.
    """

    INSERT = auto()
    UPSERT = auto()
    UPDATE = auto()
    DELETE = auto()


class Column(NamedTuple):
    """One parameter: the values of a column, all of one type."""

    kind: type
    values: Sequence[Any]


def has_place(row: type[Row]) -> bool:
    """Whether `lock_statement` puts each row's place before its columns."""
    return row not in PARTITIONED_BY


@functools.cache
def get_statement(row: type[Row]) -> str:
    """Rows by key, in the order of the keys."""
    return _by_keys(row, ", ".join(row.__struct_fields__), "OFFSET 0")


@functools.cache
def lock_statement(row: type[Row]) -> str:
    """The same, locked in that order, and with their places."""
    place = "ctid AS place, " if has_place(row) else ""
    return _by_keys(row, place + ", ".join(row.__struct_fields__), "FOR UPDATE")


def _by_keys(row: type[Row], columns: str, end: str) -> str:
    # What ends the inner query keeps the planner from joining any other way than key by key, in their order.
    key = row.__struct_fields__[: row.key_columns]
    kinds = _kinds(row)
    arrays, after = _arrays([kinds[column] for column in key])
    matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
    return (
        f"SELECT t.* FROM unnest({arrays}) AS k({', '.join(key)})"  # noqa: S608  # our own names
        f" CROSS JOIN LATERAL (SELECT {columns} FROM {row.table} t WHERE {matches}{_between(row, after)} {end}) t"
    )


def key_columns(row: type[Row], keys: Iterable[Sequence[Any]]) -> list[Column]:
    """The key arrays of `get_statement` and `lock_statement` for keys (row type first)."""
    columns = list(zip(*keys, strict=True))[1:]
    kinds = _kinds(row)
    return [Column(kinds[name], values) for name, values in zip(row.__struct_fields__, columns, strict=False)]


def key_bounds(row: type[Row], columns: Sequence[Column]) -> tuple[int, ...]:
    """What follows the key arrays."""
    if row not in PARTITIONED_BY:
        return ()
    ids = columns[row.__struct_fields__.index(PARTITIONED_BY[row])].values
    return min(ids), max(ids)


@functools.cache
def save_statement(save: Save, row: type[Row]) -> str:
    columns = row.__struct_fields__
    key, rest = columns[: row.key_columns], columns[row.key_columns :]
    kinds = _kinds(row)
    if save is Save.INSERT:
        return f"COPY {row.table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    if save is Save.UPSERT:
        arrays, _ = _arrays([kinds[column] for column in columns])
        values = ", ".join(f"{column} = excluded.{column}" for column in rest)
        return (
            f"INSERT INTO {row.table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608  # our own names
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"
        )
    found_by = ("ctid",) if has_place(row) else key
    matches = " AND ".join(f"t.{column} = k.{column.replace('ctid', 'place')}" for column in found_by)
    taken = [Place] if has_place(row) else [kinds[column] for column in key]
    names = ["place"] if has_place(row) else list(key)
    if save is Save.DELETE:
        arrays, _ = _arrays(taken)
        return f"DELETE FROM {row.table} t USING unnest({arrays}) AS k({', '.join(names)}) WHERE {matches}"  # noqa: S608  # our own names
    if not has_place(row):
        raise ValueError(f"rows of {row.table} are changed by UPSERT")
    arrays, _ = _arrays(taken + [kinds[column] for column in rest])
    values = ", ".join(f"{column} = k.{column}" for column in rest)
    return (
        f"UPDATE {row.table} t SET {values}"  # noqa: S608  # our own names
        f" FROM unnest({arrays}) AS k({', '.join((*names, *rest))}) WHERE {matches}"
    )


def save_columns(row: type[Row], rows: Iterable[Row]) -> list[Column]:
    """The parameters of UPSERT; of UPDATE too, once places stand for the keys."""
    columns = zip(*map(msgspec.structs.astuple, rows), strict=True)
    return list(map(Column, _kinds(row).values(), columns))


@functools.cache
def _kinds(row: type[Row]) -> dict[str, type]:
    return {field.name: field.type for field in msgspec.structs.fields(row)}


def _arrays(kinds: Sequence[type]) -> tuple[str, int]:
    """(arrays to unnest, number of the next parameter)."""
    arrays = ", ".join(f"${number}::{_ARRAYS[kind]}" for number, kind in enumerate(kinds, 1))
    return arrays, len(kinds) + 1


def _between(row: type[Row], first: int) -> str:
    if row not in PARTITIONED_BY:
        return ""
    return f" AND t.{PARTITIONED_BY[row]} BETWEEN ${first}::bigint AND ${first + 1}::bigint"


row_type_of = itemgetter(0)
"""A key's row type."""
