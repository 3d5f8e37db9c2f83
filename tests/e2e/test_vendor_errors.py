"""An operator's file, `onema apply`, and the vendor's error: each of Vbee's table on a running server."""

import json
import subprocess
from collections.abc import Iterator

import jwt
import pytest

from onema.testing.running_server import RunningServer

SECRET = "a-secret-of-this-test-0123456789abcdef"
PHONE, VOICE = "0901888484", "hn_female_ngochuyen_full_48k-fhg"

# One application for each error; its key is its name. Money and pools are what the demo server has.
FILE = f"""
[[hotline_pools]]
name = "empty"

[[hotline_pools]]
name = "resting"
hotlines = [{{number = "+842873000009", state = "inactive"}}]

[[hotline_pools]]
name = "off"
state = "inactive"
hotlines = ["+842873000010"]

[[accounts]]
name = "rich"
tariff = "demo"
wallet = "postpaid"
windows = []
applications = [
    {{name = "fine", sentence = "Ma cua ban la", pool = "demo"}},
    {{name = "speechless", pool = "demo"}},
    {{name = "inactive", sentence = "Ma cua ban la", pool = "demo", state = "inactive"}},
    {{name = "empty", sentence = "Ma cua ban la", pool = "empty"}},
    {{name = "resting", sentence = "Ma cua ban la", pool = "resting"}},
    {{name = "poolless", sentence = "Ma cua ban la"}},
    {{name = "off", sentence = "Ma cua ban la", pool = "off"}},
]
credentials = [
    {{dialect = "vbee", application = "fine", key = "fine", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "speechless", key = "speechless", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "inactive", key = "inactive", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "empty", key = "empty", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "resting", key = "resting", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "poolless", key = "poolless", secret = "{SECRET}"}},
    {{dialect = "vbee", application = "off", key = "off", secret = "{SECRET}"}},
]

[[accounts]]
name = "poor"
tariff = "demo"
wallet = "prepaid"
windows = []
applications = [{{name = "poor", sentence = "Ma cua ban la", pool = "demo"}}]
credentials = [{{dialect = "vbee", application = "poor", key = "poor", secret = "{SECRET}"}}]

[[accounts]]
name = "late"
tariff = "demo"
wallet = "prepaid"
wallet_expires_at = 2026-01-01T00:00:00+07:00
windows = []
applications = [{{name = "late", sentence = "Ma cua ban la", pool = "demo"}}]
credentials = [{{dialect = "vbee", application = "late", key = "late", secret = "{SECRET}"}}]
top_ups = [{{reference = "first", amount = 100000}}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("errors") / "data", "demo") as server:
        server.onema("apply", "-", stdin=FILE)
        yield server


@pytest.mark.parametrize(
    ("key", "secret", "answer"),
    [
        ("fine", "another-secret-0123456789-abcdefghij", (401, 401, "Unauthorized")),
        ("late", SECRET, (200, 1104, "Portal wallet is expired")),
        ("nobody", SECRET, (200, 1201, "Application is not found")),
        ("inactive", SECRET, (200, 1201, "Application is not found")),
        ("speechless", SECRET, (200, 1204, "OTP content is not found")),
        ("empty", SECRET, (200, 1501, "Hotline is empty or inactive")),
        ("resting", SECRET, (200, 1501, "Hotline is empty or inactive")),
        ("poor", SECRET, (200, 1603, "Portal wallet is out of money")),
        ("poolless", SECRET, (200, 2301, "Pool hotline do not exist")),
        ("off", SECRET, (200, 2302, "Pool hotline is inactive")),
    ],
)
def test_what_an_operator_configured_gives_the_vendors_error(
    server: RunningServer, key: str, secret: str, answer: tuple[int, int, str]
) -> None:
    """Code, text and HTTP status of the vendor's table."""
    status, body = call(server, key, secret)
    assert (status, body["code"], body["message"], body["status"]) == (*answer, 0)


def test_the_same_file_makes_calls(server: RunningServer) -> None:
    """The errors above are not those of a broken file."""
    status, body = call(server, "fine", SECRET)
    assert (status, body["message"], body["status"]) == (200, "success", 1)


def call(server: RunningServer, key: str, secret: str) -> tuple[int, dict[str, object]]:
    token = jwt.encode({"apiKey": key, "otpCode": "4711"}, secret, algorithm="HS256")
    url = f"http://127.0.0.1:{server.port}/api/v1/public-api/voice-otp"
    body = json.dumps({"phone_number": PHONE, "voice": VOICE})
    headers = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    curl = ["curl", "-s", "-w", "\n%{http_code}", url, *headers, "-d", body]
    answer, _, status = subprocess.run(curl, capture_output=True, check=True, text=True).stdout.rpartition(
        "\n"
    )
    return int(status), json.loads(answer)
