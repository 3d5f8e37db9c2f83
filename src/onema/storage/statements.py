"""The four plain statements of every table, derived from its row, and the named statements of a .sql file."""

import functools
import importlib.resources
import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from onema.domain.records import Row
from onema.domain.statistics import WITHIN_SECONDS, MessagesAlike
from onema.storage.contract import StorageError


class PlainStatements(NamedTuple):
    """One row by its primary key; parameters are `?`, in column order."""

    get: str
    upsert: str
    insert: str
    update: str
    delete: str


@functools.cache
def plain_statements(row: type[Row]) -> PlainStatements:
    columns = row.__struct_fields__
    key, rest = columns[: row.key_columns], columns[row.key_columns :]
    by_key = " AND ".join(f"{column} = ?" for column in key)
    insert = f"INSERT INTO {row.table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608  # our own names
    updates = ", ".join(f"{column} = excluded.{column}" for column in rest)
    return PlainStatements(
        get=f"SELECT {', '.join(columns)} FROM {row.table} WHERE {by_key}",  # noqa: S608  # our own names
        upsert=f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}",
        insert=insert,
        update=f"UPDATE {row.table} SET {_numbered(rest, len(key))} WHERE {_numbered(key, 0, ' AND ')}",  # noqa: S608  # our own names
        delete=f"DELETE FROM {row.table} WHERE {by_key}",  # noqa: S608  # our own names
    )


@functools.cache
def rows_after(row: type[Row], *, parameter: str, begins: bool) -> str:
    """The next rows of a table by ascending key, of which the first parameters are the last one's, and the last how
    many; from the beginning where it `begins`. Parameters are `parameter` with a number.
    """
    columns = row.__struct_fields__
    key = ", ".join(columns[: row.key_columns])
    given = ", ".join(f"{parameter}{number}" for number in range(1, row.key_columns + 1))
    behind = "" if begins else f" WHERE ({key}) > ({given})"
    limit = 1 if begins else row.key_columns + 1
    return f"SELECT {', '.join(columns)} FROM {row.table}{behind} ORDER BY {key} LIMIT {parameter}{limit}"  # noqa: S608  # our own names


def _numbered(columns: Sequence[str], first: int, between: str = ", ") -> str:
    """Each column with the parameter that has its place in the row."""
    return between.join(f"{column} = ?{number}" for number, column in enumerate(columns, first + 1))


@functools.cache
def named_statements(file: str) -> dict[str, str]:
    """The blocks of queries/`file`, each headed by `-- name --` and one line that says what it does."""
    text = importlib.resources.files("onema.storage").joinpath("queries", file).read_text()
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def alike(row: Sequence[Any]) -> MessagesAlike:
    """What `count_messages` answers with: its last columns are one value."""
    values: tuple[Any, ...] = (*row[: -len(WITHIN_SECONDS)], tuple(row[-len(WITHIN_SECONDS) :]))
    return MessagesAlike(*values)


class Migration(NamedTuple):
    """A step of the schema. Code whose newest migration is `works_from` or later may work on what it makes, as its
    first line says; older code must not.
    """

    number: int
    works_from: int
    script: str


Migrations = tuple[Migration, ...]
_WORKS_FROM = re.compile(r"-- works with code from: (\d+)\n")


@functools.cache
def migrations(engine: str) -> Migrations:
    """Every migration of an engine, in order."""
    folder = importlib.resources.files("onema.storage").joinpath("migrations", engine)
    return tuple(sorted(_migration(file) for file in folder.iterdir() if file.name[:4].isdigit()))


def _migration(file: Traversable) -> Migration:
    script = file.read_text()
    header = _WORKS_FROM.match(script)
    if header is None:
        raise ValueError(f"{file.name} must begin with the line `-- works with code from: N`")
    return Migration(int(file.name.split("_")[0]), int(header[1]), script)


def refuse_to_work_on(found: int, works_from: int, known: int) -> None:
    """Raises StorageError unless code that knows schema `known` may work on schema `found`, all of whose migrations
    work with code from `works_from` on.
    """
    if found > known and works_from > known:
        raise StorageError(
            f"the store has schema {found}, newer than this version's {known}, and only versions that know at least "
            f"schema {works_from} may work on it: install the newer version again, or restore the backup from before it"
        )
