"""docs/vendors/ytx.md: its samples, run against a demo server."""

import base64
import hashlib
import inspect
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from onema.dialects.ytx import errors, words
from onema.testing.running_server import RunningServer, eventually

from .receiver import Receiver
from .samples import EVERY_LANGUAGE, PAGES, Program, Ran, operations, without

OPERATIONS = operations("ytx")
CALL_OUT = OPERATIONS["CodeCallOut"]
SEND_TEXT = OPERATIONS["TemplateSMS"]
GET_BALANCE = OPERATIONS["getBlance"]
READ_OUT = OPERATIONS["NoticeCall"]
RECORDS = OPERATIONS["CallCdr"]
PHONE = "13911281234"


def environment(server: RunningServer) -> dict[str, str]:
    """What the page asks to set."""
    keys = server.credentials("ytx")
    return {
        "YTX_URL": f"http://127.0.0.1:{server.port}",
        "YTX_ACCOUNT_SID": keys["accountSID"],
        "YTX_AUTH_TOKEN": keys["authToken"],
        "YTX_APPID": keys["appid"],
        "PHONE": PHONE,
        "CODE": "158456",
    }


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_call_with_the_code(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's answer, the phone hears the code, and a missing one is refused as the page shows."""
    given = environment(server)
    program = Program(CALL_OUT.samples[language], language, tmp_path / "call")
    called = program.run(given)
    assert (called.status, without(called.answer, "requestId")) == (
        0,
        without(CALL_OUT.answers[0], "requestId"),
    )
    message = str(int(called.answer["requestId"][6:25]))
    assert eventually(lambda: heard(server).get(message)) == given["CODE"]
    refused = program.run({**given, "CODE": ""})
    assert refused == (0 if language == "bash" else 1, CALL_OUT.answers[1])


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_send_a_text(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's answer, the phone gets the text, and a phone that is missing is refused as shown."""
    given = environment(server)
    program = Program(SEND_TEXT.samples[language], language, tmp_path / "send")
    sent = program.run(given)
    assert (sent.status, without(sent.answer, "requestId")) == (
        0,
        without(SEND_TEXT.answers[0], "requestId"),
    )
    message = str(int(sent.answer["requestId"][6:25]))

    def received() -> str | None:
        inbox = server.json("/handset/messages", to=PHONE, limit="10")
        return next((one["text"] for one in inbox if one["id"] == message), None)

    assert eventually(received) == f"您的验证码是{given['CODE']}，5分钟内有效"
    refused = program.run({**given, "PHONE": ""})
    assert refused == (0 if language == "bash" else 1, SEND_TEXT.answers[1])


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_read_a_text_out(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's answer, the phone hears the text, and a phone that is missing is refused as shown."""
    given = environment(server)
    program = Program(READ_OUT.samples[language], language, tmp_path / "call")
    called = program.run(given)
    assert (called.status, without(called.answer, "requestId")) == (
        0,
        without(READ_OUT.answers[0], "requestId"),
    )
    message = str(int(called.answer["requestId"][6:25]))

    def heard() -> str | None:
        inbox = server.json("/handset/messages", to=PHONE, limit="10")
        return next((one["text"] for one in inbox if one["id"] == message), None)

    assert eventually(heard) == f"您的验证码是{given['CODE']}，5分钟内有效"
    refused = program.run({**given, "PHONE": ""})
    assert refused == (0 if language == "bash" else 1, READ_OUT.answers[1])


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_ask_for_the_balance(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's two members; a wrong token is told as an error."""
    given = environment(server)
    program = Program(GET_BALANCE.samples[language], language, tmp_path / "balance")
    status, told = program.run(given)
    assert (status, list(told)) == (0, list(GET_BALANCE.answers[0]))
    assert told["AccountSID"] == given["YTX_ACCOUNT_SID"]
    assert isinstance(told["Blance"], int | float)
    refused = program.run({**given, "YTX_AUTH_TOKEN": "another"})
    assert (refused.status, refused.answer["statusCode"]) == (0 if language == "bash" else 1, "-203")


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_ask_for_the_record_of_a_call(
    language: str, server: RunningServer, tmp_path: Path
) -> None:
    """Each prints one like the page's once the call has ended; a wrong token is told as an error."""
    given = environment(server)
    called = Program(CALL_OUT.samples["python"], "python", tmp_path / "call").run(given)
    given["REQUEST_ID"] = called.answer["requestId"]
    program = Program(RECORDS.samples[language], language, tmp_path / "ask")
    status, told = eventually(lambda: _with_an_end(program.run(given)))
    (record,), (shown,) = told["cdr"], RECORDS.answers[0]["cdr"]
    assert status == 0
    assert [(name, type(value)) for name, value in record.items()] == [
        (name, type(value) if name != "oriamount" else type(record["oriamount"]))
        for name, value in shown.items()
    ]
    assert (record["requestid"], record["tel"], record["stateDesc"]) == (
        given["REQUEST_ID"],
        PHONE,
        shown["stateDesc"],
    )
    refused = program.run({**given, "YTX_AUTH_TOKEN": "another"})
    assert (refused.status, refused.answer["statusCode"]) == (0 if language == "bash" else 1, "-203")


def _with_an_end(ran: Ran) -> Ran | None:
    return ran if any(record["etime"] for record in ran.answer["cdr"]) else None


def test_the_receiver_hears_each_call_once(server: RunningServer, tmp_path: Path) -> None:
    """How a busy phone is told, with the page's members; a push that comes again, and one without the secret."""
    receiver = Receiver("ytx", "/cdr", tmp_path)
    server.onema("application", "set", "demo", "ytx", "--production", "--callback-url", receiver.url)
    with receiver.running():
        sample = Program(CALL_OUT.samples["python"], "python", tmp_path / "call")
        called = sample.run({**environment(server), "PHONE": "19900000005"})
        (record,) = eventually(receiver.said)
        assert record["requestid"] == called.answer["requestId"]
        assert (record["tel"], record["stateDesc"]) == ("19900000005", "用户正忙")
        page = (PAGES / "ytx.md").read_text()
        shown = re.search(r"^(\{\"cdr\".*)$", page, re.M)
        assert shown is not None
        assert list(record) == list(json.loads(shown[1])["cdr"][0])
        again = json.dumps({"cdr": [record]}).encode()
        assert receiver.post("/cdr?token=secret", again) == 200
        assert receiver.post("/cdr?token=guessed", shown[1].encode()) == 403
        assert receiver.said() == [record]
        # Nothing rings where the phone is busy. The receiver takes states, too: none is told again.
        told = eventually(lambda: _all_told(server, called.answer["requestId"]))
        assert sorted(each["about"] for each in told) == ["calling", "end", "ended"]
        assert {each["status"] for each in told} == {"200"}
    server.onema("application", "set", "demo", "ytx", "--sandbox", "--callback-url", "")


def _all_told(server: RunningServer, request_id: str) -> list[dict[str, str]]:
    """What was told of a call that nobody answered, once all of it was."""
    told: list[dict[str, str]] = server.onema("callback", "show", request_id)
    return told if len(told) == 3 else []


def heard(server: RunningServer) -> dict[str, str]:
    """The codes that the phone was told, by message."""
    return {each["id"]: each["code"] for each in server.json("/handset/messages", to=PHONE, limit="100")}


def test_the_worked_signature_is_right() -> None:
    """A reader who gets the page's numbers signs as the vendor asks."""
    page = (PAGES / "ytx.md").read_text()
    row = {
        name: value.replace("\\|", "|") for name, value in re.findall(r"^\| (.+?) \| `(.+)` \|$", page, re.M)
    }
    assert row["MD5 of"] == row["accountSID"] + row["authToken"] + row["time"]
    assert row["`Sign`"] == hashlib.md5(row["MD5 of"].encode()).hexdigest().upper()
    assert row["Base64 of"] == f"{row['accountSID']}|{row['time']}"
    assert row["`Authorization`"] == base64.b64encode(row["Base64 of"].encode()).decode()
    request = re.search(
        r"```http\nPOST (?P<target>\S+).*?Length: (?P<length>\d+)\n\n(?P<body>.*?)\n```", page, re.S
    )
    assert request is not None
    assert request["target"].endswith(f"/{row['accountSID']}/call/CodeCallOut.wx?Sign={row['`Sign`']}")
    assert int(request["length"]) == len(request["body"].encode())


@pytest.mark.parametrize("module", [words, errors], ids=["pushes", "answers"])
def test_every_word_that_onema_says_is_in_the_page(module: ModuleType) -> None:
    """Clients look for these words, so a new one is told to those who write clients."""
    page = (PAGES / "ytx.md").read_text().replace("\\|", "|")
    words = re.findall(r'"([^"\n]*[\u4e00-\u9fff][^"\n]*)"', inspect.getsource(module))
    assert len(words) > 5
    assert [word for word in words if f"`{word}`" not in page] == []
