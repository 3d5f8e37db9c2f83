"""A server on a free port, and clients that write and read raw bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.http.connection import NORMAL_PATIENCE, Patience
from onema.http.messages import Request, Response
from onema.http.server import HttpServer, TlsFiles
from onema.telemetry.metrics import Metrics


class EchoApi:
    """Answers with the query it got; `/slow` waits to be let go, `/broken` fails."""

    name = "echo"
    path_segments = frozenset({"echo"})

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.let_go = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        if request.path == "/echo/slow":
            self.arrived.set()
            await self.let_go.wait()
        if request.path == "/echo/broken":
            raise RuntimeError("words of the request")
        return Response(200, request.path.encode() + b"?" + request.query)

    def refuse_oversized(self, request: Request) -> Response:
        return Response(200, b'{"error":"Invalid request"}')

    def fault(self, request: Request, incident: str) -> Response:
        return Response(200, b'{"CodeResult":"99","ErrorMessage":"incident %s"}' % incident.encode())


class StreamingConsole:
    """An event stream that ends when the server stops, or one that does not care."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self.stubborn = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/event-stream")],
            }
        )
        await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})
        if self.stubborn:
            await asyncio.Event().wait()
        await self._stopping.wait()
        await send({"type": "http.response.body", "body": b"data: bye\n\n"})


class RunningServer:
    """A server on a free port with the doubles behind it."""

    def __init__(self, tls: TlsFiles | None = None, patience: Patience = NORMAL_PATIENCE) -> None:
        stopping = asyncio.Event()
        self.api = EchoApi()
        self.console = StreamingConsole(stopping)
        self.app = HttpApplication(
            [self.api], self.console, TrustedProxies(), lambda: True, Metrics(), lambda: "c0ffee"
        )
        self.http = HttpServer(self.app, "127.0.0.1", 0, tls, stopping, patience=patience)

    @asynccontextmanager
    async def connection(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Connection"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http.port, ssl=tls)
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()


class Connection:
    """A raw client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    def get(self, target: str) -> None:
        self.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers["content-length"]))


def on_uvloop(test: Callable[[], Awaitable[None]]) -> None:
    """Production runs on uvloop, whose transports differ from asyncio's."""

    async def within_deadline() -> None:
        async with asyncio.timeout(20):
            await test()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(within_deadline())


@asynccontextmanager
async def serving(tls: TlsFiles | None = None) -> AsyncIterator[RunningServer]:
    server = RunningServer(tls)
    async with AsyncExitStack() as stack:
        await server.http.start()
        stack.push_async_callback(server.http.stop, 0.0)
        yield server


@asynccontextmanager
async def serving_app(
    app: ASGIApp, patience: Patience = NORMAL_PATIENCE, most_connections: int | None = None
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Connection]]]:
    """A server of this application alone, and how to connect to it."""
    application = HttpApplication([], app, TrustedProxies(), lambda: True, Metrics())
    server = HttpServer(application, "127.0.0.1", 0, patience=patience, most_connections=most_connections)
    await server.start()

    @asynccontextmanager
    async def connection() -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()

    try:
        yield connection
    finally:
        await server.stop(0.0)
