"""The audit log, on the command line."""

import getpass
import json
from pathlib import Path
from typing import Any

import pytest

from onema.administration.requests import PutDocuments
from onema.cli import main
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.settings import Settings


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), *arguments])
    return exited.value.code


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with open_session(Settings(data=tmp_path), creates=True) as session:
        session.answer(PutDocuments(documents=(doc.Tariff(name="default"), doc.Account(name="acme"))))
    return tmp_path


def test_what_the_command_line_changes_is_listed_newest_first(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With who, and what was there before; of an account alone, too."""
    for url in ("https://a.example/", "https://b.example/"):
        assert onema(data, "account", "set", "acme", "--callback-url", url) == 0
    capsys.readouterr()
    assert onema(data, "audit", "list", "acme", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [one["after"].get("callback_url") for one in found] == [
        "https://b.example/",
        "https://a.example/",
        None,
    ]
    assert found[0]["before"] == {"callback_url": "https://a.example/"}
    assert {(one["actor"], one["how"]) for one in found} == {(getpass.getuser(), "command line")}
    assert onema(data, "audit", "list", "--limit", "1") == 0
    told = capsys.readouterr().out
    assert "callback_url: " in told
    assert '"https://a.example/" -> "https://b.example/"' in " ".join(told.split())
    assert onema(data, "audit", "list", "--json") == 0
    assert {one["subject"] for one in json.loads(capsys.readouterr().out)} == {
        "account acme",
        "tariff default",
    }
