"""The example for India in docs/carriers/regulated-text.md, from its commands to the octets that an SMSC gets."""

import asyncio
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from onema.cli import main
from onema.protocols.smpp.tlvs import tlv
from onema.testing.running_server import RunningServer
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc

PAGE = (Path(__file__).parents[2] / "docs" / "carriers" / "regulated-text.md").read_text()
SECTION = PAGE.partition("\n## India: DLT\n")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^\$ onema (.*)$", SECTION, re.MULTILINE)
ON_THE_WIRE = b"".join(
    bytes.fromhex(tag + length) + value.encode()
    for tag, length, value in re.findall(r"^([0-9a-f]{4}) ([0-9a-f]{4}) (\S+)$", SECTION, re.MULTILINE)
)
KEYS = {"ApiKey": "ACME", "SecretKey": "ACME-SECRET"}
# Telemarketers' SMSCs report the operator in a TLV of their own; the one that the text does not fit is scripted.
SCRIPT = {
    "receipt_tlvs": [{"tag": 0x1411, "text": "Airtel"}],
    "rules": [{"to": "919876543211", "then": {"receipt": "UNDELIV", "receipt_error": "633"}}],
}


def configure(data: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the page's commands, before this SMSC instead of the page's."""
    more = (
        "credential add acme esms --key ACME --secret-stdin",
        "wallet terms acme --postpaid",
        "template add acme ACMEIN '{OTP} is a text without an id'",
        """carrier set india --setting 'receipt_tlvs=[{"tag": 5137, "name": "operator"}]'""",
    )
    for command in (*COMMANDS, *more):
        monkeypatch.setattr("sys.stdin", io.StringIO(KEYS["SecretKey"]))
        words = shlex.split(command.replace("smsc.example.in:2775", f"127.0.0.1:{port}"))
        with pytest.raises(SystemExit) as exited:
            main(["--data", str(data), *words])
        assert not exited.value.code, command


def send(running: RunningServer, phone: str, text: str) -> Any:
    return running.json(
        "/MainService.svc/json/SendMessageAutoGenCode_V4_get",
        **KEYS,
        Phone=phone,
        Brandname="ACMEIN",
        Type="2",
        message=text,
        IsNumber="1",
    )


def sent_codes(running: RunningServer) -> list[int]:
    """The ids of two messages that are taken; a third has no id of its template and is refused."""
    text = "{OTP} is your OTP for ACME."
    taken = [send(running, phone, text) for phone in ("9876543210", "9876543211")]
    assert [answer["CodeResult"] for answer in taken] == ["100", "100"]
    assert send(running, "9876543210", "{OTP} is a text without an id")["CodeResult"] == "146"
    return [int(answer["SMSID"], 16) for answer in taken]


async def test_a_code_goes_to_india_with_what_the_dlt_demands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three TLVs in their order behind the text; without the template's id nothing is sent or paid; the receipt's
    operator and the DLT's refusal are in the story.
    """
    async with Smsc(script_of(SCRIPT)) as smsc:
        await asyncio.to_thread(configure, tmp_path / "data", smsc.port, monkeypatch)
        running = RunningServer(tmp_path / "data", "serve")
        try:
            await asyncio.to_thread(running.start)
            taken = await asyncio.to_thread(sent_codes, running)
            await smsc.until(lambda: len(smsc.acknowledged) == 2)
            stories = [await asyncio.to_thread(running.onema, "message", "show", str(one)) for one in taken]
            balance = await asyncio.to_thread(running.onema, "wallet", "show", "acme")
        finally:
            await asyncio.to_thread(running.stop)
    assert len(smsc.submits) == 2
    for submit in smsc.submits:
        assert b"".join(tlv(tag, value) for tag, value in submit.tlvs) == ON_THE_WIRE
    assert smsc.messages[0].sender == "ACMEIN"
    delivered, refused = stories
    assert (delivered["state"], delivered["attempts"][0]["network"]) == ("delivered", {"operator": "Airtel"})
    assert refused["state"] == "undelivered"
    assert refused["reason"] == "refused by India's DLT: the text does not fit the template"
    assert balance["balance"] == "-0.3"
