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

from onema.dialects.esms import queries, send_wire
from onema.dialects.esms.callbacks import delivery_callback
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


def test_the_callback_is_the_one_that_is_made() -> None:
    """Names, order and a delivered message's values."""
    page = (PAGES / "esms.md").read_text()
    shown = re.search(r"^GET /your/path\?(\S+)$", page, re.MULTILINE)
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
