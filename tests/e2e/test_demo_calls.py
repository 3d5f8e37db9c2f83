"""Codes that one hears: the demo's calls as a new user makes them, decoded from what the phone plays."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from onema.speech import Voices
from onema.speech.hearing.decode import hear_wav
from onema.testing.running_server import RunningServer, eventually

SHOP_SECRET = "a secret of the length that jwt asks for"
VIETNAMESE = {
    "hn_female_ngochuyen_full_48k-fhg": "vi-north",
    "hue_female_huonggiang_full_48k-fhg": "vi-central",
    "sg_female_thaotrinh_full_48k-fhg": "vi-south",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("calls") / "data", "demo") as server:
        yield server


@pytest.fixture(scope="module")
def voices() -> Voices:
    return Voices.load()


def curl(line: list[str]) -> Any:
    return json.loads(subprocess.run(line, capture_output=True, check=True).stdout)


def newest_call(server: RunningServer, phone: str, count: int = 1) -> dict[str, Any]:
    """The newest of `count` calls to the phone, once it got so many."""

    def received() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = server.json("/handset/messages", to=phone)
        return found if len(found) >= count else None

    return eventually(received)[0]


def wav_of(server: RunningServer, call: dict[str, Any]) -> bytes:
    status, body = server.get(call["audio_url"])
    assert status == 200
    return body


def vbee_call(
    server: RunningServer,
    phone: str,
    code: str,
    voice: str,
    key: str = "",
    secret: str = "",
    rate: float = 1.0,
) -> Any:
    keys = server.credentials("vbee")
    token = jwt.encode(
        {"apiKey": key or keys["apiKey"], "otpCode": code}, secret or keys["apiSecret"], algorithm="HS256"
    )
    return curl(
        [
            "curl",
            f"http://127.0.0.1:{server.port}/api/v1/public-api/voice-otp",
            "-H",
            f"Authorization: Bearer {token}",
            "-H",
            "Content-Type: application/json",
            "-d",
            json.dumps({"phone_number": phone, "voice": voice, "rate": rate}),
        ]
    )


def test_the_printed_curl_lines_make_calls_that_say_their_codes(
    server: RunningServer, voices: Voices
) -> None:
    """Vbee's in Vietnamese, ytx's in Mandarin and twice."""
    vietnamese, mandarin = [
        shlex.split(line)
        for line in re.findall(r"^curl .*$", server.output.read_text(), re.MULTILINE)
        if "voice-otp" in line or "CodeCallOut" in line
    ]
    told = curl(vietnamese)
    assert told["message"] == "success"
    request = curl(mandarin)
    assert request["statusCode"] == "0"
    call = newest_call(server, "0901888484")
    assert hear_wav(wav_of(server, call), voices["vi-north"]).code == "686868"
    assert call["text"].endswith("686868")
    call = newest_call(server, "+8613911281234")
    assert hear_wav(wav_of(server, call), voices["zh"]).codes == ("158456", "158456")
    assert server.onema("message", "show", request["requestId"])["id"] == call["id"]
    contact = told["result"]["contact_id"]
    (found,) = server.onema("message", "list", "demo", "--reference", contact)
    assert (found["phone"], found["reference"]) == ("+84901888484", contact)


def test_each_voice_speaks_in_its_own_accent(server: RunningServer, voices: Voices) -> None:
    """Three voices, three different audios, one code; slower and faster too."""
    heard: set[bytes] = set()
    for vendor_voice, voice in VIETNAMESE.items():
        for rate in (0.8, 1.4):
            vbee_call(server, "0901888401", "0307", vendor_voice, rate=rate)
            audio = wav_of(server, newest_call(server, "0901888401", len(heard) + 1))
            assert hear_wav(audio, voices[voice], rate).code == "0307"
            heard.add(audio)
    assert len(heard) == 6


def test_an_applications_own_sentence_is_heard(server: RunningServer, voices: Voices) -> None:
    """Rendered when it is saved; replaced by a recording when one is uploaded; the code stays the same."""
    file = """
[[accounts]]
name = "acme"
tariff = "demo"
wallet = "postpaid"
windows = []
[[accounts.applications]]
name = "shop"
voice = "vi-north"
sentence = "Cửa hàng hoa hồng xin chào, mã của quý khách là {OTP}, xin cảm ơn"
pool = "demo"
[[accounts.credentials]]
dialect = "vbee"
application = "shop"
key = "shop-key"
secret = "%s"
"""
    server.onema("apply", "-", stdin=file % SHOP_SECRET)
    voice = next(iter(VIETNAMESE))

    def call(count: int, **application: str) -> bytes:
        vbee_call(server, "0901888402", "4711", voice, **application)  # type: ignore[arg-type]  # key and secret
        return wav_of(server, newest_call(server, "0901888402", count))

    shop = {"key": "shop-key", "secret": SHOP_SECRET}
    rendered = call(1, **shop)
    assert hear_wav(rendered, voices["vi-north"]).code == "4711"
    demo = call(2)
    assert len(rendered) > len(demo), "the shop says more than the demo does"

    recording = server.data / "recording.wav"
    recording.write_bytes(demo)
    server.onema("application", "record", "acme", "shop", str(recording))
    recorded = call(3, **shop)
    assert recorded != rendered
    assert hear_wav(recorded, voices["vi-north"]).codes[-1].endswith("4711")


def test_calls_go_through_a_hotline_cap_of_ten_ten_times(server: RunningServer) -> None:
    """200 parallel calls: ten are placed, the rest is told 1501."""
    file = """
[[hotline_pools]]
name = "small"
hotlines = [{number = "+842873000001", daily_cap = 10}]
[[accounts]]
name = "busy"
tariff = "demo"
wallet = "postpaid"
windows = []
[[accounts.applications]]
name = "capped"
sentence = "Mã của bạn là {OTP}"
pool = "small"
[[accounts.credentials]]
dialect = "vbee"
application = "capped"
key = "capped-key"
secret = "%s"
"""
    server.onema("apply", "-", stdin=file % SHOP_SECRET)
    token = jwt.encode({"apiKey": "capped-key", "otpCode": "123456"}, SHOP_SECRET, algorithm="HS256")
    config = Path(server.data) / "parallel.curl"
    request = (
        f'url = "http://127.0.0.1:{server.port}/api/v1/public-api/voice-otp"\n'
        f'header = "Authorization: Bearer {token}"\nheader = "Content-Type: application/json"\n'
        'data = "{\\"phone_number\\":\\"0901888403\\",\\"voice\\":\\"sg_female_thaotrinh_full_48k-fhg\\"}"\n'
    )
    config.write_text("next\n".join([request] * 200))
    command = ["curl", "--no-progress-meter", "--parallel", "--parallel-max", "50", "--config", str(config)]
    answers = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert (answers.count('"message":"success"'), answers.count("1501")) == (10, 190)
