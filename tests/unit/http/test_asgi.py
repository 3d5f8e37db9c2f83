"""How an ASGI application, such as the console, is served."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.telemetry.metrics import Metrics
from onema.testing.socketless_client import ROOM, SocketlessClient

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def client_of(app: App, metrics: Metrics | None = None) -> SocketlessClient:
    return SocketlessClient(
        HttpApplication([], app, TrustedProxies(), lambda: True, metrics or Metrics(), lambda: "c0ffee")
    )


def request(method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} /page?a=1 HTTP/{version}\r\nHost: test\r\n\r\n".encode()


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes, *, more: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def two_parts(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start(200, (b"Content-Type", b"text/plain")))
    await send(part(b"one", more=True))
    await send(part(b"", more=True))
    await send(part(b"two"))


async def test_an_answer_without_a_length_is_chunked() -> None:
    """An empty part is no chunk: that would be the end."""
    client = client_of(two_parts)
    await client.send(request(), request())
    assert client.got == 2 * (
        b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )


async def test_an_answer_to_http_1_0_ends_with_the_connection() -> None:
    """It knows no chunks (RFC 9112 section 6.1)."""
    client = client_of(two_parts)
    await client.send(request(version="1.0"))
    head = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    assert client.got == head + b"onetwo"
    assert client.transport.is_lost


async def test_head_gets_the_head_alone() -> None:
    """With the length that the body would have."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-length", b"6")))
        await send(part(b"onetwo"))

    client = client_of(app)
    await client.send(request("HEAD"), request("HEAD"))
    assert client.got == 2 * b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 6\r\n\r\n"


async def test_an_application_is_told_what_was_asked() -> None:
    """Path and query apart, the whole body at once, and who asks whom."""
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((scope, await receive()))
        await send(start(204))
        await send(part(b""))

    client = client_of(app)
    await client.send(
        b"POST //p%C3%A9?q=%20 HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n", b"bo", b"dy"
    )
    assert seen == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "//pé",
            "root_path": "",
            "query_string": b"q=%20",
            "headers": [(b"host", b"test"), (b"content-length", b"4")],
            "client": ("192.0.2.1", 4711),
            "server": ("192.0.2.2", 80),
        },
        {"type": "http.request", "body": b"body", "more_body": False},
    ]
    assert client.got == b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n"


async def test_how_an_answer_is_framed_is_not_the_applications_affair() -> None:
    """Headers about the connection from two sides would contradict each other."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"Connection", b"upgrade"), (b"Transfer-Encoding", b"chunked")))
        await send(part(b"a"))

    client = client_of(app)
    await client.send(request())
    assert client.got.endswith(b"\r\ndate: today\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")


async def test_an_application_hears_of_the_end_of_its_answer_and_of_a_client_that_goes() -> None:
    """Both are a disconnect to who waits for more, and more than one may wait."""
    ended: list[str] = []

    async def wait(receive: Receive, path: str) -> None:
        ended.append(path + (await receive())["type"])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting = [asyncio.ensure_future(wait(receive, scope["path"])) for _ in range(2)]
        await send(start())
        if scope["path"] == "/endless":
            await send(part(b"a", more=True))
            await asyncio.wait(waiting)
            # Who sends to nobody is not told.
            await send(part(b"b"))
        else:
            await send(part(b""))
            await asyncio.wait(waiting)

    client = client_of(app)
    await client.send(b"GET /short HTTP/1.1\r\nHost: test\r\n\r\nGET /endless HTTP/1.1\r\nHost: test\r\n\r\n")
    assert ended == ["/shorthttp.disconnect"] * 2
    await client.hang_up()
    assert ended[2:] == ["/endlesshttp.disconnect"] * 2
    assert client.shared.connections == set()


async def test_an_application_waits_for_a_client_that_does_not_read() -> None:
    """What it sends would be kept in memory meanwhile."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start())
        for number in range(100):
            await send(part(b"a" * 10_000, more=number < 99))
            sent += 1

    client = client_of(app)
    client.transport.stop_reading()
    await client.send(request())
    assert sent * 10_000 < 2 * ROOM
    client.transport.read_on()
    await client.answered()
    assert sent == 100
    assert client.answers()[0].body == b"a" * 1_000_000


async def test_a_stream_ends_when_its_client_goes() -> None:
    """As Starlette sends them: its generator is closed, and nothing goes on."""
    closed = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: x\n\n"
                await asyncio.Event().wait()
        finally:
            closed.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(events())(scope, receive, send)

    client = client_of(app)
    await client.send(request())
    assert b"data: x" in client.got
    await client.hang_up()
    await closed.wait()
    await client.answered()
    assert client.shared.connections == set()


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers nothing."""


async def headless(scope: Scope, receive: Receive, send: Send) -> None:
    await send(part(b"a"))


async def two_lines(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start(200, (b"location", b"/a\r\nset-cookie: b")))
    await send(part(b"a"))


async def too_long(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start(200, (b"content-length", b"1")))
    await send(part(b"ab"))


async def too_short(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start(200, (b"content-length", b"2")))
    await send(part(b"a"))


@pytest.mark.parametrize("app", [silent, headless, two_lines, too_long, too_short])
async def test_what_is_no_answer_is_a_fault(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets an incident, and may ask again."""
    metrics = Metrics()
    client = client_of(app, metrics)
    with caplog.at_level(logging.ERROR):
        await client.send(request(), request())
    assert [(answer.status, answer.body) for answer in client.answers()] == [
        (500, b"internal error, incident c0ffee")
    ] * 2
    assert len(caplog.records) == 2
    assert b'onema_http_requests_total{api="console",outcome="fault"} 2.0' in metrics.render()


async def half(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(part(b"a", more=True))


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    await half(scope, receive, send)
    raise ZeroDivisionError


async def twice(scope: Scope, receive: Receive, send: Send) -> None:
    await half(scope, receive, send)
    await send(start())


@pytest.mark.parametrize("app", [half, broken, twice])
async def test_half_an_answer_ends_with_the_connection(app: App) -> None:
    """Nothing else tells the client that the rest does not come."""
    client = client_of(app)
    await client.send(request(), request())
    assert client.got.endswith(b"\r\n\r\n1\r\na\r\n")
    assert client.transport.is_lost


async def test_nothing_is_sent_behind_the_end_of_an_answer() -> None:
    """It would be read as the next answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await two_parts(scope, receive, send)
        with pytest.raises(RuntimeError, match="after its end"):
            await send(part(b"three"))

    client = client_of(app)
    await client.send(request())
    assert client.got.endswith(b"two\r\n0\r\n\r\n")
