"""What `onema bench` refuses before it sends anything, the requests it sends, and its plot."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jwt
import pytest

from onema.cli import main
from onema.loadtest.chart import percentile_chart
from onema.loadtest.requests import CodeRequests
from onema.testing.running_server import free_port
from onema.wiring.dialects import SAMPLES

SECRET = "a secret of the length that jwt asks for"
CREDENTIALS = {
    "esms": {"ApiKey": "K&Y", "SecretKey": "S", "Brandname": "My Shop", "message": "{OTP} la ma cua ban"},
    "vbee": {"apiKey": "key", "apiSecret": SECRET},
    "ytx": {"accountSID": "sid", "authToken": "token", "appid": "app"},
    "twilio_verify": {"accountSid": "ACsid", "authToken": "token", "serviceSid": "VAsid"},
    "native": {"key": "key", "secret": "secret"},
}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(CREDENTIALS))
    return file


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that is refused says."""
    with pytest.raises(SystemExit) as exited:
        main(["bench", "esms", *arguments, "--json"])
    assert exited.value.code == 1
    return str(json.loads(capsys.readouterr().out)["error"])


def requests_of(dialect: str) -> CodeRequests:
    return CodeRequests(SAMPLES[dialect](CREDENTIALS[dialect]), "localhost")


def body_of(request: bytes) -> Any:
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    return json.loads(body)


def test_another_machine_gets_no_load_by_accident(capsys: pytest.CaptureFixture[str], keys: Path) -> None:
    """A typing error in --url must not flood somebody else's server."""
    said = refusal(capsys, "--url", "http://192.0.2.1", "--credentials", str(keys))
    assert "not this machine" in said


def test_a_run_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """Rate and time each have a limit, and so has their product."""
    said = refusal(capsys, "--rate", "20000", "--seconds", "600")
    assert "1,000,000 are allowed" in said
    with pytest.raises(SystemExit) as exited:
        main(["bench", "esms", "--seconds", "601"])
    assert exited.value.code == 2


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1", "127.0.0.1:8400", "http://", "http://127.0.0.1:x", "http://127.0.0.1/api"]
)
def test_an_address_that_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], keys: Path, url: str
) -> None:
    """The sentence names it."""
    assert f"{url} is not an address" in refusal(capsys, "--url", url, "--credentials", str(keys))


def test_missing_credentials_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Whether the file, the API or one of its members is missing."""
    file = tmp_path / "keys.json"
    assert "cannot be read" in refusal(capsys, "--credentials", str(file))
    for content, said in (
        ("{}", "has no esms"),
        ('{"esms": {"ApiKey": "A"}}', "has no SecretKey for esms"),
        ("[]", "not a file like"),
        ("no JSON", "not a file like"),
    ):
        file.write_text(content)
        assert said in refusal(capsys, "--credentials", str(file))


def test_a_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], keys: Path) -> None:
    """In one sentence, without a traceback."""
    url = f"http://127.0.0.1:{free_port()}"
    assert f"{url}: cannot connect" in refusal(capsys, "--url", url, "--credentials", str(keys))


@pytest.mark.parametrize("dialect", SAMPLES)
def test_every_request_goes_to_another_phone(dialect: str) -> None:
    """Else windows, and the pages that neighbours share, would be measured."""
    requests = requests_of(dialect)
    phone = re.compile(rb'Phone=(\d+)|"(?:phone_number|dst)":"(\d+)"|To=%2B(\d+)|"to": "\+(\d+)"')
    found = [phone.search(requests.send(number)) for number in range(2_000)]
    assert len({match.group(0) for match in found if match}) == 2_000


def test_an_esms_request_spells_its_values_for_a_query() -> None:
    """Keys and brandnames may hold what a query gives a meaning to."""
    request = requests_of("esms").send(0)
    assert b"ApiKey=K%26Y&" in request
    assert b"Brandname=My%20Shop&" in request
    assert b"message={OTP}%20la%20ma" in request


def test_a_vbee_token_is_one_that_pyjwt_accepts() -> None:
    """We sign it by hand, so a stranger must check it."""
    request = SAMPLES["vbee"](CREDENTIALS["vbee"]).send_code(7).as_bytes("localhost")
    token = request.partition(b"Bearer ")[2].split(b"\r\n")[0]
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims == {"apiKey": "key", "otpCode": "006993"}
    assert body_of(request)["phone_number"].startswith("090")


def test_a_ytx_request_has_the_documented_members() -> None:
    """The body is JSON of the announced length, whatever the appid holds."""
    assert set(body_of(requests_of("ytx").send(3))) == {"action", "dst", "appid", "code", "time"}


@pytest.mark.parametrize(
    ("dialect", "status", "body", "named"),
    [
        ("esms", 200, b'{"CodeResult":"100","SMSID":"0"}', "100"),
        ("esms", 200, b'{"error":"Invalid request"}', "HTTP 200"),
        ("vbee", 200, b'{"message":"success","result":{},"status":1}', "success"),
        ("vbee", 401, b'{"status":0,"code":401,"message":"Unauthorized"}', "401"),
        ("vbee", 502, b"<html>", "HTTP 502"),
        ("ytx", 200, b'{"statusCode":"-203","statusMsg":""}', "-203"),
    ],
)
def test_answers_are_counted_by_the_vendors_code(dialect: str, status: int, body: bytes, named: str) -> None:
    """HTTP's status stands in where an answer has none."""
    assert requests_of(dialect).classify(status, body) == named


def test_the_plot_shows_as_many_nines_as_the_values_can_tell() -> None:
    """Of 1,000 values one is above p99.9, and nothing is known beyond."""
    drawing = percentile_chart("a < b", "ms", 1_000, lambda percent: percent / 10)
    texts = [element.text for element in ElementTree.fromstring(drawing).iter() if element.text]
    assert [text for text in texts if text.startswith("p")] == ["p0", "p90", "p99", "p99.9"]
    assert "a < b (ms)" in texts


def test_the_plot_rises_from_left_to_right() -> None:
    """A higher latency is drawn higher, and all of it inside the frame."""
    drawing = percentile_chart("latency", "ms", 10_000, lambda percent: 1 / (101 - percent))
    line = re.search(r'points="([^"]+)"', drawing)
    assert line is not None
    points = [tuple(map(float, point.split(","))) for point in line[1].split()]
    assert points == sorted(points, key=lambda point: (point[0], -point[1]))
    assert all(0 < x < 760 and 0 < y < 400 for x, y in points)


def test_a_plot_of_nothing_is_still_a_plot() -> None:
    """No answer came: the file is drawn all the same."""
    assert ElementTree.fromstring(percentile_chart("none", "ms", 0, lambda percent: 0.0)) is not None
