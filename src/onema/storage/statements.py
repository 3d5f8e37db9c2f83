"""The four plain statements of every table, derived from its row, and the named statements of a .sql file."""

import functools
import importlib.resources
import re
from typing import NamedTuple

from onema.domain.records import Row


class PlainStatements(NamedTuple):
    """One row by its primary key; parameters are `?`, in column order."""

    get: str
    upsert: str
    insert: str
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
        delete=f"DELETE FROM {row.table} WHERE {by_key}",  # noqa: S608  # our own names
    )


@functools.cache
def named_statements(file: str) -> dict[str, str]:
    """The blocks of queries/`file`, each headed by `-- name --` and one line that says what it does."""
    text = importlib.resources.files("onema.storage").joinpath("queries", file).read_text()
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@functools.cache
def migrations(engine: str) -> tuple[tuple[int, str], ...]:
    """(number, script) of every migration of an engine, in order."""
    folder = importlib.resources.files("onema.storage").joinpath("migrations", engine)
    return tuple(
        sorted(
            (int(file.name.split("_")[0]), file.read_text())
            for file in folder.iterdir()
            if file.name[:4].isdigit()
        )
    )
