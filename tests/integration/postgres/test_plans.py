"""Every statement finds rows by index, also when it was planned while the tables were empty."""

import pytest

from onema.domain.tables import TABLES
from onema.storage.postgres.link import connect
from onema.storage.postgres.row_statements import (
    FEW,
    Save,
    get_statement,
    has_place,
    lock_statement,
    save_statement,
)
from onema.storage.statements import named_statements

from .conftest import OpenStorage

NO_PLAN = ("schema_version_table", "keep_batches_out", "let_go_at_commit", "close_ledger")
SMALL = (
    "works_from",
    "invitations",
    "sweep_process_reports",
    "directory_since",
    "end_lost_sessions",
    "server_state",
)
"""What they read has few rows."""
WHOLE = ("codes_after", "bring_forward")
"""These look through a whole table, after a clock was ahead."""

STATEMENTS = {
    **{f"get {row.table}": get_statement(row) for row in TABLES},
    **{
        f"lock {few or 'many'} {row.table}": lock_statement(row, few)
        for row in TABLES
        for few in range(FEW + 1)
    },
    **{
        f"{save.name.lower()} {few or 'many'} {row.table}": save_statement(save, row, few)
        for row in TABLES
        for few in range(FEW + 1)
        for save in Save
        if (save is not Save.UPDATE or has_place(row)) and (few or save is not Save.INSERT)
    },
    **{
        name: statement
        for name, statement in named_statements("postgres.sql").items()
        if name not in (*NO_PLAN, *SMALL, *WHOLE)
    },
}

WASTEFUL = ("Seq Scan", "Hash Join", "Merge Join", "Materialize", "Join Filter", "hashed SubPlan")


@pytest.fixture
async def ready(open_storage: OpenStorage) -> None:
    await open_storage()


@pytest.mark.usefixtures("ready")
async def test_no_statement_reads_a_whole_table(dsn: str) -> None:
    """In the generic plan over empty tables no node reads more than its keys ask for, or reads it again for each."""
    connection = await connect(dsn, "plans")
    wrong = {}
    for name, statement in STATEMENTS.items():
        await connection.execute(f"PREPARE checked AS {statement}")
        ((parameters,),) = await connection.fetch(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'checked'"
        )
        nulls = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        plan = "\n".join(line for (line,) in await connection.fetch(f"EXPLAIN EXECUTE checked{nulls}"))
        await connection.execute("DEALLOCATE checked")
        if any(word in plan for word in WASTEFUL):
            wrong[name] = plan
    await connection.close()
    assert wrong == {}
