from pathlib import Path

import pytest

from onema.administration.requests import PutDocuments
from onema.cli.output import CliError
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.secret import Secret
from onema.settings import Settings
from onema.testing.postgres_server import PostgresServer

TARIFF = doc.Tariff(name="default")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, dsn: str) -> Secret:
    return Secret(dsn if request.param == "postgresql" else "")


def test_the_first_key_is_the_only_one(place: Secret, tmp_path: Path) -> None:
    """Another is refused before it could seal a thing, also while nothing is sealed by which it would be found out."""
    first, second = (
        Settings(data=tmp_path, database=place, server_key=Secret(key * 32)) for key in ("ab", "cd")
    )
    with open_session(first, creates=True):
        pass
    with pytest.raises(CliError, match="server key is not the one"), open_session(second, creates=True):
        pass
    with open_session(first, creates=True) as session:
        assert session.answer(PutDocuments(documents=(TARIFF,)))[0].what == "created"


def test_whoever_only_looks_into_an_empty_database_makes_nothing(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    """Neither a schema there nor a folder here, where the server key is given; who adds something makes both."""
    data = tmp_path / "data"
    settings = Settings(data=data, database=Secret(server.dsn(database)), server_key=Secret("ab" * 32))
    with pytest.raises(CliError, match="This database holds nothing of onema"), open_session(settings):
        pass
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert server.sql(tables, database).strip() == "0"
    with open_session(settings, creates=True) as session:
        assert session.answer(PutDocuments(documents=(TARIFF,)))[0].what == "created"
    assert not data.exists()
