"""docs/vendors/esms.md: its samples, run against a demo server."""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from msgspec.structs import replace

from onema.dialects.esms import queries, send_wire
from onema.dialects.esms.callbacks import call_callback, delivery_callback
from onema.dialects.esms.wire import PARAMETERS, message_of_smsid
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel, Message, MessageState
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.testing.running_server import RunningServer, eventually

from .samples import EVERY_LANGUAGE, PAGES, Program, operations, without

OPERATIONS = operations("esms")
SEND_PATH = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"
SEND = OPERATIONS["GENCODE"]
CHECK = OPERATIONS["CHECKCODE"]
SEND_TEXT = OPERATIONS["SendMultipleMessage_V4"]
BALANCE = OPERATIONS["GetBalance"]
VOICE_OTP = OPERATIONS["VoiceOTP"]
OTHER_QUERIES = [path for path in queries.OPERATIONS if "getbalance" not in path]


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_send_a_code_and_check_it(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the answers of the page: wrong keys, accepted, right, and used up."""
    environment = environment_of(server)
    phone = environment["PHONE"]
    send = Program(SEND.samples[language], language, tmp_path / "send")
    refusal = 0 if language == "bash" else 1
    assert send.run({**environment, "ESMS_SECRET_KEY": "WRONG"}) == (refusal, SEND.answers[1])
    before = newest_message(server, phone)["id"]
    sent = send.run(environment)
    assert (sent.status, without(sent.answer, "SMSID")) == (0, without(SEND.answers[0], "SMSID"))
    eventually(lambda: newest_message(server, phone)["id"] != before)
    environment["CODE"] = code = newest_message(server, phone)["code"]
    check = Program(CHECK.samples[language], language, tmp_path / "check")
    assert check.run(environment) == (0, CHECK.answers[0])
    shown = CHECK.answers[1]["ErrorMessage"].replace("1NTTJ6", code)
    assert check.run(environment) == (
        refusal,
        {**CHECK.answers[1], "ErrorMessage": shown},
    )


def test_a_text_without_a_place_for_the_code_is_refused_as_shown(server: RunningServer) -> None:
    """The one refusal that has an SMSID."""
    keys = server.credentials("esms")
    query = {name: keys[name] for name in ("ApiKey", "SecretKey", "Brandname")}
    refused = server.json(SEND_PATH, **query, Phone="0901888484", Type="2", message="686868 la ma")
    assert without(refused, "SMSID") == without(SEND.answers[2], "SMSID")


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_send_a_text(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the answer of the page, takes wrong keys for a failure, and the phone shows the sender's own code."""
    environment = {**environment_of(server), "CODE": str(secrets.randbelow(9_000_000) + 1_000_000)}
    send = Program(SEND_TEXT.samples[language], language, tmp_path / "send")
    refusal = 0 if language == "bash" else 1
    assert send.run({**environment, "ESMS_SECRET_KEY": "WRONG"}) == (refusal, SEND.answers[1])
    sent = send.run(environment)
    assert (sent.status, without(sent.answer, "SMSID")) == (0, without(SEND_TEXT.answers[0], "SMSID"))
    was_received(server, environment)


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_call_with_a_code(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the answers of the page, the phone hears the sender's own code, and its status is told as shown."""
    environment = {**environment_of(server), "CODE": f"{secrets.randbelow(1_000_000):06}"}
    call = Program(VOICE_OTP.samples[language], language, tmp_path / "call")
    called = call.run(environment)
    assert (called.status, without(called.answer, "SMSID")) == (0, without(VOICE_OTP.answers[0], "SMSID"))
    eventually(lambda: newest_message(server, environment["PHONE"]).get("code") == environment["CODE"])
    refused = call.run({**environment, "CODE": "?"})
    assert refused == (0 if language == "bash" else 1, VOICE_OTP.answers[1])


def test_how_a_call_went_is_told_as_shown(server: RunningServer, tmp_path: Path) -> None:
    """The page's line for a shell, with the seconds that the demo's voice needs."""
    environment = {**environment_of(server), "CODE": "068686"}
    called = Program(VOICE_OTP.samples["bash"], "bash", tmp_path / "call").run(environment)
    environment["SMSID"] = called.answer["SMSID"]
    section = (PAGES / "esms.md").read_text().partition("### How a call went")[2]
    shell = re.search(r"^```sh\n(.*?)^```\n\n```json\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert shell is not None
    status, shown = Program(shell[1], "bash", tmp_path / "status"), json.loads(shell[2])
    eventually(lambda: status.run(environment).answer["SendStatus"] == 5)
    told = status.run(environment).answer
    assert told == {**shown, "ReferenceId": environment["SMSID"], "CallDuration": told["CallDuration"]}
    assert 5 < told["CallDuration"] < 60


def test_its_other_dresses_send_it_too(server: RunningServer, tmp_path: Path) -> None:
    """The page's lines for a shell: a form, an RQST whose answer is the XML of the page, and several channels."""
    page = (PAGES / "esms.md").read_text()
    section = page.partition("### Its other dresses")[2].partition("### SendMessageAutoGenCode_V5")[0]
    (shown,) = re.findall(r"^```xml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(lines) == 3
    for line in lines:
        code = str(secrets.randbelow(9_000_000) + 1_000_000)
        environment = {**os.environ, **environment_of(server), "CODE": code}
        told = subprocess.run(
            ["bash", "-eu", "-c", line], env=environment, capture_output=True, text=True, check=True
        )
        if "/xml/" in line:
            assert _without_id(told.stdout) == _without_id(shown.strip())
        else:
            assert without(json.loads(told.stdout), "SMSID") == without(SEND_TEXT.answers[0], "SMSID")
        was_received(server, environment)


def _without_id(answer: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "ID", answer)


def was_received(server: RunningServer, environment: Mapping[str, str]) -> None:
    """Wait until the phone shows the text with the code."""
    text = f"{environment['CODE']} la ma xac minh dang ky Baotrixemay cua ban"
    eventually(lambda: newest_message(server, environment["PHONE"]).get("text") == text)


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_ask_for_the_balance(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the answers of the page, and takes wrong keys for a failure."""
    keys = server.credentials("esms")
    environment = environment_of(server)
    ask = Program(BALANCE.samples[language], language, tmp_path / "ask")
    asked = ask.run(environment)
    assert (asked.status, without(asked.answer, "Balance", "UserID")) == (
        0,
        without(BALANCE.answers[0], "Balance", "UserID"),
    )
    refusal = 0 if language == "bash" else 1
    assert ask.run({**environment, "ESMS_SECRET_KEY": keys["ApiKey"]}) == (refusal, BALANCE.answers[1])


def test_every_query_answers_as_shown(server: RunningServer, tmp_path: Path) -> None:
    """The page's lines for a shell, each with the answer below it, about a message that has arrived."""
    environment = environment_of(server)
    send = Program(SEND.samples["bash"], "bash", tmp_path / "send")
    environment["SMSID"] = smsid = send.run(environment).answer["SMSID"]
    page = (PAGES / "esms.md").read_text().partition("\n## Queries\n")[2]
    queries = re.findall(r"^```sh\n(curl .*?)^```\n\n```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    programs = [
        (Program(shell, "bash", tmp_path / str(number)), json.loads(answer))
        for number, (shell, answer) in enumerate(queries)
    ]
    assert len(programs) == len(OTHER_QUERIES)
    status = next(program for program, shown in programs if "SendStatus" in shown)
    eventually(lambda: status.run(environment).answer["SendStatus"] == 5)
    for program, shown in programs:
        expected = {**shown, "SMSID": smsid} if "SMSID" in shown else shown
        assert program.run(environment) == (0, expected)


def test_every_parameter_that_is_read_is_described() -> None:
    """By its documented name, in a table."""
    rows = [line for line in (PAGES / "esms.md").read_text().splitlines() if line.startswith("| `")]
    described = {name.lower() for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert PARAMETERS - described == set()
    text = (PAGES / "esms.md").read_text().lower()
    known = queries.PARAMETERS | send_wire.PARAMETERS
    assert {name for name in known if f"`{name}`" not in text} == set()


def test_the_callbacks_are_those_that_are_made() -> None:
    """Names, order and the values of a delivered message, and of a call that was answered."""
    page = (PAGES / "esms.md").read_text()
    shown = re.search(r"^GET /your/path\?(SMSID\S+)$", page, re.MULTILINE)
    assert shown is not None
    sent = Message(
        account=AccountId(1),
        id=MessageId(message_of_smsid(dict(parse_qsl(shown[1]))["SMSID"])),
        dialect="esms",
        channel=Channel.SMS,
        phone=Phone("+84901888484"),
        sender="Baotrixemay",
        application="",
        reference="",
        client_ip="203.0.113.9",
        verification=1,
        code_expires_at=0,
        segments=1,
        period=0,
        unit_price=Minor(8_500_000),
        price=Minor(8_500_000),
        held=Minor(0),
        charged=Minor(8_500_000),
        talked_ms=0,
        state=MessageState.DELIVERED,
        reason="",
        ended_at=1,
    )
    assert delivery_callback(sent, "https://shop.example/").url == f"https://shop.example/?{shown[1]}"
    call = replace(
        sent, channel=Channel.CALL, charged=Minor(4_000_000), talked_ms=15_100, sender="+842471000001"
    )
    (shown_call,) = re.findall(r"^GET /your/path\?(ReferenceId\S+)$", page, re.MULTILINE)
    assert call_callback(call, "https://shop.example/", "").url == f"https://shop.example/?{shown_call}"


def environment_of(server: RunningServer) -> dict[str, str]:
    """What the page's samples read, but for the code."""
    keys = server.credentials("esms")
    return {
        "ESMS_URL": f"http://127.0.0.1:{server.port}",
        "ESMS_API_KEY": keys["ApiKey"],
        "ESMS_SECRET_KEY": keys["SecretKey"],
        "PHONE": "0901888484",
    }


def newest_message(server: RunningServer, phone: str) -> dict[str, str]:
    """What the phone received last; nothing when it received nothing."""
    received: list[dict[str, str]] = server.json("/handset/messages", to=phone, limit="1")
    return received[0] if received else {"id": ""}
