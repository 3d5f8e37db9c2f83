"""docs/vendors/vbee.md: its samples, run against a demo server."""

import base64
import hmac
import json
import re
from pathlib import Path

import pytest

from onema.dialects.vbee.callbacks import signature
from onema.dialects.vbee.wire import DEFAULT_RATE, FASTEST, SLOWEST, VOICES, CallRequest, read_body
from onema.testing.running_server import RunningServer, eventually

from .receiver import Receiver
from .samples import EVERY_LANGUAGE, PAGES, Program, operations

VOICE_OTP = operations("vbee")["Voice OTP"]
PHONE = "0901888481"


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_call_with_the_code(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's answer, the phone hears the code, and a wrong secret is refused as the page shows."""
    keys = server.credentials("vbee")
    given = {
        "VBEE_URL": f"http://127.0.0.1:{server.port}",
        "VBEE_API_KEY": keys["apiKey"],
        "VBEE_API_SECRET": keys["apiSecret"],
        "PHONE": PHONE,
        "CODE": CODES[language],
    }
    program = Program(VOICE_OTP.samples[language], language, tmp_path / "call")
    called = program.run(given)
    contact = {"contact_id": called.answer["result"]["contact_id"]}
    assert called == (0, {**VOICE_OTP.answers[0], "result": contact})
    assert eventually(lambda: CODES[language] in heard(server))
    refused = program.run({**given, "VBEE_API_SECRET": "another secret"})
    assert refused == (0 if language == "bash" else 1, VOICE_OTP.answers[1])


CODES = {
    "bash": "068681",
    "python": "068682",
    "php": "068683",
    "javascript": "068684",
    "java": "068685",
    "csharp": "068686",
}
"""One for each, so that it is told whose call came."""


def test_the_receiver_hears_each_call_once(server: RunningServer, tmp_path: Path) -> None:
    """How a busy phone is told, with the page's members; a webhook that comes again, and one that is signed wrong."""
    keys = server.credentials("vbee")
    receiver = Receiver("vbee", "/webhook", tmp_path, VBEE_API_SECRET=keys["apiSecret"])
    server.onema("application", "set", "demo", "vbee", "--callback-url", receiver.url)
    with receiver.running():
        sample = Program(VOICE_OTP.samples["python"], "python", tmp_path / "call")
        called = sample.run(
            {
                "VBEE_URL": f"http://127.0.0.1:{server.port}",
                "VBEE_API_KEY": keys["apiKey"],
                "VBEE_API_SECRET": keys["apiSecret"],
                "PHONE": "0990000005",
                "CODE": "686868",
            }
        )
        (told,) = eventually(receiver.said)
        assert told["contact_id"] == called.answer["result"]["contact_id"]
        assert (told["phone_number"], told["price"], told["state"]) == ("+84990000005", 0, "busy")
        shown = re.search(r"^(\{\"calls\".*)$", (PAGES / "vbee.md").read_text(), re.M)
        assert shown is not None
        assert list(told) == list(json.loads(shown[1]))
        again = json.dumps(told).encode()
        right = {"X-Onema-Signature": f"sha256=00,{signature(keys['apiSecret'], again)}"}
        assert receiver.post("/webhook", again, right) == 204
        assert receiver.post("/webhook", shown[1].encode(), right) == 403
        assert receiver.said() == [told]
    server.onema("application", "set", "demo", "vbee", "--callback-url", "")


def heard(server: RunningServer) -> set[str]:
    """The codes that the phone was told."""
    return {each["code"] for each in server.json("/handset/messages", to=PHONE, limit="100")}


def test_the_worked_token_is_right() -> None:
    """A reader who gets the page's numbers signs as the vendor's libraries do."""
    page = (PAGES / "vbee.md").read_text()
    row = dict(re.findall(r"^\| (.+?) \| `(.+)` \|$", page, re.M))
    assert segment(row["header"].encode()) == row["header in Base64"]
    assert segment(row["claims"].encode()) == row["claims in Base64"]
    signed = f"{row['header in Base64']}.{row['claims in Base64']}"
    assert segment(hmac.digest(row["API_SECRET"].encode(), signed.encode(), "sha256")) == row["signature"]


def test_the_signature_that_is_shown_is_right() -> None:
    """Of the webhook that is shown, under the secret of the worked token."""
    page = (PAGES / "vbee.md").read_text()
    (secret,) = re.findall(r"^\| API_SECRET \| `(.+)` \|$", page, re.M)
    shown = re.search(r"^X-Onema-Signature: (.*)\n\n(.*)$", page, re.M)
    assert shown is not None
    assert shown[1] == signature(secret, shown[2].encode())
    assert f"under `{secret}`" in page


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_the_page_names_the_values_that_are_taken() -> None:
    """Each voice, each spelling of the phone's member, the bounds and the default of the rate."""
    page = (PAGES / "vbee.md").read_text()
    (rate,) = re.findall(r"^\| `rate` \| number \| no \| (\S+) \| .*from (\S+) to (\S+);", page, re.M)
    assert tuple(map(float, rate)) == (DEFAULT_RATE, SLOWEST, FASTEST)
    assert set(re.findall(r"^\| `(\w+-fhg)` \|", page, re.M)) == set(VOICES)
    for spelling in ("phone_number", "phoneNumber", "phone-number"):
        assert f"`{spelling}`" in page
        body = json.dumps({spelling: PHONE, "voice": next(iter(VOICES))}).encode()
        assert read_body(body) == CallRequest(PHONE, next(iter(VOICES.values())), DEFAULT_RATE)
