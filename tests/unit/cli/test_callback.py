"""The log of callbacks, and telling integrators again, on the command line."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from onema.administration.requests import PutDocuments
from onema.cli import callback, main
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.delivery.callback_try import AGAIN, GIVEN_UP, CallbackTry
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import DeadJob, Event, Job, JobKind, Message, MessageState, Row
from onema.settings import Settings
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import insert, message

AT = 1_790_000_000_000
ACCOUNT = AccountId(1)


def sent(number: int, state: MessageState = MessageState.DELIVERED) -> Message:
    """A message that was asked for `number` minutes after AT."""
    row = message(first_id_at(AT + 60_000 * number), ACCOUNT)
    times = {"verification": 0, "code_expires_at": 0, "ended_at": AT + 60_000 * number + 1_000}
    return replace(row, channel="sms", dialect="esms", application="", callback_url="", state=state, **times)


def tried(row: Message, seconds: int, *fields: Any) -> Event:
    return Event(
        ACCOUNT, row.id, row.id + (seconds * 1_000 << 22), JobKind.CALLBACK, CallbackTry(*fields).noted()
    )


FIRST, SECOND, THIRD = sent(0), sent(10), sent(20, MessageState.SENT)
GIVEN_UP_JOB = DeadJob(first_id_at(AT + 900_000), 7, JobKind.CALLBACK, ACCOUNT, FIRST.id, 6, 5, "HTTP 500")
ROWS: Sequence[Row] = (
    FIRST,
    SECOND,
    THIRD,
    tried(FIRST, 1, "acme.example", 500, 12, "HTTP 500", AGAIN),
    tried(FIRST, 11, "acme.example", 500, 9, "HTTP 500", GIVEN_UP),
    tried(SECOND, 1, "acme.example", 204, 35),
    Event(ACCOUNT, SECOND.id, SECOND.id + 1, "verified", ""),
    GIVEN_UP_JOB,
    replace(GIVEN_UP_JOB, id=GIVEN_UP_JOB.id + 1, kind=JobKind.SMS),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of one account, with what became of its messages."""
    account = doc.Account(name="acme", callback_url="https://acme.example/told?token=canary")
    with open_session(Settings(data=tmp_path), creates=True) as session:
        session.answer(PutDocuments(documents=(doc.Tariff(name="default"), account)))
    in_store(tmp_path, lambda storage: insert(storage, *ROWS, batch=10**18))
    return tmp_path


def in_store(data: Path, work: Any) -> Any:
    async def run() -> Any:
        storage = SqliteStorage(data / "onema.db")
        await storage.open()
        try:
            return await work(storage)
        finally:
            await storage.close()

    return asyncio.run(run())


def jobs(data: Path) -> list[tuple[int, int]]:
    """(message, attempt) of every callback that is due."""
    found: list[Job] = in_store(data, lambda storage: storage.lease_callbacks(10**15, 10**15, 100, 100))
    return sorted((job.message, job.attempt) for job in found)


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), "callback", *arguments])
    return exited.value.code


def listed(data: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    assert onema(data, "list", "--json", *arguments) == 0
    return [(one["message"], one["result"]) for one in json.loads(capsys.readouterr().out)]


def test_tries_are_listed_with_the_newest_messages_first(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """When, which host, its status and how long it took; nothing else of the URL, and no other event."""
    assert onema(data, "list", "--json") == 0
    told = capsys.readouterr().out
    assert "canary" not in told
    assert json.loads(told)[0] == {
        "account": "acme",
        "message": str(SECOND.id),
        "at": "2026-09-21T14:23:21.000Z",
        "host": "acme.example",
        "status": "204",
        "took_ms": "35",
        "about": "end",
        "result": "delivered",
    }
    assert listed(data, capsys) == [
        (str(SECOND.id), "delivered"),
        (str(FIRST.id), "HTTP 500; given up"),
        (str(FIRST.id), "HTTP 500; will try again"),
    ]


def test_a_list_can_be_narrowed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To what failed, to messages since a time, to one account, to a number."""
    failed = [(str(FIRST.id), "HTTP 500; given up"), (str(FIRST.id), "HTTP 500; will try again")]
    assert listed(data, capsys, "--failed") == failed
    assert listed(data, capsys, "--failed", "--limit", "1") == failed[:1]
    assert listed(data, capsys, "acme", "--since", "2026-09-21T14:20:00Z") == [(str(SECOND.id), "delivered")]
    assert onema(data, "list", "nobody") == 1


def test_a_list_is_read_page_by_page(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost between two, and it says where it stopped looking."""
    monkeypatch.setattr(callback, "PAGE", 1)
    assert len(listed(data, capsys)) == 3
    monkeypatch.setattr(callback, "SCAN_LIMIT", 2)
    assert onema(data, "list", "--json") == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 1
    assert "say --since" in said.err


def test_the_tries_of_one_message_are_shown(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By any of its names, in order of time."""
    assert onema(data, "show", f"{FIRST.id:032x}", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["status"], one["took_ms"]) for one in found] == [("500", "12"), ("500", "9")]
    assert onema(data, "show", str(FIRST.id)) == 0
    assert "HTTP 500; given up" in capsys.readouterr().out
    assert onema(data, "show", str(FIRST.id + 1)) == 1


def test_the_story_of_a_message_has_its_tries(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words among its lines, and each part of them in JSON."""
    with pytest.raises(SystemExit):
        main(["--data", str(data), "message", "show", str(FIRST.id)])
    assert "HTTP 500; will try again (acme.example, 12 ms)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--data", str(data), "message", "show", str(FIRST.id), "--json"])
    assert json.loads(capsys.readouterr().out)["callbacks"][0] == {
        "at": "2026-09-21T14:13:21.000Z",
        "host": "acme.example",
        "status": 500,
        "took_ms": 12,
        "problem": "HTTP 500",
        "then": "will try again",
        "about": "",
    }


def test_one_message_is_told_of_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a new job; not one that has no end yet."""
    assert onema(data, "replay", str(SECOND.id)) == 0
    assert "1 callback will be sent again." in capsys.readouterr().out
    assert jobs(data) == [(SECOND.id, 0)]
    assert onema(data, "replay", str(THIRD.id)) == 1
    assert "only the end of a message is told" in capsys.readouterr().err
    assert onema(data, "replay", "12345") == 1


def test_messages_that_were_asked_for_together_are_told_of_together(data: Path) -> None:
    """Their client knows them by the first one's name; any other stands for itself."""
    first = replace(sent(30), id=MessageId(sent(30).id), together=sent(30).id)
    others = [replace(first, id=MessageId(first.id + number)) for number in (1, 2)]
    in_store(data, lambda storage: insert(storage, first, *others, batch=2 * 10**18))
    assert onema(data, "replay", str(others[0].id)) == 0
    assert jobs(data) == [(others[0].id, 0)]
    assert onema(data, "replay", f"{first.id:032x}") == 0
    assert {message for message, _ in jobs(data)} == {first.id, others[0].id, others[1].id}


def test_all_messages_since_a_time_are_told_of_again(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have an end, page by page; a message without one is passed over."""
    monkeypatch.setattr(callback, "PAGE", 1)
    assert onema(data, "replay", "--since", "2026-09-21T14:13:20Z", "--account", "acme") == 0
    assert "2 callbacks will be sent again." in capsys.readouterr().out
    assert jobs(data) == [(FIRST.id, 0), (SECOND.id, 0)]


def test_messages_before_that_time_are_not(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The time is when a message was asked for."""
    assert onema(data, "replay", "--since", "2026-09-21T14:20:00Z") == 0
    assert jobs(data) == [(SECOND.id, 0)]


def test_what_was_given_up_is_told_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once: it is given up no more. What is no callback stays."""
    assert onema(data, "replay", "--failed", "--account", "acme") == 0
    assert "1 callback will be sent again." in capsys.readouterr().out
    assert onema(data, "replay", "--failed") == 0
    assert "0 callbacks will be sent again." in capsys.readouterr().out
    assert jobs(data) == [(FIRST.id, 0)]


@pytest.mark.parametrize("arguments", [(), ("1", "--failed"), ("1", "--since", "1h")])
def test_a_replay_says_of_what(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """One message, or many: never all by accident."""
    assert onema(data, "replay", *arguments) == 1
    assert "Name a message, or say --since or --failed." in capsys.readouterr().err
    assert jobs(data) == []


def test_the_account_of_a_message_is_found(data: Path) -> None:
    """Among all, where none is named."""
    with open_session(Settings(data=data)) as session:
        more = tuple(doc.Account(name=f"other-{number}") for number in range(3))
        session.answer(PutDocuments(documents=more))
    assert onema(data, "replay", str(MessageId(SECOND.id))) == 0
    assert jobs(data) == [(SECOND.id, 0)]


def test_what_was_told_of_a_call_on_its_way_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its message's end, in the list, in one message's tries and in its story."""
    with open_session(Settings(data=tmp_path), creates=True) as session:
        account = doc.Account(name="acme", callback_url="https://acme.example/told")
        session.answer(PutDocuments(documents=(doc.Tariff(name="default"), account)))
    rang = Event(
        ACCOUNT,
        FIRST.id,
        FIRST.id + (5_000 << 22),
        JobKind.CALLBACK,
        CallbackTry("acme.example", 200, 7, about="ringing").noted(),
    )
    in_store(tmp_path, lambda storage: insert(storage, *ROWS, rang, batch=10**18))
    assert onema(tmp_path, "list", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["about"] for one in told if one["message"] == str(FIRST.id)] == ["end", "ringing", "end"]
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "message", "show", str(FIRST.id)])
    assert "ringing: delivered (acme.example, 7 ms)" in capsys.readouterr().out
