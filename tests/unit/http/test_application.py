import asyncio
import logging

import pytest
from starlette.types import Receive, Scope, Send

from onema.http.application import HttpApplication
from onema.http.client_address import FORWARDED_HOST, TrustedProxies
from onema.http.messages import Request, Response
from onema.http.reader import BODY_LIMIT
from onema.telemetry.metrics import Metrics
from onema.testing.socketless_client import Answer, SocketlessClient


class EchoApi:
    """A wire API that keeps the requests it saw, and can be told to fail."""

    name = "echo"
    path_segments = frozenset({"mainservice.svc"})

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.failure: BaseException | None = None

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        if self.failure:
            raise self.failure
        return Response(200, b'{"CodeResult":"100"}', outcome="accepted")

    def refuse_oversized(self, request: Request) -> Response:
        return Response(200, b'{"error":"Invalid request"}')

    def fault(self, request: Request, incident: str) -> Response:
        return Response(200, b'{"CodeResult":"99","ErrorMessage":"%s"}' % incident.encode())


async def console(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


async def call(
    app: HttpApplication,
    target: bytes,
    *,
    method: str = "GET",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    chunks: tuple[bytes, ...] = (),
    hangs_up: bool = False,
) -> Answer:
    """The first answer on a connection; a body in chunks unless a header tells its length."""
    told = dict(headers)
    if chunks and b"content-length" not in told:
        if b"transfer-encoding" not in told:
            headers = (*headers, (b"transfer-encoding", b"chunked"))
        chunks = (
            *(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks),
            b"" if hangs_up else b"0\r\n\r\n",
        )
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    client = SocketlessClient(app)
    await client.send(b"%b %b HTTP/1.1\r\nhost: test\r\n%b\r\n" % (method.encode(), target, lines), *chunks)
    if hangs_up:
        await client.hang_up()
    return client.answers()[0] if client.got else Answer(0, {}, b"")


@pytest.fixture
def api() -> EchoApi:
    return EchoApi()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def app(api: EchoApi, metrics: Metrics) -> HttpApplication:
    return HttpApplication([api], console, TrustedProxies(), lambda: True, metrics, lambda: "1234567")


async def test_the_first_segment_chooses_the_api_in_any_case(app: HttpApplication, api: EchoApi) -> None:
    """Leading slashes collapse, and later ones are the API's own affair."""
    for target in (
        b"/MainService.svc/json//X?a=1",
        b"//mainservice.SVC/json//X?a=1",
        b"/MainService%2Esvc/x",
    ):
        assert (await call(app, target)).body == b'{"CodeResult":"100"}'
    assert [request.path for request in api.requests] == [
        "/MainService.svc/json//X",
        "/mainservice.SVC/json//X",
        "/MainService.svc/x",
    ]
    assert api.requests[0].query == b"a=1"


async def test_a_path_that_is_not_utf8_is_read_as_latin1(app: HttpApplication, api: EchoApi) -> None:
    """Every byte sequence is some path; the API says that it does not know it."""
    await call(app, b"/MainService.svc/%E9")
    await call(app, b"/MainService.svc/%C3%A9%EF%BF%BD")
    assert [request.path[-2:] for request in api.requests] == ["/é", "é\ufffd"]


async def test_a_body_in_pieces_arrives_whole(app: HttpApplication, api: EchoApi) -> None:
    """The API sees one body, however it was cut."""
    chunks = (b'{"a"', b":", b"1}")
    await call(app, b"/MainService.svc/x", method="POST", headers=((b"content-length", b"7"),), chunks=chunks)
    assert api.requests[0].body == b'{"a":1}'
    assert api.requests[0].client_ip == "192.0.2.1"


async def test_a_body_at_the_limit_passes(app: HttpApplication, api: EchoApi) -> None:
    """64 kB is allowed; one byte more is not."""
    await call(
        app,
        b"/MainService.svc/x",
        headers=((b"transfer-encoding", b"chunked"),),
        chunks=(b"a" * BODY_LIMIT,),
    )
    assert len(api.requests[0].body) == BODY_LIMIT


@pytest.mark.parametrize(
    "headers",
    [((b"content-length", b"65537"),), ((b"transfer-encoding", b"chunked"),)],
    ids=["told", "chunked"],
)
async def test_a_body_over_the_limit_gets_the_apis_own_refusal(
    app: HttpApplication, api: EchoApi, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    """The connection closes after it, since the rest of the body is never read in earnest."""
    exchange = await call(app, b"/MainService.svc/x", headers=headers, chunks=(b"a" * BODY_LIMIT, b"a"))
    assert exchange.body == b'{"error":"Invalid request"}'
    assert exchange.headers[b"connection"] == b"close"
    assert api.requests == []


async def test_a_client_that_hangs_up_within_its_body_is_not_answered(
    app: HttpApplication, api: EchoApi, metrics: Metrics
) -> None:
    """Half a request decides nothing."""
    headers = ((b"content-length", b"9"),)
    exchange = await call(app, b"/MainService.svc/x", headers=headers, chunks=(b"half",), hangs_up=True)
    assert (exchange.status, api.requests) == (0, [])
    assert b'outcome="client_gone"} 1.0' in metrics.render()


async def test_a_fault_becomes_the_apis_shape_and_one_incident(
    app: HttpApplication, api: EchoApi, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the place and the incident, and repeats nothing of the request."""
    api.failure = KeyError("0901888484 otp 4711")
    with caplog.at_level(logging.ERROR):
        exchange = await call(app, b"/MainService.svc/x?Phone=0901888484")
    assert exchange.body == b'{"CodeResult":"99","ErrorMessage":"1234567"}'
    (record,) = caplog.records
    assert vars(record)["incident"] == "1234567"
    assert "KeyError at test_application.py" in vars(record)["fault"]
    assert "4711" not in str(vars(record))


async def test_a_cancelled_request_ends_quietly(app: HttpApplication, api: EchoApi) -> None:
    """The server cancels when it has already closed the connection."""
    api.failure = asyncio.CancelledError()
    assert (await call(app, b"/MainService.svc/x")).status == 0


async def test_everything_else_goes_to_the_console(app: HttpApplication) -> None:
    """The console is the last resort, so that it can answer 404 in its own style."""
    assert (await call(app, b"/handset")).body == b"192.0.2.1"
    assert (await call(app, b"/")).body == b"192.0.2.1"


async def test_the_console_sees_the_forwarded_client(api: EchoApi, metrics: Metrics) -> None:
    """Loopback rules and login limits are worthless behind a proxy otherwise."""
    app = HttpApplication([api], console, TrustedProxies(["192.0.2.1"]), lambda: True, metrics)
    exchange = await call(app, b"/handset", headers=((b"x-forwarded-for", b"198.51.100.7"),))
    assert exchange.body == b"198.51.100.7"


async def show_scheme_and_host(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    text = f"{scope['scheme']} {scope.get(FORWARDED_HOST)}"
    await send({"type": "http.response.body", "body": text.encode()})


@pytest.mark.parametrize("proto", [b"https", b"https,http", b"HTTPS", b" https , http"])
@pytest.mark.parametrize("proxies", [["192.0.2.1"], ["192.0.2.9"]])
async def test_the_console_sees_what_a_trusted_proxy_was_asked_for(
    api: EchoApi, metrics: Metrics, proto: bytes, proxies: list[str]
) -> None:
    """However a chain of proxies writes it; from anybody else it is hearsay."""
    app = HttpApplication([api], show_scheme_and_host, TrustedProxies(proxies), lambda: True, metrics)
    headers = ((b"x-forwarded-proto", proto), (b"x-forwarded-host", b"otp.example.com, inner"))
    exchange = await call(app, b"/handset", headers=headers)
    trusted = proxies == ["192.0.2.1"]
    assert exchange.body == (b"https otp.example.com" if trusted else b"http None")


@pytest.mark.parametrize("told", [True, False])
async def test_the_console_refuses_large_bodies_too(app: HttpApplication, told: bool) -> None:
    """The limit holds for forms as well as for API calls."""
    headers = ((b"content-length", b"70000"),) if told else ((b"transfer-encoding", b"chunked"),)
    exchange = await call(app, b"/login", method="POST", headers=headers, chunks=(b"a" * 70_000,))
    assert exchange.status == 413


async def test_a_console_fault_shows_an_incident_and_no_trace(api: EchoApi, metrics: Metrics) -> None:
    """A broken page is an incident like any other."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("secret words")

    app = HttpApplication([api], broken, TrustedProxies(), lambda: True, metrics, lambda: "c0ffee")
    exchange = await call(app, b"/")
    assert (exchange.status, exchange.body) == (500, b"internal error, incident c0ffee")


async def test_health_and_metrics_answer(app: HttpApplication, metrics: Metrics) -> None:
    """What a load balancer and Prometheus ask."""
    await call(app, b"/MainService.svc/x")
    assert (await call(app, b"/health/live")).body == b"ok"
    assert (await call(app, b"/health/ready", method="HEAD")).status == 200
    assert (await call(app, b"/health/live", method="POST")).status == 405
    assert (await call(app, b"/health/unknown")).status == 404
    exported = (await call(app, b"/metrics")).body
    assert b'onema_http_requests_total{api="echo",outcome="accepted"} 1.0' in exported
    assert b'onema_http_request_seconds_count{api="probes"} 4.0' in exported


async def test_a_server_that_is_not_ready_says_so(api: EchoApi, metrics: Metrics) -> None:
    """503 takes the process out of the balancer's rotation."""
    app = HttpApplication([api], console, TrustedProxies(), lambda: False, metrics)
    exchange = await call(app, b"/health/ready")
    assert (exchange.status, exchange.body) == (503, b'{"ready":false}')


def test_two_apis_cannot_claim_one_segment(metrics: Metrics) -> None:
    """A silent winner would be a wrong answer for somebody."""
    with pytest.raises(ValueError, match=r"mainservice\.svc"):
        HttpApplication([EchoApi(), EchoApi()], console, TrustedProxies(), lambda: True, metrics)
