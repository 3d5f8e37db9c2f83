from pathlib import Path

import pytest

from onema.cli.output import CliError
from onema.cli.session import open_session
from onema.domain import documents as doc
from onema.engine.control_requests import PutDocuments
from onema.secret import Secret
from onema.settings import Settings

TARIFF = doc.Tariff(name="default")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, dsn: str) -> Secret:
    return Secret(dsn if request.param == "postgresql" else "")


def test_the_first_key_is_the_only_one(place: Secret, tmp_path: Path) -> None:
    """Another is refused before it could seal a thing, also while nothing is sealed by which it would be found out."""
    first, second = (
        Settings(data=tmp_path, database=place, server_key=Secret(key * 32)) for key in ("ab", "cd")
    )
    with open_session(first):
        pass
    with pytest.raises(CliError, match="server key is not the one"), open_session(second):
        pass
    with open_session(first) as session:
        assert session.answer(PutDocuments(documents=(TARIFF,)))[0].what == "created"
