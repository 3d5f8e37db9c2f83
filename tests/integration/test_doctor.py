"""What `onema doctor` finds in a store, on both engines: without a server, and on PostgreSQL beside any."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from onema.administration.requests import PutDocuments, TopUp
from onema.cli.checkup import examine
from onema.cli.finding import Finding, Level
from onema.cli.node_probe import node_at
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.values.money import Minor
from onema.secret import Secret
from onema.settings import Callback, Listen, Settings
from onema.storage.statements import migrations
from onema.testing.postgres_server import PostgresServer, running_server
from onema.testing.running_server import free_port
from onema.wiring.server import App

from .test_server import self_signed

NEWEST = migrations("postgres")[-1].number


class Installation:
    """Settings, and a way to do by SQL what nobody should."""

    def __init__(self, settings: Settings, sql: Callable[[str], object]) -> None:
        self.settings = settings
        self.sql = sql

    def configure(self) -> None:
        """An account with money, and nothing to complain of but what it cannot send."""
        documents = (
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
            doc.Account(name="acme", windows=()),
            doc.Credential(account="acme", dialect="esms", key="ACME", secret="ACME-SECRET"),
            doc.Carrier(name="handset", type="handset"),
            doc.Route(channel="sms", carrier="handset"),
        )
        with open_session(self.settings, creates=True) as session:
            session.answer(PutDocuments(documents=documents))
            session.answer(TopUp(account="acme", reference="first", amount=Minor(85_000)))

    def findings(self, what: str) -> list[Finding]:
        return [found for found in examine(self.settings) if found.what == what]

    def failures(self) -> list[str]:
        return [found.what for found in examine(self.settings) if found.level is Level.FAIL]


@pytest.fixture
def on_postgresql(server: PostgresServer, database: str, tmp_path: Path) -> Installation:
    settings = Settings(
        data=tmp_path,
        database=Secret(server.dsn(database)),
        server_key=Secret("ab" * 32),
        listen=Listen(port=free_port()),
    )
    return Installation(settings, lambda statement: server.sql(statement, database))


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Installation:
    def sql(statement: str) -> None:
        with contextlib.closing(apsw.Connection(str(tmp_path / "onema.db"))) as connection:
            connection.execute(statement)

    return Installation(Settings(data=tmp_path, listen=Listen(port=free_port())), sql)


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, on_sqlite: Installation, on_postgresql: Installation
) -> Installation:
    return on_sqlite if request.param == "sqlite" else on_postgresql


def test_a_balance_that_its_ledger_does_not_explain_is_found(installation: Installation) -> None:
    """Whatever changed it: this is what one asks after a promotion."""
    installation.configure()
    (accounts,) = installation.findings("accounts")
    assert accounts.detail == "1 active, their ledgers and balances agree"
    assert installation.failures() == []
    installation.sql("UPDATE wallets SET balance = balance + 1")
    assert installation.failures() == ["account acme"]


def test_what_a_clock_ahead_wrote_is_told(installation: Installation) -> None:
    """Windows and codes that end on a day that has yet to come."""
    installation.configure()
    assert [found.level for found in installation.findings("clock")] == [Level.OK]
    installation.sql("INSERT INTO windows VALUES (1, 'account', '', '60:9000000000000:5', 9000000060000)")
    (_, warning) = installation.findings("clock")
    assert warning.level is Level.WARN
    assert "1 windows that would last too long" in warning.detail


def test_the_schema_and_the_carriers_are_named(installation: Installation) -> None:
    """So that a look at the wrong database is noticed."""
    installation.configure()
    (database,), (carriers,) = installation.findings("database"), installation.findings("carriers")
    assert (database.level, carriers.level) == (Level.OK, Level.OK)
    assert f"schema {NEWEST}" in database.detail
    assert carriers.detail == "handset"


def test_a_database_of_an_older_schema_is_left_as_it_is(on_postgresql: Installation) -> None:
    """Servers of the version before may be working on it: upgrading it is not for a look to decide."""
    (database,) = on_postgresql.findings("database")
    assert (database.level, "schema 0" in database.detail) == (Level.WARN, True)
    assert on_postgresql.sql("SELECT to_regclass('wallets') IS NULL") == "t"


def test_a_newer_schema_that_does_not_work_with_this_version_is_refused(on_postgresql: Installation) -> None:
    """Before a server is started on it."""
    on_postgresql.configure()
    on_postgresql.sql(f"INSERT INTO schema_version VALUES ({NEWEST + 1}, now(), {NEWEST + 1})")
    (database,), (store,) = on_postgresql.findings("database"), on_postgresql.findings("store")
    assert f"schema {NEWEST + 1}, newer than this version's {NEWEST}" in database.detail
    assert (store.level, "install the newer version" in store.detail) == (Level.FAIL, True)


def test_a_database_that_cannot_be_reached_is_one_finding(on_postgresql: Installation) -> None:
    """In words, without the password, and not as an error of the doctor."""
    away = Secret("postgresql://onema:hunter2@127.0.0.1:1/onema")
    settings = Settings(data=on_postgresql.settings.data, database=away, server_key=Secret("ab" * 32))
    (found,) = [each for each in examine(settings) if each.level is Level.FAIL]
    assert (found.what, "hunter2" in found.detail) == ("database", False)


def test_a_key_is_missed_where_none_may_be_made(on_postgresql: Installation) -> None:
    """The doctor says where to give it, and makes none either."""
    on_postgresql.configure()
    settings = Settings(data=on_postgresql.settings.data, database=on_postgresql.settings.database)
    found = {each.what: each for each in examine(settings) if each.level is Level.FAIL}
    assert set(found) == {"server key", "store"}
    assert "ONEMA_SERVER_KEY_FILE" in found["server key"].hint
    assert not settings.server_key_path.exists()


def details(installation: Installation) -> dict[str, Level]:
    return {found.detail.partition(":")[0]: found.level for found in installation.findings("PostgreSQL")}


NO_STANDBY = {"no standby follows it": Level.WARN}


def test_the_version_of_the_server_is_named(on_postgresql: Installation) -> None:
    """With the schema, in the database's own line. A server as it should be has nothing else, but no standby here."""
    on_postgresql.configure()
    (database,) = on_postgresql.findings("database")
    version = str(on_postgresql.sql("SHOW server_version")).strip()
    assert database.detail.startswith(f"PostgreSQL {version}, schema ")
    assert details(on_postgresql) == NO_STANDBY


@pytest.fixture
def unsafe() -> Iterator[PostgresServer]:
    """A server as nobody should run one."""
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "10"}
    with running_server(settings) as server:
        server.create_database("onema")
        yield server


def test_a_server_that_a_power_cut_would_destroy_fails(unsafe: PostgresServer, tmp_path: Path) -> None:
    """Nothing else tells of it before the power cut."""
    settings = Settings(data=tmp_path, database=Secret(unsafe.dsn("onema")), server_key=Secret("ab" * 32))
    installation = Installation(settings, lambda statement: unsafe.sql(statement, "onema"))
    installation.configure()
    assert details(installation) == {
        "fsync is off": Level.FAIL,
        "full_page_writes is off": Level.FAIL,
        "6 connections are left, and a process may need 8": Level.WARN,
        **NO_STANDBY,
    }


def test_another_encoding_than_utf_8_fails(server: PostgresServer, tmp_path: Path) -> None:
    """It takes the schema, and refuses the first Vietnamese text."""
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        settings = Settings(data=tmp_path, database=Secret(server.dsn("latin")), server_key=Secret("ab" * 32))
        installation = Installation(settings, lambda statement: server.sql(statement, "latin"))
        assert details(installation) == {
            "the database has the encoding LATIN1": Level.FAIL,
            **NO_STANDBY,
        }
    finally:
        server.sql("DROP DATABASE latin WITH (FORCE)")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("DATABASE {database}", "the database has synchronous_commit off"),
        ("ROLE {role}", "the role has synchronous_commit off"),
        ("ROLE {role} IN DATABASE {database}", "the role has synchronous_commit off"),
    ],
)
def test_commits_that_do_not_wait_for_the_disk_are_a_warning_wherever_they_are_set(
    server: PostgresServer, database: str, tmp_path: Path, where: str, said: str
) -> None:
    """The server's own setting may be on, and a role's or a database's still be off."""
    role = f"role_of_{database}"
    server.sql(f"CREATE ROLE {role} LOGIN SUPERUSER CONNECTION LIMIT 40")
    dsn = server.dsn(database).replace("//postgres@", f"//{role}@")
    assert role in dsn
    server.sql(f"ALTER {where.format(database=database, role=role)} SET synchronous_commit = off")
    settings = Settings(data=tmp_path, database=Secret(dsn), server_key=Secret("ab" * 32))
    installation = Installation(settings, lambda statement: server.sql(statement, database))
    assert details(installation) == {said: Level.WARN, **NO_STANDBY}


def test_a_role_with_few_connections_left_is_a_warning(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    """The server may have hundreds, and a role be allowed five."""
    role = f"role_of_{database}"
    server.sql(f"CREATE ROLE {role} LOGIN SUPERUSER CONNECTION LIMIT 5")
    dsn = server.dsn(database).replace("//postgres@", f"//{role}@")
    settings = Settings(data=tmp_path, database=Secret(dsn), server_key=Secret("ab" * 32))
    installation = Installation(settings, lambda statement: server.sql(statement, database))
    assert details(installation) == {
        "4 connections are left, and a process may need 8": Level.WARN,
        **NO_STANDBY,
    }


def test_rows_outside_of_all_partitions_are_a_warning(on_postgresql: Installation) -> None:
    """Of a node whose clock was far ahead, or that had no upkeep."""
    on_postgresql.configure()
    on_postgresql.sql("INSERT INTO events VALUES (1, 1, 1, 'seen', '')")
    on_postgresql.sql("INSERT INTO ledger VALUES (1, 1, 'top_up', 0, 0, '')")
    assert details(on_postgresql) == {
        "rows of events, ledger fit in no partition": Level.WARN,
        **NO_STANDBY,
    }


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_node_that_listens_beside_the_doctor_is_no_fault(
    on_postgresql: Installation, busy_port: int
) -> None:
    """On PostgreSQL it is asked nothing; on a data folder without a server the port is somebody else's."""
    on_postgresql.configure()
    listen = Listen(port=busy_port)
    shared = on_postgresql.settings
    shared = Settings(data=shared.data, database=shared.database, server_key=shared.server_key, listen=listen)
    embedded = Settings(data=shared.data, listen=listen)
    assert [found.level for found in examine(shared) if found.what == "port"] == [Level.OK]
    assert [found.level for found in examine(embedded) if found.what == "port"] == [Level.FAIL]


async def test_the_doctor_says_that_a_node_runs(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    """Here, or on another port than these settings say; and that it no longer does."""
    here = free_port()
    settings = Settings(
        data=tmp_path / "data",
        database=Secret(server.dsn(database)),
        server_key=Secret("ab" * 32),
        listen=Listen(port=here),
    )
    elsewhere = msgspec.structs.replace(settings, listen=Listen(port=free_port()))

    async def port_of(settings: Settings) -> str:
        (found,) = [
            found for found in await asyncio.to_thread(list, examine(settings)) if found.what == "port"
        ]
        assert found.level is Level.OK
        return found.detail

    async with App(settings):
        assert await port_of(settings) == f"a node runs on 127.0.0.1:{here}, and is ready"
        assert f"a node runs on {settings.data}, but not on" in await port_of(elsewhere)
        other = msgspec.structs.replace(settings, data=tmp_path / "other")
        answers = f"an onema answers on 127.0.0.1:{here}, and is ready"
        assert await port_of(other) == f"{answers}; none has {other.data} open"
    assert await port_of(elsewhere) == f"127.0.0.1:{elsewhere.listen.port} is free"


async def test_a_node_that_serves_tls_is_asked_over_tls(tmp_path: Path) -> None:
    """Whose certificate nobody vouches for is a node all the same; who only listens is none."""
    files = self_signed(tmp_path)
    listen = Listen(port=free_port(), tls_certificate=files.certificate, tls_key=files.key)
    settings = Settings(data=tmp_path / "data", listen=listen)
    async with App(settings):
        assert await node_at(settings) == "ready"
        assert await node_at(msgspec.structs.replace(settings, listen=Listen(port=listen.port))) is None


@pytest.mark.parametrize("server_allows", [True, False])
async def test_what_the_running_server_allows_decides(tmp_path: Path, server_allows: bool) -> None:
    """It may have been started with other settings than those that the doctor finds."""
    allowing = Settings(
        data=tmp_path, listen=Listen(port=free_port()), callback=Callback(private_targets=True)
    )
    documents = (doc.Tariff(name="default"), doc.Account(name="acme", callback_url="http://127.0.0.1:9/"))

    def save() -> None:
        with open_session(allowing, creates=True) as session:
            session.answer(PutDocuments(documents=documents))

    await asyncio.to_thread(save)
    refusing = msgspec.structs.replace(allowing, callback=Callback(private_targets=False))
    served, own = (allowing, refusing) if server_allows else (refusing, allowing)
    async with App(served):
        found = await asyncio.to_thread(list, examine(own))
    complaints = [one for one in found if one.what == "accounts[acme].callback_url"]
    assert len(complaints) == (0 if server_allows else 1)
