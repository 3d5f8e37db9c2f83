"""This version's code on schemas that a newer version has made: it works on those that say that it may."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from onema.cli.checkup import examine
from onema.cli.finding import Level
from onema.domain.ids import AccountId
from onema.domain.keyring import Keyring
from onema.domain.records import JobKind, Wallet
from onema.domain.values.money import Minor
from onema.engine.committer import Committer
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource, SystemClock
from onema.settings import Settings
from onema.storage.contract import Storage, StorageError
from onema.storage.postgres import PostgresStorage
from onema.storage.postgres.migrating import migrate as migrate_postgres
from onema.storage.sqlite.file import migrate as migrate_sqlite
from onema.storage.sqlite.storage import SqliteStorage
from onema.storage.statements import Migration, Migrations, migrations
from onema.testing.conformance.storage import insert, job
from onema.testing.postgres_server import PostgresServer, running_server

KNOWN = migrations("sqlite")[-1].number
NEW_COLUMN = "ALTER TABLE wallets ADD COLUMN note text NOT NULL DEFAULT ''"
NEW_NAME = "ALTER TABLE wallets RENAME COLUMN balance TO amount"
_numbers = itertools.count(1)

SEATS = '{"kind":"carrier","name":"smsc","type":"smpp","seats":2,"per_second":10}'
CAPACITY = SEATS.replace("seats", "capacity").encode()
"""A carrier's document before and after it took today's word."""


def step(number: int, script: str, *, works_from: int) -> Migration:
    return Migration(KNOWN + number, works_from, script)


WORKS = (step(1, NEW_COLUMN, works_from=KNOWN), step(2, "SELECT 1", works_from=KNOWN))
BREAKS = (step(1, NEW_NAME, works_from=KNOWN + 1), step(2, "SELECT 1", works_from=KNOWN))
"""The second step alone would let this version in; the first does not."""


class Place:
    """An empty database of one engine."""

    def __init__(
        self, engine: str, upgrade: Callable[[Migrations], Awaitable[object]], storage: Callable[[], Storage]
    ) -> None:
        self._known = migrations(engine)
        self._upgrade = upgrade
        self.storage = storage

    async def upgrade(self, newer: Migrations) -> None:
        """What a version that also knows `newer` does when it starts."""
        await self._upgrade((*self._known, *newer))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_server({"fsync": "off"}) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, server: PostgresServer, tmp_path: Path) -> Place:
    file = tmp_path / "onema.db"

    async def upgrade_sqlite(known: Migrations) -> None:
        with closing(apsw.Connection(str(file))) as connection:
            migrate_sqlite(connection, known)

    if request.param == "sqlite":
        return Place("sqlite", upgrade_sqlite, lambda: SqliteStorage(file))
    dsn = server.create_database(f"newer_{next(_numbers)}")
    return Place("postgres", lambda known: migrate_postgres(dsn, known), lambda: PostgresStorage(dsn))


async def test_an_old_version_starts_and_serves_on_a_newer_schema_that_works_with_it(place: Place) -> None:
    """A node that is restarted in the middle of a rolling upgrade, or the version before a bad one."""
    await place.upgrade(WORKS)
    storage = place.storage()
    await storage.open()
    clock = SystemClock()
    committer = Committer(
        storage,
        Keyring(bytes(32)),
        clock,
        IdSource(clock, 1),
        batch_limit=9,
        lease_ms=9,
        observer=Unobserved(),
    )
    await committer.start()
    await committer.stop()
    await insert(storage, Wallet(AccountId(1), Minor(5)), job(1, due_at=1))
    assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(5))}
    assert [found.id for found in await storage.lease_jobs(5, 9, 1)] == [1]
    await storage.close()


async def test_an_old_version_refuses_a_newer_schema_that_does_not_work_with_it(place: Place) -> None:
    """In a sentence that says what to do, and without having changed anything."""
    await place.upgrade(BREAKS)
    with pytest.raises(
        StorageError,
        match=rf"schema {KNOWN + 2}, newer than this version's {KNOWN}, .* at least schema {KNOWN + 1}"
        r" may work on it: install the newer version again, or restore the backup",
    ):
        await place.storage().open()


async def test_a_version_in_between_may_work_on_what_the_older_may_not(place: Place) -> None:
    """What counts is the newest migration that a version knows."""
    await place.upgrade(BREAKS)
    await place.upgrade(BREAKS[:1])
    with pytest.raises(StorageError):
        await place.upgrade(())


async def test_a_database_of_the_first_schema_learns_the_rule(server: PostgresServer) -> None:
    """The column is added to what a build before 0.1.0 made, and its own migration works with itself."""
    name = f"newer_{next(_numbers)}"
    dsn = server.create_database(name)
    server.sql(
        "CREATE TABLE schema_version (version bigint PRIMARY KEY, applied_at timestamptz NOT NULL)", name
    )
    first = migrations("postgres")[0].script.replace("'", "''")
    server.sql(f"DO ' BEGIN EXECUTE $script${first}$script$; END '", name)
    server.sql("INSERT INTO schema_version VALUES (1, now())", name)
    server.sql(f"INSERT INTO directory VALUES ('carrier', 'smsc', 1, convert_to('{SEATS}', 'UTF8'))", name)
    await migrate_postgres(dsn)
    assert server.sql("SELECT convert_from(document, 'UTF8') FROM directory", name) == CAPACITY.decode()
    found = server.sql(
        "SELECT string_agg(version || '>' || works_from, ' ' ORDER BY version) FROM schema_version", name
    )
    assert found == " ".join(f"{each.number}>{each.works_from}" for each in migrations("postgres"))


async def test_an_embedded_database_of_the_first_schema_learns_the_rule(tmp_path: Path) -> None:
    """With the jobs and carriers that a build before 0.1.0 left in it, in today's words."""
    with closing(apsw.Connection(str(tmp_path / "onema.db"))) as connection:
        connection.execute(migrations("sqlite")[0].script)
        connection.execute("INSERT INTO jobs VALUES (1, 'deliver', 7, 1, 5, 0, 0, 0, x'')")
        connection.execute("INSERT INTO directory VALUES ('carrier', 'smsc', 1, CAST(? AS BLOB))", (SEATS,))
        connection.pragma("user_version", 1)
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    (found,) = await storage.lease_jobs(5, 9, 1, elsewhere=["smsc"])
    assert (found.id, found.kind, found.carrier) == (1, JobKind.SMS, "")
    _, (carrier,) = await storage.read_directory()
    assert carrier.document == CAPACITY
    await storage.close()


@pytest.mark.parametrize(
    ("newer", "level"), [(WORKS, Level.OK), (BREAKS, Level.FAIL)], ids=["works", "breaks"]
)
async def test_the_doctor_knows_whether_a_newer_schema_works(
    newer: Migrations, level: Level, tmp_path: Path
) -> None:
    """Before a server is started on it."""
    with closing(apsw.Connection(str(tmp_path / "onema.db"))) as connection:
        migrate_sqlite(connection, (*migrations("sqlite"), *newer))
    finding = next(found for found in examine(Settings(data=tmp_path)) if found.what == "database")
    assert (finding.level, f"schema {KNOWN + 2}" in finding.detail) == (level, True)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_every_migration_says_which_code_works_on_it(engine: str) -> None:
    """Never code that is newer than itself, and the engines agree, for code is the same on both."""
    steps = migrations(engine)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(1 <= step.works_from <= step.number for step in steps)
    assert [step.works_from for step in steps] == [step.works_from for step in migrations("sqlite")]
