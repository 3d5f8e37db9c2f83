"""Traces as a collector gets them: OTLP over HTTP, from the real program."""

import base64
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

from .acme import configure, environment, received, request, send

PHONE = "+84901888484"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """Takes traces as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf":
                    bodies.append(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Collector":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def exports(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for export in self.exports
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resources(self) -> list[dict[str, str]]:
        """What it knows of who sent them, by export."""
        return [
            {one.key: one.value.string_value for one in resource.resource.attributes}
            for export in self.exports
            for resource in export.resource_spans
        ]


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def test_a_collector_gets_the_life_of_a_code_and_nothing_that_is_secret(
    collector: Collector, tmp_path: Path
) -> None:
    """What a server does is seen step by step in the caller's own trace; no phone, code, text or key leaves by it."""
    traced = {"ONEMA_TELEMETRY_TRACES": collector.url, "OTEL_RESOURCE_ATTRIBUTES": "region=north"}
    with RunningServer(tmp_path / "data", "demo", environment=traced) as server:
        keys, older = server.credentials("native"), server.credentials("esms")
        login = base64.b64encode(f"{keys['key']}:{keys['secret']}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        in_a_trace = {**headers, "traceparent": f"00-{TRACE}-{PARENT}-01"}
        sent = json.load(request(server, "POST", "/v1/verifications", json.dumps({"to": PHONE}), in_a_trace))
        (shown,) = eventually(lambda: server.json("/handset/messages", to=PHONE))
        body = json.dumps({"code": shown["code"]})
        checked = json.load(request(server, "POST", f"/v1/verifications/{sent['id']}/check", body, headers))
        assert checked["status"] == "verified"
        server.get(f"/MainService.svc/json/GetBalance/{older['ApiKey']}/{older['SecretKey']}")
        server.get(f"/v1/verifications/{PHONE}")
        # What waits to be sent is sent before it ends.
        assert server.stop() == 0

    spans = {span.span_id: span for span in collector.spans}

    def path(span: Span) -> list[str]:
        above = spans.get(span.parent_span_id)
        return [*(path(above) if above else []), span.name]

    of_the_caller = [span for span in spans.values() if span.trace_id.hex() == TRACE]
    assert sorted(path(span) for span in of_the_caller) == [
        ["request"],
        ["request", "commit"],
        ["request", "commit", "delivery"],
        ["request", "commit", "delivery", "attempt"],
        ["request", "commit", "delivery", "commit"],
    ]
    (entered,) = (span for span in of_the_caller if span.name == "request")
    assert entered.parent_span_id.hex() == PARENT
    requests = [attributes(span) for span in spans.values() if span.name == "request"]
    assert [(one["api.name"], one["http.route"], one["http.response.status_code"]) for one in requests] == [
        ("native", "/v1/verifications", 201),
        ("native", "/v1/verifications/{}/check", 200),
        ("esms", "/mainservice.svc/json/getbalance/{}/{}", 200),
        ("native", "/v1/verifications/{}", 404),
    ]
    checks = [one for one in spans.values() if attributes(one).get("command.kind") == "CheckCode"]
    assert [(attributes(one)["command.result"], attributes(one)["message.id"]) for one in checks] == [
        ("right", sent["id"])
    ]
    assert {(one["service.name"], one["region"]) for one in collector.resources} == {("onema", "north")}

    exported = b"".join(collector.bodies).replace(sent["id"].encode(), b"")
    secrets = [PHONE[-9:], shown["code"], shown["text"], login, *keys.values(), *older.values()]
    assert [secret for secret in secrets if secret.encode() in exported] == []


def test_what_another_process_delivers_is_found_by_its_message(
    collector: Collector, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The trace of a request is in the memory of the process that took it."""
    shared = environment(postgres_server.create_database("traces")) | {
        "ONEMA_TELEMETRY_TRACES": collector.url
    }
    asked = RunningServer(tmp_path / "asked", "serve", "--roles", "api", environment=shared)
    sends = RunningServer(tmp_path / "sends", "serve", "--roles", "deliver,console", environment=shared)
    with asked, sends:
        configure(asked)
        assert send(asked, "0901888484") == "100"
        received(sends, "0901888484")
        assert (asked.stop(), sends.stop()) == (0, 0)
    spans = {span.span_id: span for span in collector.spans}
    sent = [one for one in spans.values() if attributes(one).get("command.kind") == "SendCode"]
    accepted = {
        attributes(one)["message.id"]: one for one in sent if attributes(one)["command.result"] == "done"
    }
    delivered = {attributes(one)["message.id"]: one for one in spans.values() if one.name == "delivery"}
    assert delivered.keys() == accepted.keys() != set()
    assert {one.trace_id for one in delivered.values()}.isdisjoint(one.trace_id for one in accepted.values())
    assert {one.parent_span_id for one in delivered.values()} == {b""}
    assert len({one["service.instance.id"] for one in collector.resources}) == 2


def test_a_collector_that_is_away_costs_no_request(tmp_path: Path) -> None:
    """Nor does it keep the server from starting or ending."""
    with Collector() as gone:
        address = gone.url
    with RunningServer(tmp_path / "data", "demo", environment={"ONEMA_TELEMETRY_TRACES": address}) as server:
        keys = server.credentials("esms")
        balance = server.json(f"/MainService.svc/json/GetBalance/{keys['ApiKey']}/{keys['SecretKey']}")
        assert balance["CodeResponse"] == "100"
        assert server.stop() == 0
    assert "Failed to export span" in server.log.read_text()


def run(program: str) -> str:
    """What a Python program prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_a_server_without_traces_loads_nothing_of_opentelemetry() -> None:
    """Who does not want them need not have it."""
    program = (
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "import onema.cli.serving, onema.wiring.server, onema.settings\n"
        "print(sorted(name for name in sys.modules if 'opentelemetry' in name))\n"
    )
    assert run(program).strip() == "['opentelemetry']"


def test_traces_without_the_extra_are_refused_in_a_sentence() -> None:
    """It says what to install."""
    program = (
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "from onema.settings import SettingsError, load_settings\n"
        "try:\n    load_settings(None, {'ONEMA_TELEMETRY_TRACES': 'http://collector:4318/v1/traces'})\n"
        "except SettingsError as error:\n    print(error)\n"
    )
    assert run(program).strip() == "`telemetry.traces` needs OpenTelemetry: pip install 'onema[otel]'."
