"""Writes down what this version asks of its database, for the versions that come after it.

    .venv/bin/python -m tests.integration.freeze_statements

runs every statement of this version with sample values on an empty store of each engine, and keeps statements, values
and answers in previous_statements/VERSION.json. Later versions replay that conversation on their schema
(test_rolling_upgrade.py): whatever the old code sends must work and be answered as before. Run it once for each
release, on the commit that is released, and never again for that version.
"""

import asyncio
import base64
import contextlib
import json
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec

from onema import __version__
from onema.domain.records import Row
from onema.domain.tables import TABLES
from onema.storage.postgres.link import Connection, connect
from onema.storage.postgres.row_statements import (
    Column,
    Save,
    get_statement,
    has_place,
    key_bounds,
    key_columns,
    lock_statement,
    save_statement,
)
from onema.storage.postgres.storage import PostgresStorage
from onema.storage.sqlite.storage import SqliteStorage
from onema.storage.statements import named_statements, plain_statements
from onema.testing.conformance.storage import sample
from onema.testing.postgres_server import PostgresServer, running_server

FOLDER = Path(__file__).parent / "previous_statements"

Step = dict[str, Any]
"""`what` it is, its `sql`, its `parameters`, and the `rows` that it must be answered with. With `copy`, a table, it is
a COPY of `parameters`, one row, into `columns`.
"""

SQLITE_SAMPLES: dict[str, Any] = {
    "account": 1,
    "accounts": "[1]",
    "account_name": "text 2",
    "after": 0,
    "amount": 0,
    "at": 3,
    "before": 9,
    "carrier": "",
    "categories": '["text"]',
    "channel": "sms",
    "cut": 1,
    "dialect": "text 2",
    "elsewhere": "[]",
    "entry": 9,
    "first": 1,
    "id": 9,
    "keep": 1,
    "kind": "closing",
    "kinds": '["sms"]',
    "latest": 9,
    "left_before": 0,
    "limit": 5,
    "message": 1,
    "moment": 0,
    "of_account": "text 2",
    "most": 5,
    "now": 10,
    "oldest": 0,
    "part": "text",
    "phone": "text 2",
    "revision": 0,
    "subject": 1,
    "share": 2,
    "skip": 0,
    "slot": 1,
    "named": True,
    "phones": '["text 2"]',
    "reference": "text",
    "state": "",
    "terms": "[1]",
    "ids": "[1]",
    "last": 9,
    "full": "[]",
    "until": 20,
    "without": 1,
    "shortest": 2,
}
"""Values of the named statements' parameters; the rows of `_samples` are there, changed."""

SQLITE_LEFT_OUT = {
    "works_from": "differs by design",
    "migration_applied": "old code applies no migration to a newer schema",
}

FIRST_PLACE = {"place": [0, 1]}
"""Where the first row of a table is; nothing is there any more when it is deleted, and that is an answer too."""

POSTGRES_SAMPLES: dict[str, tuple[Any, ...]] = {
    "batch_saved": (900, 9),
    "refuse_outdated": (9,),
    "settle_batch": (900,),
    "sweep_batches": (950,),
    "lease_jobs": (10, 20, 5, ["sms"], [], 0),
    "oldest_due": (10, 5),
    "lease_callbacks": (10, 20, 5, 2, []),
    "dead_jobs": (9, 5),
    "audit": (9, 9, 5),
    "audit_of_account": ("text 2", 9, 9, 5),
    "drop_dead_jobs": (1,),
    "sweep_live_verifications": (10, 5),
    "sweep_windows": (10, 5),
    "sweep_guard_subjects": (10, 5),
    "sweep_carrier_references": (10, 5),
    "sweep_recent_refusals": (10, 5),
    "process_reports": (),
    "sweep_process_reports": (10, 5),
    "sweep_node_keys": (10, 5),
    "live_figures": (1,),
    "has_messages": ([1], 1, 9),
    "count_messages": ([1], 1, 9, 5, 1, 2),
    "sweep_statistics": (10, 5),
    "first_attempts": (1, 1, 9, 5),
    "newest_part": (1,),
    "nth_newest": (1, 0, 9, 0),
    "scan_messages": (1, 0, 9, True, ["text 2"], "text", "", 5),
    "forget_terms": (1, [1]),
    "codes_of_phone": (1, "text 2"),
    "windows_of_phone": (1, "text 2"),
    "guard_of_phone": (1, "text 2"),
    "named_messages": (1, 0, 9, [1], 5),
    "messages_of_ids": (1, [1]),
    "next_part": (1, 0, 9, 5),
    "make_part": (1, 9, 1, [1], [1]),
    "accounts_with_money": (),
    "drop_parts": (1,),
    "drop_parts_of_account": (1, 1),
    "forget_ended": (1, 1, 5),
    "sweep_live_figures": (10, 5),
    "sweep_request_keys": (10, 5),
    "invitations": ("text 2", 5),
    "sweep_invitations": (10, 5),
    "sweep_login_tries": (10, 5),
    "trim_inbox": (1, 0),
    "unmatched_receipts": ("text", 5),
    "trim_unmatched_receipts": (1,),
    "windows_after": (0,),
    "codes_after": (0,),
    "bring_forward": ("closing", 9, 10),
    "directory_since": (0,),
    "directory_size": (),
    "directory_names": ("", "", 5),
    "directory_revision": (),
    "directory": (),
    "attempts_of_message": (1, 1),
    "calls_of_message": (1, 1),
    "calls": (1, 9, 5),
    "events_of_subject": (1, 1),
    "ledger_of_subject": (1, 1),
    "events": (1, 9, 9, 5),
    "messages": (1, 9, 5),
    "messages_together": (1, 1, 9, 5),
    "sent": (1, 1, 9, "text 2", ["text"], "sms", 5, 0),
    "count_sent": (1, 1, 9, "text 2", ["text"], "sms", 5),
    "codes": (1, 1, 9, "text 2", ["text"], 5),
    "ledger": (1, 5, 9, ""),
    "ledger_sum": (1,),
    "inbox": (0, 5),
    "inbox_phones": ("text", 5),
    "inbox_of_phone": (0, 5, "text 2"),
    "schema_version_table": (),
}
POSTGRES_LEFT_OUT = {
    "schema_version": "differs by design",
    "works_from": "differs by design",
    "migration_applied": "old code applies no migration to a newer schema",
    "end_lost_sessions": "touches no table of ours",
    "keep_batches_out": "it locks a table, which only a transaction can",
    "claim_moving": "touches no table of ours",
    "announce_directory": "touches no table of ours",
    "let_go_at_commit": "touches no table of ours",
    "wait_for_disk": "touches no table of ours",
    "now": "touches no table of ours",
    "partitions": "touches no table of ours",
    "server_state": "touches no table of ours",
    "close_ledger": "its text is made when it runs",
}


async def sqlite_steps(path: Path) -> list[Step]:
    """The conversation with a new database at `path`."""
    storage = SqliteStorage(path)
    await storage.open()
    await storage.close()
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        return [{**step, "rows": run_on_sqlite(connection, step)} for step in _sqlite_statements()]


async def postgres_steps(dsn: str) -> list[Step]:
    """The conversation with an empty database."""
    storage = PostgresStorage(dsn)
    await storage.open()
    await storage.close()
    connection = await connect(dsn, "onema test")
    steps = [{**step, "rows": await run_on_postgres(connection, step)} for step in _postgres_statements()]
    await connection.close(timeout=5)
    return steps


def run_on_sqlite(connection: apsw.Connection, step: Step) -> list[list[Any]]:
    """The answer, as JSON can hold it."""
    rows = connection.execute(step["sql"], decoded(step["parameters"])).fetchall()
    return [encoded(row) for row in rows]


async def run_on_postgres(connection: Connection, step: Step) -> list[list[Any]]:
    if "copy" in step:
        records = [tuple(decoded(step["parameters"]))]
        await connection.copy_records_to_table(step["copy"], records=records, columns=step["columns"])
        return []
    rows = await connection.fetch(step["sql"], *decoded(step["parameters"]))
    return [encoded(tuple(row)) for row in rows]


def encoded(value: Any) -> Any:
    """For JSON: bytes are {"base64": ...}, tuples are lists."""
    match value:
        case bytes():
            return {"base64": base64.b64encode(value).decode()}
        case list() | tuple():
            return [encoded(each) for each in value]
        case _:
            return value


def decoded(value: Any) -> Any:
    match value:
        case {"base64": text}:
            return base64.b64decode(text)
        case {"place": [block, offset]}:
            return block, offset
        case list():
            return [decoded(each) for each in value]
        case _:
            return value


def _sqlite_statements() -> Iterator[Step]:
    for row_type in TABLES:
        plain, table = plain_statements(row_type), row_type.table
        row, key, changed = _samples(row_type)
        yield _step(f"{table}: insert", plain.insert, msgspec.structs.astuple(row))
        yield _step(f"{table}: get", plain.get, key)
        yield _step(f"{table}: upsert", plain.upsert, msgspec.structs.astuple(changed))
        yield _step(f"{table}: get what was changed", plain.get, key)
        yield _step(f"{table}: update", plain.update, msgspec.structs.astuple(row))
    for name, sql in named_statements("sqlite.sql").items():
        if name in SQLITE_LEFT_OUT:
            continue
        parameters = sorted(set(re.findall(r":([a-z_]+)", sql)))
        yield _step(name, sql, {parameter: SQLITE_SAMPLES[parameter] for parameter in parameters})
    for row_type in TABLES:
        yield _step(f"{row_type.table}: delete", plain_statements(row_type).delete, _samples(row_type)[1])


def _postgres_statements() -> Iterator[Step]:
    for row_type in TABLES:
        table = row_type.table
        row, _, changed = _samples(row_type)
        key = [*_values(key_columns(row_type, [row.key])), *key_bounds(row_type, [row.key])]
        yield {
            **_step(f"{table}: insert", save_statement(Save.INSERT, row_type), msgspec.structs.astuple(row)),
            "copy": table,
            "columns": list(row_type.__struct_fields__),
        }
        yield _step(f"{table}: lock", lock_statement(row_type), key)
        values = [[value] for value in msgspec.structs.astuple(changed)]
        if has_place(row_type):
            parameters = [[FIRST_PLACE], *values[row_type.key_columns :]]
            yield _step(f"{table}: update", save_statement(Save.UPDATE, row_type), parameters)
        yield _step(f"{table}: upsert", save_statement(Save.UPSERT, row_type), values)
        yield _step(f"{table}: get", get_statement(row_type), key)
        one, key_of_one, changed = _samples(row_type, 3)
        values_of_one = msgspec.structs.astuple(one)
        yield _step(f"{table}: insert one", save_statement(Save.INSERT, row_type, 1), values_of_one)
        locked = (*key_of_one, *key_bounds(row_type, [one.key]))
        yield _step(f"{table}: lock one", lock_statement(row_type, 1), locked)
        values_of_one = msgspec.structs.astuple(changed)
        yield _step(f"{table}: upsert one", save_statement(Save.UPSERT, row_type, 1), values_of_one)
    for name, sql in named_statements("postgres.sql").items():
        if name not in POSTGRES_LEFT_OUT:
            yield _step(name, sql, POSTGRES_SAMPLES[name])
    for row_type in TABLES:
        key = _values(key_columns(row_type, [_samples(row_type)[0].key]))
        found_by = [[FIRST_PLACE]] if has_place(row_type) else key
        yield _step(f"{row_type.table}: delete", save_statement(Save.DELETE, row_type), found_by)


def _values(columns: Iterable[Column]) -> list[Any]:
    return [values for _, values in columns]


def _samples(row_type: type[Row], number: int = 1) -> tuple[Row, tuple[Any, ...], Row]:
    """The row of this number, its key's values, and another row with that key."""
    row, other = sample(row_type, number), sample(row_type, number + 1)
    names = row_type.__struct_fields__[: row_type.key_columns]
    values = tuple(getattr(row, name) for name in names)
    return row, values, msgspec.structs.replace(other, **dict(zip(names, values, strict=True)))


def _step(what: str, sql: str, parameters: Any) -> Step:
    return {"what": what, "sql": sql, "parameters": encoded(parameters)}


async def freeze(server: PostgresServer, folder: Path) -> dict[str, list[Step]]:
    """By engine: what this version asks, and what it is answered."""
    return {
        "sqlite": await sqlite_steps(folder / "onema.db"),
        "postgres": await postgres_steps(server.create_database(f"frozen_{secrets.token_hex(4)}")),
    }


async def _freeze() -> dict[str, list[Step]]:
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        return await freeze(server, Path(folder))


def _lines(steps: list[Step]) -> str:
    return ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{__version__}.json"
    conversations = asyncio.run(_freeze())
    # A line for each step, so that a difference between releases can be read.
    engines = (f'"{engine}": [\n{_lines(steps)}\n]' for engine, steps in conversations.items())
    file.write_text("{" + ",\n".join(engines) + "}\n")
    print(file)  # noqa: T201  # it is a script


if __name__ == "__main__":
    main()
