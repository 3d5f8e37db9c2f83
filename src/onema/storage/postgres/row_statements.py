"""The statements of every table, derived from its row: one statement handles all rows of a table in a batch.

A parameter is one column of many rows (`unnest`), so that a statement's text does not depend on their number; of a few
rows each value is one (VALUES), which is cheaper for both sides and leaves as many texts as there are few.
Rows that `lock_statement` found are changed by their place (`ctid`), which spares looking them up and locking them
again: a locked row stays where it is. A place names a row of one table only, so rows of partitioned tables are
changed by their keys. Reads of partitioned tables are also told the smallest and largest value of the partition
column, so that the executor opens only partitions between them.
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from operator import itemgetter
from typing import Any, NamedTuple

from onema.domain.records import Attempt, Call, Event, LedgerEntry, Message, Row, column_types
from onema.storage.postgres.binary_values import Place

PARTITIONED_BY: dict[type[Row], str] = {
    Message: "id",
    Attempt: "message",
    Call: "message",
    Event: "subject",
    LedgerEntry: "subject",
}
"""The tables that are partitioned by time, and the time-ordered id that they are partitioned by."""

FEW = 4
"""So many rows are spelled out. docs/decisions/0020-postgresql.md says what that saves."""


_TYPES: dict[type, str] = {int: "bigint", str: "text", bytes: "bytea", bool: "boolean", Place: "tid"}


class Save(Enum):
    """How rows of one table are saved: INSERT of more than a few by COPY, all else by parameters. UPDATE and DELETE
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


def spelled_out(count: int) -> int:
    """What the statements take as `few` for so many rows: 0 where parameters are columns."""
    return count if count <= FEW else 0


@functools.cache
def get_statement(row: type[Row]) -> str:
    """Rows by key, in the order of the keys."""
    return _by_keys(row, ", ".join(row.__struct_fields__), "OFFSET 0", 0)


@functools.cache
def lock_statement(row: type[Row], few: int = 0) -> str:
    """The same, locked in that order, and with their places."""
    place = "ctid AS place, " if has_place(row) else ""
    return _by_keys(row, place + ", ".join(row.__struct_fields__), "FOR UPDATE", few)


def _by_keys(row: type[Row], columns: str, end: str, few: int) -> str:
    # What ends the inner query keeps the planner from joining any other way than key by key, in their order.
    key = row.__struct_fields__[: row.key_columns]
    given, after = _given(key_kinds(row), key, few)
    matches = " AND ".join(f"t.{column} = k.{column}" for column in key)
    return (
        f"SELECT t.* FROM {given}"  # noqa: S608  # our own names
        f" CROSS JOIN LATERAL (SELECT {columns} FROM {row.table} t WHERE {matches}{_between(row, after)} {end}) t"
    )


def key_columns(row: type[Row], keys: Iterable[Sequence[Any]]) -> list[Column]:
    """The key arrays of `get_statement` and `lock_statement` for keys (row type first)."""
    columns = list(zip(*keys, strict=True))[1:]
    kinds = column_types(row)
    return [Column(kinds[name], values) for name, values in zip(row.__struct_fields__, columns, strict=False)]


def key_bounds(row: type[Row], keys: Iterable[Sequence[Any]]) -> tuple[int, ...]:
    """What follows the keys."""
    if row not in PARTITIONED_BY:
        return ()
    ids = [key[1 + row.__struct_fields__.index(PARTITIONED_BY[row])] for key in keys]
    return min(ids), max(ids)


@functools.cache
def save_statement(save: Save, row: type[Row], few: int = 0) -> str:
    columns = row.__struct_fields__
    key, rest = columns[: row.key_columns], columns[row.key_columns :]
    if save is Save.INSERT and not few:
        return f"COPY {row.table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    if save in (Save.INSERT, Save.UPSERT):
        given, _ = _given(save_kinds(save, row), columns, few)
        insert = f"INSERT INTO {row.table} ({', '.join(columns)}) SELECT * FROM {given}"  # noqa: S608  # our own names
        if save is Save.INSERT:
            return insert
        values = ", ".join(f"{column} = excluded.{column}" for column in rest)
        return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"
    found_by = ("ctid",) if has_place(row) else key
    matches = " AND ".join(f"t.{column} = k.{column.replace('ctid', 'place')}" for column in found_by)
    names = ("place",) if has_place(row) else key
    if save is Save.DELETE:
        given, _ = _given(save_kinds(save, row), names, few)
        return f"DELETE FROM {row.table} t USING {given} WHERE {matches}"  # noqa: S608  # our own names
    if not has_place(row):
        raise ValueError(f"rows of {row.table} are changed by UPSERT")
    given, _ = _given(save_kinds(save, row), (*names, *rest), few)
    values = ", ".join(f"{column} = k.{column}" for column in rest)
    return f"UPDATE {row.table} t SET {values} FROM {given} WHERE {matches}"  # noqa: S608  # our own names


@functools.cache
def key_kinds(row: type[Row]) -> Sequence[type]:
    return tuple(column_types(row).values())[: row.key_columns]


@functools.cache
def save_kinds(save: Save, row: type[Row]) -> Sequence[type]:
    """The types of what is given of each row; the place, where it has one, stands for its key."""
    kinds = tuple(column_types(row).values())
    if save in (Save.INSERT, Save.UPSERT):
        return kinds
    found_by = (Place,) if has_place(row) else key_kinds(row)
    return found_by if save is Save.DELETE else (*found_by, *kinds[row.key_columns :])


def _given(kinds: Sequence[type], names: Sequence[str], few: int) -> tuple[str, int]:
    """(the parameters as a table `k`, number of the next parameter): `few` rows, or arrays of any number."""
    if not few:
        arrays = ", ".join(f"${number}::{_TYPES[kind]}[]" for number, kind in enumerate(kinds, 1))
        return f"unnest({arrays}) AS k({', '.join(names)})", len(kinds) + 1
    parameters = (f"${number}::{_TYPES[kind]}" for number, kind in enumerate([*kinds] * few, 1))
    rows = ", ".join(f"({', '.join(itertools.islice(parameters, len(kinds)))})" for _ in range(few))
    return f"(VALUES {rows}) AS k({', '.join(names)})", few * len(kinds) + 1


def _between(row: type[Row], first: int) -> str:
    if row not in PARTITIONED_BY:
        return ""
    return f" AND t.{PARTITIONED_BY[row]} BETWEEN ${first}::bigint AND ${first + 1}::bigint"


row_type_of = itemgetter(0)
"""A key's row type."""
