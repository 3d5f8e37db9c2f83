"""Every statement of the hot path finds rows by index, also when it was planned while the tables were empty."""

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
        name: named_statements("postgres.sql")[name]
        for name in (
            "lease_jobs",
            "lease_callbacks",
            "dead_jobs",
            "sweep_live_verifications",
            "oldest_due",
            "sweep_windows",
            "sweep_guard_subjects",
            "sweep_carrier_references",
            "sweep_recent_refusals",
            "sweep_batches",
            "messages",
            "ledger",
            "ledger_sum",
            "attempts_of_message",
            "events_of_subject",
            "ledger_of_subject",
            "inbox_of_phone",
        )
    },
}

WASTEFUL = ("Seq Scan", "Hash Join", "Merge Join", "Materialize", "Join Filter")


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
        nulls = ", ".join(["NULL"] * parameters)
        plan = "\n".join(line for (line,) in await connection.fetch(f"EXPLAIN EXECUTE checked({nulls})"))
        await connection.execute("DEALLOCATE checked")
        if any(word in plan for word in WASTEFUL):
            wrong[name] = plan
    await connection.close()
    assert wrong == {}
