"""`onema operator-key`: docs/api.md."""

from pathlib import Path

import pytest

from onema.administration.requests import ReadDocuments
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import operator_secret_hash
from onema.settings import Settings

from .test_commands import Program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(tmp_path / "data", monkeypatch, capsys)


def test_an_operators_key_is_made_changed_and_removed(program: Program) -> None:
    """Its secret is printed once, and opens what the hash that is kept is of."""
    made = program.json("operator-key", "add", "deploy", "--scope", "documents", "--scope", "money")
    with open_session(Settings(data=program.data)) as session:
        (found,) = session.answer(ReadDocuments(kind="operator_key", reveal=True)).documents
    assert isinstance(found, doc.OperatorKey)
    assert (found.role, found.scopes) == ("operator", ("documents", "money"))
    assert found.secret_hash == operator_secret_hash(made["secret"].encode())
    program.changes("operator-key", "set", "deploy", "--role", "viewer", "--no-active")
    (shown,) = program.json("operator-key", "list")
    assert shown == {
        "name": "deploy",
        "secret_hash": "***",
        "role": "viewer",
        "scopes": ["documents", "money"],
        "state": "inactive",
    }
    code, _, err = program.run("operator-key", "add", "other", "--scope", "everything")
    assert (code != 0, "everything" in err) == (True, True)
    assert program.changes("operator-key", "remove", "deploy") == [("removed", "operator_key", "deploy")]
