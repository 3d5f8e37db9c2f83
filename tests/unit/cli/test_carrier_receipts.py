"""Receipts that match nothing, on the command line."""

import asyncio
import json
from pathlib import Path

import pytest

from onema.cli import main
from onema.cli.session import open_session
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import CarrierReference
from onema.settings import Settings
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import insert

AT = 1_790_000_000_000
WORD = '{"kind":"undelivered","reason":"expired","detail":"err:012","references":[],"seconds":0.0,"parts":0}'
ROWS = (
    CarrierReference("first", "A-1", AccountId(0), MessageId(0), 0, AT + 9, received_at=AT, receipt=WORD),
    CarrierReference(
        "second", "B-1", AccountId(0), MessageId(0), 0, AT + 9, received_at=AT + 1_000, receipt=WORD
    ),
    CarrierReference("first", "ours", AccountId(1), MessageId(2), 1, AT + 9, received_at=AT, receipt=WORD),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two receipts that match nothing, and one that did."""
    with open_session(Settings(data=tmp_path), creates=True):
        pass

    async def receive() -> None:
        storage = SqliteStorage(tmp_path / "onema.db")
        await storage.open()
        await insert(storage, *ROWS, batch=10**18)
        await storage.close()

    asyncio.run(receive())
    return tmp_path


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), *arguments])
    return exited.value.code


def test_what_matches_nothing_is_listed_newest_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With whose word it is, of what, when, and what it says."""
    assert onema(data, "carrier", "receipts", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["reference"] for one in found] == ["B-1", "A-1"]
    assert found[1] == {
        "carrier": "first",
        "reference": "A-1",
        "outcome": "undelivered",
        "reason": "expired",
        "detail": "err:012",
        "received_at": "2026-09-21T14:13:20.000Z",
    }


def test_it_can_be_asked_of_one_carrier(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then the others' are left out."""
    assert onema(data, "carrier", "receipts", "first") == 0
    printed = capsys.readouterr().out
    assert "A-1" in printed
    assert "B-1" not in printed
