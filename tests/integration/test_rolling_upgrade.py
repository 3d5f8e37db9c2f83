"""What earlier releases ask of the database, asked of this version's schema: during a rolling upgrade both run on it.

freeze_statements.py says where previous_statements/ comes from, docs/operations/upgrading.md what a migration may do.
"""

import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker
import pytest

from onema.domain.audit import AuditEntry
from onema.domain.delivery.gone_addresses import GoneAddress
from onema.domain.door_rows import Invitation, LoginTries, UserAccess
from onema.domain.guard.rows import GuardSubject
from onema.domain.live_figures import LiveFigures
from onema.domain.money.low_balance import LowBalance
from onema.domain.records import Call, ProcessReport, Row
from onema.domain.request_key import RequestKey
from onema.domain.server_keys.rows import NodeKeys
from onema.domain.statistics import Statistics
from onema.domain.tables import TABLES
from onema.storage.postgres import PostgresStorage
from onema.storage.postgres.link import Connection, connect
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.postgres_server import PostgresServer

from .freeze_statements import FOLDER, Step, freeze, run_on_postgres, run_on_sqlite

NEW_TABLES: set[type[Row]] = {
    AuditEntry,
    Call,
    GoneAddress,
    GuardSubject,
    Invitation,
    LiveFigures,
    LoginTries,
    LowBalance,
    NodeKeys,
    ProcessReport,
    RequestKey,
    Statistics,
    UserAccess,
}
"""Those that came after the newest frozen release; none once the next one is frozen."""

RELEASES = sorted(FOLDER.glob("*.json"))

each_release = pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
breaking_changes = pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE wallets RENAME COLUMN balance TO amount",
        "ALTER TABLE jobs DROP COLUMN in_flight",
        "ALTER TABLE top_ups RENAME TO bookings",
        "CREATE UNIQUE INDEX one_dialect ON messages (dialect, id); INSERT INTO wallets VALUES (1, 1)",
    ],
)
"""Changes of a schema that a release before them does not survive."""


def conversation(release: Path, engine: str) -> list[Step]:
    steps: list[Step] = json.loads(release.read_text())[engine]
    return steps


def sorted_rows(rows: list[list[Any]]) -> list[list[Any]]:
    """Servers of other versions may answer in another order, where a statement does not say it."""
    return sorted(rows, key=json.dumps)


async def replay_on_postgres(connection: Connection, release: Path) -> None:
    for step in conversation(release, "postgres"):
        answer = await run_on_postgres(connection, step)
        assert sorted_rows(answer) == sorted_rows(step["rows"]), step["what"]


def replay_on_sqlite(connection: apsw.Connection, release: Path) -> None:
    for step in conversation(release, "sqlite"):
        assert run_on_sqlite(connection, step) == step["rows"], step["what"]


@pytest.fixture
async def postgres(dsn: str) -> AsyncIterator[Connection]:
    """A connection to an empty database of the newest schema, set up like a node's."""
    storage = PostgresStorage(dsn)
    await storage.open()
    await storage.close()
    connection = await connect(dsn, "onema test")
    yield connection
    await connection.close(timeout=5)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[apsw.Connection]:
    """The same of the other engine."""
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    await storage.close()
    with closing(apsw.Connection(str(tmp_path / "onema.db"))) as connection:
        yield connection


@each_release
async def test_an_earlier_release_works_on_this_schema_of_postgresql(
    release: Path, postgres: Connection
) -> None:
    """Each of its statements is taken, and answered as it was then."""
    await replay_on_postgres(postgres, release)


@each_release
async def test_an_earlier_release_works_on_this_schema_of_sqlite(
    release: Path, sqlite: apsw.Connection
) -> None:
    """Each of its statements is taken, and answered as it was then."""
    replay_on_sqlite(sqlite, release)


@breaking_changes
async def test_a_migration_that_breaks_an_earlier_release_is_noticed(
    change: str, postgres: Connection, sqlite: apsw.Connection
) -> None:
    """Otherwise the tests above would prove nothing."""
    await postgres.execute(change)
    with pytest.raises(asyncpg.PostgresError):
        await replay_on_postgres(postgres, RELEASES[-1])
    sqlite.execute(change)
    with pytest.raises(apsw.Error):
        replay_on_sqlite(sqlite, RELEASES[-1])


async def test_columns_and_tables_may_be_added(postgres: Connection, sqlite: apsw.Connection) -> None:
    """What has a default does not trouble an earlier release."""
    change = """
        ALTER TABLE messages ADD COLUMN carrier_country text NOT NULL DEFAULT '';
        CREATE TABLE blocked_phones (phone text NOT NULL PRIMARY KEY)
    """
    await postgres.execute(change)
    sqlite.execute(change)
    await replay_on_postgres(postgres, RELEASES[-1])
    replay_on_sqlite(sqlite, RELEASES[-1])


async def test_all_that_this_version_asks_can_be_frozen(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """A new statement needs sample values, and whoever writes it hears so; not whoever makes the next release."""
    assert {"sqlite", "postgres"} == set(await freeze(postgres_server, tmp_path))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_frozen_release_covers_its_tables(engine: str) -> None:
    """Every table that it had is written, read and deleted from in what was kept."""
    whats = {step["what"] for step in conversation(RELEASES[-1], engine)}
    for row_type in set(TABLES) - NEW_TABLES:
        assert {f"{row_type.table}: {what}" for what in ("insert", "get", "upsert", "delete")} <= whats
