"""What of a request may have left us, over real sockets, on the loop that serves and on Python's own."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from onema.http.client.client import BODY_LIMIT, PooledClient
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent, TargetRefused
from tests.unit.http.certificates import certificate_for

SECONDS = 0.3
LOOPBACK = ipaddress.ip_address("127.0.0.1")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """A server that remembers every request and gives it to `answering`."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.answering: Answering = saying(OK)
        self.port = 0
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        """Set when a connection has ended."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with (
            contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError),
            contextlib.closing(writer),
        ):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                self.arrived.set()
                await self.answering(reader, writer)
                await writer.drain()
        self.gone.set()

    def request(self, method: str = "POST", path: str = "/send", scheme: str = "http") -> HttpRequest:
        body = b"482913 is your code" if method == "POST" else b""
        return HttpRequest(method, f"{scheme}://gateway.test:{self.port}{path}", body=body)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def saying(*parts: bytes, closing: bool = False) -> Answering:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if closing:
            writer.close()

    return answer


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A RST instead of an orderly end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    yield upstream
    server.close()
    await upstream.close()


Make = Callable[..., PooledClient]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    async with contextlib.AsyncExitStack() as stack:

        def make(**changed: object) -> PooledClient:
            options = {"seconds": 60.0, "idle_connections": 4, "private_targets": True, **changed}
            client = PooledClient(resolve=lambda host: [LOOPBACK], **options)  # type: ignore[arg-type]  # the test knows them
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


# Nothing left.


async def test_nothing_left_where_nobody_listens(make: Make, closed_port: int) -> None:
    """It may be sent again, by another carrier."""
    with pytest.raises(NotSent, match=r"no connection \(ConnectionRefusedError\)"):
        await make().exchange(HttpRequest("POST", f"http://gateway.test:{closed_port}/", body=b"x"))


async def test_nothing_left_while_tls_is_not_agreed(upstream: Upstream, make: Make) -> None:
    """A port that takes the connection and says nothing has had no request."""
    with pytest.raises(NotSent, match=r"no connection within 0\.3 s"):
        await make(seconds=SECONDS).exchange(upstream.request(scheme="https"))
    assert upstream.requests == []


async def test_nothing_left_to_a_port_without_tls(upstream: Upstream, make: Make) -> None:
    """What is no TLS is no connection."""

    async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.test\r\n" * 10)
        writer.close()

    server = await asyncio.start_server(greeting, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(NotSent, match="no connection"):
        await make().exchange(HttpRequest("GET", f"https://gateway.test:{port}/"))
    server.close()


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n", b"\r", b"\0"])
async def test_a_header_cannot_begin_another_one(upstream: Upstream, make: Make, line_break: bytes) -> None:
    """What stands in it may be anybody's text."""
    request = HttpRequest("GET", upstream.request().url, ((b"x", b"a" + line_break + b"evil: 1"),))
    with pytest.raises(TargetRefused, match="line break"):
        await make().exchange(request)
    assert upstream.connections == 0


async def test_a_closed_client_sends_nothing(upstream: Upstream, make: Make) -> None:
    """Its carrier was stopped meanwhile."""
    client = make()
    await client.close()
    with pytest.raises(NotSent):
        await client.exchange(upstream.request())
    assert upstream.requests == []


# It may have left.


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize(
    ("answering", "why"),
    [
        (saying(closing=True), "the connection was closed before"),
        (resetting, "the connection broke off before"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf", closing=True), "was closed before"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-le", closing=True), "was closed before"),
        (
            saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", closing=True),
            "closed before",
        ),
        (saying(b"\x00\xffgarbage\r\n\r\n"), "no HTTP answer"),
        (saying(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "no HTTP answer"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"), "no HTTP answer"),
        (saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 9_000] * 8), "the answer is too long"),
        (saying(b"HTTP/1.1 200 OK\r\n", *[b"x: %b\r\n" % (b"y" * 9_000)] * 40), "the answer is too long"),
    ],
    ids=[
        *("closes", "resets", "cut body", "cut head", "cut chunk", "garbage", "another protocol"),
        *("two lengths", "endless body", "endless head"),
    ],
)
async def test_it_may_have_left_and_is_not_sent_again(
    upstream: Upstream, make: Make, answering: Answering, why: str, reused: bool, method: str
) -> None:
    """The server has it, once: also where its connection was used before, and a GET, which sends an SMS too."""
    client = make()
    if reused:
        await client.exchange(upstream.request(path="/before"))
        upstream.requests.clear()
    upstream.answering = answering
    with pytest.raises(MayHaveLeft, match=why):
        await client.exchange(upstream.request(method))
    await upstream.gone.wait()
    assert len(upstream.requests) == 1
    assert upstream.connections == 1


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (b"", 0),
        (b"HTTP/1.1 202 OK\r\ncontent-length: 9\r\n\r\nhalf", 202),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 0),
    ],
)
async def test_it_may_have_left_when_no_whole_answer_comes_in_time(
    upstream: Upstream, make: Make, before: bytes, status: int
) -> None:
    """What has come of the answer is told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        await asyncio.Event().wait()

    upstream.answering = answer
    with pytest.raises(MayHaveLeft, match=r"no answer within 0\.3 s") as raised:
        await make(seconds=SECONDS).exchange(upstream.request())
    assert (raised.value.answer.status if raised.value.answer else 0) == status
    assert len(upstream.requests) == 1


async def test_it_may_have_left_when_the_client_is_closed(upstream: Upstream, make: Make) -> None:
    """At once: nobody waits for the time-out."""
    upstream.answering = never
    client = make()
    asking = asyncio.create_task(client.exchange(upstream.request()))
    await upstream.arrived.wait()
    await client.close()
    with pytest.raises(MayHaveLeft):
        await asking


async def test_whoever_gives_up_leaves_no_connection_open(upstream: Upstream, make: Make) -> None:
    """Its answer would be taken for the next one's."""
    upstream.answering = never
    client = make()
    asking = asyncio.create_task(client.exchange(upstream.request()))
    await upstream.arrived.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    upstream.answering = saying(OK)
    assert (await client.exchange(upstream.request())).body == b"ok"
    assert upstream.connections == 2


# Connections that are used again.


async def test_a_connection_is_used_again(upstream: Upstream, make: Make) -> None:
    """By requests one after the other; two at once have two."""
    client = make()
    for _ in range(3):
        assert await client.exchange(upstream.request()) == HttpAnswer(
            200, [(b"content-length", b"2")], b"ok"
        )
    assert upstream.connections == 1
    await asyncio.gather(*(client.exchange(upstream.request()) for _ in range(2)))
    assert upstream.connections == 2


async def test_one_that_was_closed_while_it_was_idle_is_not_used(upstream: Upstream, make: Make) -> None:
    """Its request would be lost, and nobody could tell; a new one has not begun before."""
    client = make()
    upstream.answering = saying(OK, closing=True)
    for _ in range(3):
        await client.exchange(upstream.request())
        await upstream.gone.wait()
    assert len(upstream.requests) == upstream.connections == 3


async def test_what_nobody_asked_for_is_no_answer(upstream: Upstream, make: Make) -> None:
    """A second answer behind the first would be taken for the next request's."""
    client = make()
    upstream.answering = saying(OK + OK.replace(b"ok", b"no"))
    for _ in range(2):
        assert (await client.exchange(upstream.request())).body == b"ok"
    assert upstream.connections == 2
    upstream.answering = saying(OK, OK.replace(b"ok", b"no"))
    assert (await client.exchange(upstream.request())).body == b"ok"
    await upstream.gone.wait()
    upstream.answering = saying(OK)
    assert (await client.exchange(upstream.request())).body == b"ok"


@pytest.mark.parametrize("head", [b"connection: close\r\n", b"keep-alive: timeout=1\r\n"])
async def test_one_that_the_server_will_close_is_not_used(
    upstream: Upstream, make: Make, head: bytes
) -> None:
    """Nor one that it may close in the moment of the next request."""
    upstream.answering = saying(OK.replace(b"\r\n", b"\r\n" + head, 1))
    client = make()
    for _ in range(2):
        await client.exchange(upstream.request())
    assert upstream.connections == 2


async def test_only_so_many_are_kept(upstream: Upstream, make: Make) -> None:
    """The oldest go first."""
    client = make(idle_connections=2)
    await asyncio.gather(*(client.exchange(upstream.request()) for _ in range(5)))
    await asyncio.gather(*(client.exchange(upstream.request()) for _ in range(5)))
    assert upstream.connections == 8


# What an answer may look like.


@pytest.mark.parametrize(
    ("wire", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nx: y\r\n\r\n" + OK, 200, b"ok"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nt: z\r\n\r\n",
            200,
            b"ok",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", 302, b""),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", 500, b""),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
    ],
)
async def test_whole_answers(upstream: Upstream, make: Make, wire: bytes, status: int, body: bytes) -> None:
    """Also in pieces of one byte; the connection is good for the next request."""
    upstream.answering = saying(*(wire[at : at + 1] for at in range(len(wire))))
    client = make()
    for _ in range(2):
        answer = await client.exchange(upstream.request())
        assert (answer.status, answer.body) == (status, body)
        assert b"t" not in dict(answer.headers)
    assert upstream.connections == 1


async def test_a_body_may_end_with_the_connection(upstream: Upstream, make: Make) -> None:
    """As in HTTP/1.0: where no length is told, that is its end."""
    upstream.answering = saying(b"HTTP/1.0 200 OK\r\n\r\n0: Accepted", closing=True)
    assert (await make().exchange(upstream.request())).body == b"0: Accepted"


async def test_a_body_of_the_longest_size_is_whole(upstream: Upstream, make: Make) -> None:
    """One byte more is too long."""
    body = b"x" * BODY_LIMIT
    upstream.answering = saying(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (BODY_LIMIT, body))
    assert (await make().exchange(upstream.request())).body == body


# TLS and proxies.


async def test_a_connection_with_tls_is_used_again(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    """As one without; the same truths hold on it."""
    context, trusted = certificate_for("gateway.test", tmp_path)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
    upstream.port = server.sockets[0].getsockname()[1]
    client = make(ca_file=trusted)
    for _ in range(3):
        assert (await client.exchange(upstream.request(scheme="https"))).body == b"ok"
    assert upstream.connections == 1
    upstream.answering = saying(closing=True)
    with pytest.raises(MayHaveLeft):
        await client.exchange(upstream.request(scheme="https"))
    assert len(upstream.requests) == 4
    server.close()


class Tunnel:
    """A proxy: CONNECT leads to `port`, when `says` is a success."""

    def __init__(self, port: int) -> None:
        self.says = b"HTTP/1.1 200 Connected\r\n\r\n"
        self.heads: list[bytes] = []
        self.port = port
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.says)
        if b" 200 " in self.says:
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(self._copy(reader, inner), self._copy(inner_reader, writer))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def close(self) -> None:
        await asyncio.wait(self.tasks)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_leads_to_a_server_with_tls(
    upstream: Upstream, make: Make, tmp_path: Path, scheme: str
) -> None:
    """It hears where to, with its user, and nothing of the request; it may have TLS itself."""
    context, trusted = certificate_for("gateway.test", tmp_path)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
    upstream.port = server.sockets[0].getsockname()[1]
    tunnel = Tunnel(upstream.port)
    proxy = await asyncio.start_server(
        tunnel.serve, "127.0.0.1", 0, ssl=context if scheme == "https" else None
    )
    port = proxy.sockets[0].getsockname()[1]
    client = make(ca_file=trusted, proxy=f"{scheme}://me:mine@gateway.test:{port}", private_targets=False)
    for _ in range(2):
        assert (await client.exchange(upstream.request(scheme="https"))).body == b"ok"
    assert tunnel.heads == [
        b"CONNECT gateway.test:%d HTTP/1.1\r\nHost: gateway.test:%d\r\nProxy-Authorization: Basic bWU6bWluZQ==\r\n\r\n"
        % (upstream.port, upstream.port)
    ]
    assert b"Proxy-Authorization" not in upstream.requests[0]
    await client.close()
    await tunnel.close()
    proxy.close()
    server.close()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n", "the proxy said HTTP 407"),
        (b"garbage\r\n\r\n", "the proxy: what came is no HTTP answer"),
        (b"", r"no connection within 0\.3 s"),
    ],
)
async def test_nothing_left_to_a_proxy_that_does_not_lead_on(make: Make, says: bytes, why: str) -> None:
    """It had the address only."""
    tunnel = Tunnel(0)
    tunnel.says = says
    proxy = await asyncio.start_server(tunnel.serve, "127.0.0.1", 0)
    client = make(seconds=SECONDS, proxy=f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    with pytest.raises(NotSent, match=why):
        await client.exchange(HttpRequest("POST", "https://gateway.test/", body=b"x"))
    await tunnel.close()
    proxy.close()
