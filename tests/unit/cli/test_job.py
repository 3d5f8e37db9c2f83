"""Jobs that were given up, on the command line."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from onema.administration.requests import PutDocuments
from onema.cli import main
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import DeadJob, Job, JobKind
from onema.settings import Settings
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import insert

AT = 1_790_000_000_000
CALLBACK = DeadJob(first_id_at(AT), 77, JobKind.CALLBACK, AccountId(1), MessageId(76), 1, 0, "HTTP 400")
PLACES = "KeyError at attempt.py:40 send < attempt.py:88 __call__"
MESSAGE = DeadJob(
    first_id_at(AT + 1_000),
    88,
    JobKind.SMS,
    AccountId(1),
    MessageId(88),
    6,
    6,
    "it failed (KeyError)",
    PLACES,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of one account with two dead jobs."""
    with open_session(Settings(data=tmp_path), creates=True) as session:
        session.answer(PutDocuments(documents=(doc.Tariff(name="default"), doc.Account(name="acme"))))

    async def bury() -> None:
        storage = SqliteStorage(tmp_path / "onema.db")
        await storage.open()
        await insert(storage, CALLBACK, MESSAGE, batch=10**18)
        await storage.close()

    asyncio.run(bury())
    return tmp_path


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), *arguments])
    return exited.value.code


def test_dead_jobs_are_listed_newest_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With when, whose, which message and why."""
    assert onema(data, "job", "list", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [(job["id"], job["reason"]) for job in found] == [
        (str(MESSAGE.id), "it failed (KeyError)"),
        (str(CALLBACK.id), "HTTP 400"),
    ]
    assert found[1]["account"] == "acme"
    assert found[1]["at"] == "2026-09-21T14:13:20.000Z"
    assert onema(data, "job", "list", "--limit", "1", "--before", str(MESSAGE.id)) == 0
    assert "HTTP 400" in capsys.readouterr().out


def test_a_list_has_the_place_where_a_job_failed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The innermost; all of them are in `job show` and in JSON."""
    assert onema(data, "job", "list") == 0
    told = capsys.readouterr().out
    assert "KeyError at attempt.py:40 send" in told
    assert "attempt.py:88" not in told
    assert onema(data, "job", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["fault"] == PLACES


def test_a_dead_job_is_shown_with_its_message(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where that is gone; what was not given up is not shown."""
    assert onema(data, "job", "show", str(MESSAGE.id)) == 0
    told = capsys.readouterr().out
    assert f"fault     {PLACES}\n" in told
    assert "message 88 is not there any more" in told
    assert onema(data, "job", "show", str(MESSAGE.id), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["account"], found["attempts"], found["message"]) == (
        "sms",
        "acme",
        "6",
        None,
    )
    assert onema(data, "job", "show", "5") == 1
    assert "There is no job 5 that was given up." in capsys.readouterr().err


def test_a_dead_job_is_dropped(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once."""
    assert onema(data, "job", "drop", str(MESSAGE.id)) == 0
    assert onema(data, "job", "list", "--json") == 0
    assert [job["id"] for job in json.loads(capsys.readouterr().out)] == [str(CALLBACK.id)]
    assert onema(data, "job", "drop", str(MESSAGE.id)) == 1


def test_a_dead_callback_is_tried_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a job like any other then, and gone from the list; a message is never sent again."""
    assert onema(data, "job", "requeue", str(CALLBACK.id)) == 0
    assert onema(data, "job", "requeue", str(MESSAGE.id)) == 1
    assert "is never sent again" in capsys.readouterr().err

    async def due() -> list[Job]:
        storage = SqliteStorage(data / "onema.db")
        await storage.open()
        jobs = await storage.lease_callbacks(10**15, 10**15, 10, 10)
        dead = await storage.read_dead_jobs(2**63 - 1, 10)
        await storage.close()
        assert dead == [MESSAGE]
        return list(jobs)

    (job,) = asyncio.run(due())
    assert (job.kind, job.account, job.message, job.attempt) == ("callback", 1, 76, 0)
