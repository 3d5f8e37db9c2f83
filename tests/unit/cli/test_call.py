"""Calls on the command line."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from onema.administration.requests import PlacedCall, PutDocuments
from onema.cli import main
from onema.cli.call import PAGE, _Calls
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import Attempt, Call, Channel, Message, MessageState, Row
from onema.domain.values.phone import Phone
from onema.protocols.sip.trace import Trace
from onema.settings import Settings
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import insert, message

AT = 1_790_000_000_000
ACCOUNT = AccountId(1)
INVITE = (
    b"INVITE sip:+84901888484@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"CSeq: 1 INVITE\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.9>\r\nCall-ID: 1\r\n"
    b"Content-Length: 0\r\n\r\n"
)
BUSY = (
    b"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n"
    b"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.9>;tag=2\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"
)


def trace() -> bytes:
    kept = Trace()
    for after, octets, is_outgoing in ((0.0, INVITE, True), (0.1, BUSY, False)):
        kept.add(
            AT / 1000 + after,
            octets,
            is_outgoing=is_outgoing,
            local=("192.0.2.1", 5060),
            far=("192.0.2.9", 5060),
            transport="UDP",
        )
    return kept.encode()


def asked(minute: int, phone: str, reference: str) -> Message:
    row = message(first_id_at(AT + 60_000 * minute), ACCOUNT)
    return replace(
        row,
        channel=Channel.CALL,
        dialect="vbee",
        phone=Phone(phone),
        reference=reference,
        state=MessageState.DELIVERED,
        sender="+842471000001",
        verification=0,
        code_expires_at=0,
        ended_at=AT + 90_000,
    )


FIRST, SECOND = asked(0, "+84901888484", "contact-1"), asked(10, "+84901888485", "contact-2")
ANSWERED = Call(
    ACCOUNT,
    FIRST.id,
    2,
    "trunk",
    "ended",
    AT + 70_000,
    ringing_at=AT + 72_000,
    answered_at=AT + 76_000,
    ended_at=AT + 88_500,
    ring_ms=4_000,
    talk_ms=12_500,
    ending=Ending.ANSWERED,
    keys="1",
    status=200,
    codec="PCMU",
    packets_sent=625,
    packets_received=600,
    packets_lost=3,
    jitter_us=1_500,
)
ROWS: Sequence[Row] = (
    FIRST,
    SECOND,
    Attempt(ACCOUNT, FIRST.id, 1, "trunk", "", "undelivered", "", "", AT + 1_000, AT + 2_000),
    Call(
        ACCOUNT,
        FIRST.id,
        1,
        "trunk",
        "ended",
        AT + 1_000,
        ended_at=AT + 2_000,
        ending=Ending.BUSY,
        status=486,
        trace=trace(),
    ),
    ANSWERED,
    Call(ACCOUNT, SECOND.id, 1, "handset", "ringing", AT + 601_000, ringing_at=AT + 602_000, trace=b"?"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of one account, with its calls."""
    folder = tmp_path_factory.mktemp("calls")
    with open_session(Settings(data=folder), creates=True) as session:
        session.answer(PutDocuments(documents=(doc.Tariff(name="default"), doc.Account(name="acme"))))

    async def fill() -> None:
        storage = SqliteStorage(folder / "onema.db")
        await storage.open()
        await insert(storage, *ROWS, batch=10**18)
        await storage.close()

    asyncio.run(fill())
    return folder


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), *arguments])
    return exited.value.code


def listed(data: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[tuple[str, int]]:
    assert onema(data, "call", "list", "--json", *options) == 0
    return [(one["message"], one["attempt"]) for one in json.loads(capsys.readouterr().out)]


def test_calls_are_listed_with_the_newest_messages_first(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each attempt, in the order in which they were made."""
    assert listed(data, capsys) == [(str(SECOND.id), 1), (str(FIRST.id), 1), (str(FIRST.id), 2)]
    assert onema(data, "call", "list") == 0
    assert "trunk" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--phone", "0901888484"], [(FIRST, 1), (FIRST, 2)]),
        (["--reference", "contact-2"], [(SECOND, 1)]),
        (["--ending", "busy"], [(FIRST, 1)]),
        (["--carrier", "handset"], [(SECOND, 1)]),
        (["--since", "2026-09-21T14:20:00Z"], [(SECOND, 1)]),
        (["--limit", "1"], [(SECOND, 1)]),
    ],
)
def test_calls_are_chosen_by_what_people_know(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: list[tuple[Message, int]]
) -> None:
    """The phone, the client's name for it, how it ended, where it went, when."""
    assert listed(data, capsys, *options) == [(str(row.id), attempt) for row, attempt in expected]


@pytest.mark.parametrize("name", [str(FIRST.id), "contact-1", "0901888484", "+84901888484"])
def test_a_call_is_shown_by_whatever_its_message_is_known_by(
    data: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Its states with their times, its figures, and who sent what to whom."""
    assert onema(data, "call", "show", name) == 0
    shown = capsys.readouterr().out
    assert f"message {FIRST.id} of acme: attempt 1 via trunk" in shown
    assert "ended (busy)" in shown
    assert "INVITE" in shown
    assert "486" in shown
    told = "rang 4.0 s, talked 12.5 s, keys 1, SIP 200, PCMU, 625 packets sent, 3 lost, 600 received"
    assert f"{told}, jitter 1.5 ms" in shown
    assert "(no signalling was kept)" in shown


def test_a_call_of_which_only_one_attempt_is_asked_for(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, without the signalling."""
    assert onema(data, "call", "show", str(FIRST.id), "--attempt", "2", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["attempt"], told["talk_seconds"], told["jitter_ms"]) == (2, 12.5, 1.5)
    assert "trace" not in told


def test_signalling_that_cannot_be_read_is_said_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of another version, or damaged."""
    assert onema(data, "call", "show", "contact-2") == 0
    assert "(the signalling cannot be shown: " in capsys.readouterr().out


def test_the_signalling_is_written_as_a_capture(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever writes it hears that numbers are in it."""
    file = tmp_path / "call.pcap"
    assert onema(data, "call", "show", str(FIRST.id), "--attempt", "1", "--pcap", str(file)) == 0
    assert file.read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
    assert "has phone numbers in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "There is no call that 'nobody' names"),
        (["3559431677195321344"], "There is no call that '3559431677195321344' names"),
        ([str(FIRST.id), "--attempt", "7"], "Nothing was heard of a call"),
        (["contact-2", "--pcap", "/nowhere/at/all.pcap"], "There is no signalling to write"),
        ([str(FIRST.id), "--attempt", "1", "--pcap", "/nowhere/at/all.pcap"], "cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_said(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """In a sentence."""
    assert onema(data, "call", "show", *arguments)
    assert said in capsys.readouterr().err


def test_the_story_of_a_message_tells_when_its_phone_rang(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Among everything else that happened."""
    assert onema(data, "message", "show", str(FIRST.id)) == 0
    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines() if line[:2] == "20"]
    steps = [line for line in lines if "attempt 2" in line]
    assert [step.split()[0] for step in steps] == ["ringing", "answered", "call"]
    assert onema(data, "message", "show", str(FIRST.id), "--json") == 0
    assert [one["ending"] for one in json.loads(capsys.readouterr().out)["calls"]] == ["busy", "answered"]


def test_a_page_may_end_in_the_middle_of_a_message() -> None:
    """None of its calls is lost or comes twice."""
    store = [
        PlacedCall(
            Call(ACCOUNT, MessageId(number), attempt, "c", "ended", 0), Phone("+84901888484"), "", "", ""
        )
        for number in range(PAGE, 0, -1)
        for attempt in (1, 2, 3)
    ]

    class Session:
        def answer(self, request: Any) -> list[PlacedCall]:
            older = [one for one in store if not request.before or one.call.message < request.before]
            return older[: request.limit]

    session: Any = Session()
    assert list(_Calls(session, "acme", None)) == store
