"""What stands behind carriers that are services which make and check codes: onema itself, whose dialects serve two of
these APIs, and a small server that speaks Vonage's as its public reference and its library have it
(vonage-verify 2.2.0).
"""

import http.server
import json
import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from onema.channels.http_verifier import camara, twilio, vonage
from onema.channels.http_verifier.contract import Service
from onema.channels.http_verifier.verifier import HttpVerifier
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_problems
from onema.engine.ports import SystemClock, steady_seconds
from onema.http.client.client import PooledClient
from onema.testing.running_server import RunningServer, eventually

NAME = "service"
PEM = (
    rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode()
)
SERVICES: dict[str, Service] = {
    "camara": camara.SERVICE,
    "twilio_verify": twilio.SERVICE,
    "vonage_verify": vonage.SERVICE,
}


def verifier(kind: str, settings: dict[str, Any]) -> HttpVerifier:
    """A carrier of this type, not started."""
    document = doc.Carrier(name=NAME, type=kind, own_codes=True, settings=settings)
    service = SERVICES[kind]
    assert not list(settings_problems(service.settings, document))
    assert not list(service.problems(document))
    return HttpVerifier(
        document,
        service,
        lambda common: PooledClient(seconds=common.timeout, idle_connections=4, private_targets=True),
        SystemClock().now,
        steady_seconds,
    )


def twilio_settings(server: RunningServer, port: int = 0) -> dict[str, Any]:
    """What leads to a demo server, or to a proxy before it."""
    keys = server.credentials("twilio_verify")
    return {
        "account_sid": keys["accountSid"],
        "auth_token": keys["authToken"],
        "service_sid": keys["serviceSid"],
        "base_url": f"http://127.0.0.1:{port or server.port}",
        "private_targets": True,
        "timeout": 10,
    }


def camara_settings(server: RunningServer, port: int = 0) -> dict[str, Any]:
    keys = server.credentials("camara")
    base = f"http://127.0.0.1:{port or server.port}/one-time-password-sms"
    return {
        "base_url": f"{base}/v1",
        "token_url": f"{base}/oauth2/token",
        "client_id": keys["clientId"],
        "client_secret": keys["clientSecret"],
        "text": "{{code}} is your code",
        "private_targets": True,
        "timeout": 10,
    }


def shown_code(server: RunningServer, message: int) -> str:
    """The code of a message on a demo's simulated phone."""
    return str(
        eventually(
            lambda: next(
                (
                    one["code"]
                    for one in server.json("/handset/messages", limit="1000")
                    if one["id"] == str(message)
                ),
                None,
            )
        )
    )


class VonageServer:
    """Answers on a port of this machine, from a thread. `codes` are those of the requests that it took, by request id;
    `answers` come before everything else, once each: (status, members), or None for a connection that breaks after the
    request was taken.
    """

    TRIES: ClassVar[int] = 3

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        """(method, path, members) of each request."""
        self.logins: list[str] = []
        self.answers: list[tuple[int, dict[str, Any]] | None] = []
        self._pending: dict[str, str] = {}
        """By number, the request that can be checked."""
        self._tries: dict[str, int] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settings(self, **more: Any) -> dict[str, Any]:
        known = {"brand": "Acme", "base_url": f"http://127.0.0.1:{self.port}", "private_targets": True}
        return {**known, "application_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "private_key": PEM, **more}

    def answer(self, method: str, path: str, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if (method, path) == ("POST", "/v2/verify"):
            return self._start(told)
        request = path.removeprefix("/v2/verify/")
        number = next((number for number, one in self._pending.items() if one == request), None)
        if number is None:
            return _problem(404, "Not Found", "not-found", f"Request '{request}' was not found")
        if method == "DELETE":
            del self._pending[number]
            return 204, {}
        if told["code"] == self.codes[request]:
            del self._pending[number]
            return 200, {"request_id": request, "status": "completed"}
        self._tries[request] = self._tries.get(request, 0) + 1
        if self._tries[request] >= self.TRIES:
            if self._tries[request] > self.TRIES:
                del self._pending[number]
            return _problem(
                410, "Invalid Code", "expired", "An incorrect code has been provided too many times"
            )
        return _problem(400, "Invalid Code", "invalid-code", "The code does not match the expected value")

    def _start(self, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        (step,) = told["workflow"]
        if not step["to"].isdigit() or step["channel"] not in ("sms", "voice"):
            return _problem(422, "Invalid params", "invalid-params", "The value of one or more is invalid")
        if step["to"] in self._pending:
            conflict = _problem(409, "Conflict", "conflict", "Concurrent verifications are not allowed")
            conflict[1]["request_id"] = self._pending[step["to"]]
            return conflict
        request = str(uuid.uuid4())
        self._pending[step["to"]] = request
        length = told.get("code_length", 4)
        self.codes[request] = str(len(self.codes) + 1).zfill(length)
        return 202, {"request_id": request}

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                told = json.loads(self.rfile.read(length) or b"{}")
                service.asked.append((self.command, self.path, told))
                service.logins.append(self.headers["authorization"])
                written = service.answers.pop(0) if service.answers else (0, {})
                if written is None or not written[0]:
                    made = service.answer(self.command, self.path, told)
                    written = None if written is None else made
                if written is None:
                    self.close_connection = True
                    return
                body = json.dumps(written[1]).encode() if written[1] else b""
                self.send_response(written[0])
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST: Callable[[Any], None] = _answer  # noqa: N815  # as http.server names them
            do_DELETE: Callable[[Any], None] = _answer  # noqa: N815

        return Handler


def _problem(status: int, title: str, kind: str, detail: str) -> tuple[int, dict[str, Any]]:
    known = f"https://developer.vonage.com/en/api-errors/verify-v2#{kind}"
    return status, {"title": title, "type": known, "detail": detail, "instance": str(uuid.uuid4())}
