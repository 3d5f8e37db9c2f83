"""An account that sends codes and places calls, on servers that share one PostgreSQL."""

import http.client
import json
import secrets
from collections.abc import Mapping
from typing import Any

import jwt

from onema.testing.running_server import DEADLINE_SECONDS, RunningServer, eventually

SERVICE = "/MainService.svc/json"
KEYS = {"ApiKey": "ACME", "SecretKey": "ACME-SECRET"}
MESSAGE = "{OTP} la ma xac minh cua Acme"
CALL_SECRET = "a secret of the length that jwt asks for"
CONFIGURATION = f"""
[[tariffs]]
name = "default"
rates = [{{channel = "sms", price = "850"}}, {{channel = "call", price = "400", period = 60}}]
[[hotline_pools]]
name = "pool"
hotlines = [{{number = "+842871000001"}}]
[[accounts]]
name = "acme"
wallet = "postpaid"
windows = []
[[accounts.brandnames]]
name = "Acme"
templates = ["{MESSAGE}"]
[[accounts.applications]]
name = "calls"
voice = "vi-north"
pool = "pool"
sentence = "Mã xác thực onema của bạn là {{OTP}}"
[[accounts.credentials]]
dialect = "esms"
key = "ACME"
secret = "ACME-SECRET"
[[accounts.credentials]]
dialect = "vbee"
application = "calls"
key = "ACME-CALLS"
secret = "{CALL_SECRET}"
[[carriers]]
name = "handset"
type = "handset"
[[routes]]
channel = "sms"
carrier = "handset"
[[routes]]
channel = "call"
carrier = "handset"
"""


def environment(database: str) -> dict[str, str]:
    """For every server on the database."""
    return {
        "ONEMA_SERVER_KEY": secrets.token_hex(32),
        "ONEMA_DATABASE": database,
        "ONEMA_HANDSET_OPEN_ON_LOOPBACK": "true",
        "ONEMA_DELIVERY_LEASE": "1",
    }


def configure(server: RunningServer) -> None:
    """Return when the server knows the account, which need not be so at once in each of its workers."""
    server.onema("apply", "-", stdin=CONFIGURATION)
    eventually(lambda: send(server, "0901999999") == "100")


def send(server: RunningServer, phone: str) -> str:
    """The CodeResult of an eSMS GENCODE."""
    text = {"Brandname": "Acme", "Type": "2", "message": MESSAGE, "IsNumber": "1"}
    answer = server.json(f"{SERVICE}/SendMessageAutoGenCode_V4_get", **KEYS, Phone=phone, **text)
    return str(answer["CodeResult"])


def check(server: RunningServer, phone: str, code: str) -> str:
    """The CodeResult of an eSMS CHECKCODE."""
    return str(server.json(f"{SERVICE}/CheckCodeGen_V4_get", **KEYS, Phone=phone, Code=code)["CodeResult"])


def call(server: RunningServer, phone: str, code: str = "0307") -> Any:
    """What Vbee's voice-otp answers."""
    token = jwt.encode({"apiKey": "ACME-CALLS", "otpCode": code}, CALL_SECRET, algorithm="HS256")
    body = json.dumps({"phone_number": phone, "voice": "hn_female_ngochuyen_full_48k-fhg"})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return json.loads(post(server, "/api/v1/public-api/voice-otp", body, headers)[1])


def post(
    server: RunningServer, path: str, body: str = "", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """(status, body), over a connection of its own."""
    answer = request(server, "POST", path, body, headers or {})
    return answer.status, answer.read()


def request(
    server: RunningServer, method: str, path: str, body: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """The answer, over a connection of its own that ends with it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    connection.request(method, path, body, {"Connection": "close", **headers})
    return connection.getresponse()


def received(server: RunningServer, phone: str) -> list[dict[str, Any]]:
    """What a phone received, once that is something."""
    found: list[dict[str, Any]] = eventually(lambda: server.json("/handset/messages", to=phone))
    return found
