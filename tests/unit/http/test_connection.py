"""Whose turn it is on a connection, and when it ends."""

import asyncio

import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.http.connection import Patience
from onema.http.messages import Request, Response
from onema.telemetry.metrics import Metrics
from onema.testing.socketless_client import SocketlessClient


class SlowApi:
    """Answers with the path when it is let go."""

    name = "slow"
    path_segments = frozenset({"slow"})

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = asyncio.Event()
        self.headers: tuple[tuple[bytes, bytes], ...] = ()

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.path)
        await self.let_go.wait()
        return Response(200, request.path.encode() + request.body, headers=self.headers)

    def refuse_oversized(self, request: Request) -> Response:
        return Response(200, b"oversized")

    def fault(self, request: Request, incident: str) -> Response:
        return Response(200, b"fault")


async def no_console(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the console was asked")


@pytest.fixture
def api() -> SlowApi:
    return SlowApi()


@pytest_asyncio.fixture
async def client(api: SlowApi) -> SocketlessClient:
    return SocketlessClient(
        HttpApplication([api], no_console, TrustedProxies(), lambda: True, Metrics()),
        Patience(sending=10.0, reading=20.0, idle=30.0),
    )


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: test", *headers, "", "")).encode()


def post(path: str, length: int, *headers: str) -> bytes:
    return get(path, f"Content-Length: {length}", *headers).replace(b"GET", b"POST")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_bytes_of_an_answer(client: SocketlessClient, api: SlowApi) -> None:
    """In one write: date, type, length, what the API adds, and whether it was the last one."""
    api.let_go.set()
    api.headers = ((b"Retry-After", b"5"),)
    await client.send(get("/slow/1"), get("/slow/2", "Connection: close"))
    head = (
        b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: application/json; charset=utf-8\r\n"
        b"content-length: 7\r\nretry-after: 5\r\n"
    )
    assert client.got == head + b"\r\n/slow/1" + head + b"connection: close\r\n\r\n/slow/2"
    assert client.transport.is_lost


async def test_a_header_that_would_be_two_is_a_fault(client: SocketlessClient, api: SlowApi) -> None:
    """Whatever an API puts into one."""
    api.let_go.set()
    api.headers = ((b"location", b"/a\r\nset-cookie: b"),)
    await client.send(get("/slow"))
    assert client.answers()[0].body == b"fault"


async def test_one_request_is_answered_at_a_time(client: SocketlessClient, api: SlowApi) -> None:
    """The others wait unread where that is possible."""
    await client.send(get("/slow/1") + get("/slow/2"), get("/slow/3"))
    assert api.asked == ["/slow/1"]
    assert client.transport.is_paused
    api.let_go.set()
    await client.answered()
    assert [answer.body for answer in client.answers()] == [b"/slow/1", b"/slow/2", b"/slow/3"]


async def test_an_earlier_answer_goes_before_the_word_to_go_on(
    client: SocketlessClient, api: SlowApi
) -> None:
    """A 100 is an answer too: before another request's, it would be taken for that one's."""
    await client.send(get("/slow/1") + post("/slow/2", 4, "Expect: 100-continue"))
    assert client.got == b""
    api.let_go.set()
    await client.answered()
    assert client.got.endswith(b"/slow/1HTTP/1.1 100 Continue\r\n\r\n")
    await client.send(b"body")
    assert client.got.endswith(b"/slow/2body")


@pytest.mark.parametrize("length", [0, 70_000], ids=["no body", "too large a body"])
async def test_who_expects_to_go_on_and_need_not_is_not_told_to(
    client: SocketlessClient, api: SlowApi, length: int
) -> None:
    """The answer itself says enough."""
    api.let_go.set()
    await client.send(post("/slow/", length, "Expect: 100-continue"))
    assert client.got.startswith(b"HTTP/1.1 200 OK")


async def test_nothing_is_begun_while_answers_are_not_read(client: SocketlessClient, api: SlowApi) -> None:
    """Answers would pile up in memory."""
    api.let_go.set()
    client.transport.stop_reading()
    await client.send(get("/slow/" + "a" * 60_000), get("/slow/" + "b" * 60_000) + get("/slow/last"))
    assert len(api.asked) == 2
    client.transport.read_on()
    await client.settle()
    assert api.asked[2:] == ["/slow/last"]


async def test_nothing_is_begun_behind_the_last_answer(client: SocketlessClient, api: SlowApi) -> None:
    """Also when its client reads it late, and has asked more."""
    api.let_go.set()
    client.transport.stop_reading()
    await client.send(get("/slow/" + "a" * 64_500))
    client.shared.is_stopping = True
    await client.send(get("/slow/b" + "b" * 2000) + get("/slow/c"))
    client.transport.read_on()
    await client.settle()
    assert [path[:7] for path in api.asked] == ["/slow/a", "/slow/b"]


async def test_a_client_that_never_reads_is_let_go(client: SocketlessClient, api: SlowApi) -> None:
    """After its patience, and not before."""
    api.let_go.set()
    client.transport.stop_reading()
    await client.send(get("/slow/" + "a" * 60_000), get("/slow/" + "b" * 60_000))
    client.connection.end_if_late(now() + 19)
    assert not client.transport.is_closing()
    client.connection.end_if_late(now() + 21)
    assert client.transport.is_closing()


async def test_a_request_has_one_time_however_slowly_its_bytes_come(client: SocketlessClient) -> None:
    """Each byte would begin it anew otherwise."""
    await client.send(b"\r\nG")
    begun = now()
    await client.send(*(bytes((byte,)) for byte in get("/slow/1")[1:-1]))
    client.connection.end_if_late(begun + 9)
    assert client.got == b""
    client.connection.end_if_late(begun + 10)
    assert client.answers()[0].status == 408


async def test_empty_lines_do_not_keep_a_connection_open(client: SocketlessClient) -> None:
    """They are no question."""
    opened = now()
    await client.send(*[b"\r\n"] * 9)
    client.connection.end_if_late(opened + 29)
    assert not client.transport.is_closing()
    client.connection.end_if_late(opened + 30)
    assert (client.transport.is_closing(), client.got) == (True, b"")


async def test_a_refused_body_is_dropped_for_a_while(client: SocketlessClient, api: SlowApi) -> None:
    """Long enough for its answer to arrive, and no request is found in it."""
    await client.send(post("/slow/x", 1_000_000))
    assert client.answers()[0].body == b"oversized"
    assert client.transport.has_ended_writing
    await client.send(get("/slow/inner") * 100)
    assert not client.transport.is_closing()
    client.connection.end_if_late(now() + 2.001)
    assert client.transport.is_closing()
    assert api.asked == []


async def test_a_refused_body_is_not_dropped_without_end(client: SocketlessClient) -> None:
    """Not even within that time."""
    await client.send(post("/slow/x", 1 << 40))
    await client.send(b"a" * (5 << 20))
    assert client.transport.is_closing()


def stop(client: SocketlessClient) -> None:
    """As a server does."""
    client.shared.is_stopping = True
    client.connection.close_if_idle()


async def test_a_stop_closes_what_is_idle(client: SocketlessClient) -> None:
    """Nobody waits there."""
    stop(client)
    assert client.transport.is_closing()


@pytest.mark.parametrize("cut", [5, -2, -30])
async def test_a_stop_lets_a_request_that_has_begun_come_and_be_answered(
    client: SocketlessClient, api: SlowApi, cut: int
) -> None:
    """Its client could not know; the answer says that it is the last one."""
    api.let_go.set()
    sent = post("/slow/x", 4) + b"body"
    await client.send(sent[:cut])
    stop(client)
    await client.send(sent[cut:])
    (answer,) = client.answers()
    assert (answer.body, answer.headers[b"connection"]) == (b"/slow/xbody", b"close")
    assert client.transport.is_lost


async def test_a_stop_ends_a_connection_behind_the_answer_under_way(
    client: SocketlessClient, api: SlowApi
) -> None:
    """Requests behind it are not begun: a client may send them again elsewhere."""
    await client.send(get("/slow/1") + get("/slow/2"))
    stop(client)
    api.let_go.set()
    await client.answered()
    (answer,) = client.answers()
    assert (answer.body, answer.headers[b"connection"]) == (b"/slow/1", b"close")
    assert api.asked == ["/slow/1"]


async def test_a_request_whose_client_goes_is_finished(client: SocketlessClient, api: SlowApi) -> None:
    """It may have been committed; the server's stop waits for it."""
    await client.send(get("/slow/1"))
    await client.hang_up()
    assert (len(client.shared.connections), client.shared.open) == (1, 0)
    api.let_go.set()
    await client.answered()
    assert client.shared.connections == set()


async def test_a_connection_without_room_is_told_so() -> None:
    """And asks nothing."""
    api = SlowApi()
    app = HttpApplication([api], no_console, TrustedProxies(), lambda: True, Metrics())
    client = SocketlessClient(app, has_room=lambda: False)
    await client.send(get("/slow/1"))
    assert client.answers()[0].status == 503
    assert (client.transport.is_lost, api.asked) == (True, [])
