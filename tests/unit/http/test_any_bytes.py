"""Whatever bytes come, however they are cut: the same answers, and an end."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from onema.http.answers import CONTINUE
from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.http.messages import Request, Response
from onema.telemetry.metrics import Metrics
from onema.testing.socketless_client import SocketlessClient

HOST = b"Host: test\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
LONG_AFTER = 1e6
INNER = b"GET /wire/inner HTTP/1.1\r\n" + HOST + b"\r\n"


class EchoApi:
    """Answers with everything that it was asked, after a turn of the loop."""

    name = "wire"
    path_segments = frozenset({"wire"})

    async def answer(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, repr(request).encode())

    def refuse_oversized(self, request: Request) -> Response:
        return Response(200, b"oversized")

    def fault(self, request: Request, incident: str) -> Response:
        return Response(200, b"fault")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": message["body"]})


def connect() -> SocketlessClient:
    app = HttpApplication([EchoApi()], echo, TrustedProxies(["192.0.2.1"]), lambda: True, Metrics())
    return SocketlessClient(app)


def run(sent: bytes, cuts: Sequence[int]) -> bytes:
    """What comes back. Nothing may be left afterwards: no connection and no task."""

    async def scenario() -> bytes:
        client = connect()
        edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sent)}), len(sent)]
        for start, end in pairwise(edges):
            await client.send(sent[start:end])
        while client.connection.answering is not None:
            await client.answered()
        # Late with the rest of a request first, then with an end.
        for _ in range(3):
            client.connection.end_if_late(LONG_AFTER + asyncio.get_running_loop().time())
            await client.settle()
        assert client.transport.is_lost
        assert (client.shared.connections, client.shared.open) == (set(), 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return client.got

    return asyncio.run(scenario())


TARGETS = st.sampled_from(
    [
        b"/wire/x",
        b"//Wire/a//b?c={OTP}&d=%C3%A9",
        b"/else",
        b"http://test/wire?a",
        b"*",
        b"/wire/%ff",
        b"/wire#a",
    ]
)
HEADERS = st.lists(
    st.sampled_from(
        [
            OFFER,
            b"Connection: close\r\n",
            b"Connection: keep-alive\r\n",
            b"Expect: 100-continue\r\n",
            b"X-Forwarded-For: 198.51.100.7\r\n",
            b"X-Name: \xc3\xa9\r\n",
            b"X-Long: " + b"a" * 2000 + b"\r\n",
        ]
    ),
    max_size=2,
    unique=True,
)
BODIES = st.none() | st.binary(max_size=100) | st.just(INNER) | st.binary(min_size=1500, max_size=3000)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """What a client may send, and some would not."""
    body = draw(BODIES)
    method = draw(st.sampled_from([b"GET", b"HEAD"] if body is None else [b"POST", b"GET"]))
    head = b"%b %b HTTP/%b\r\n" % (method, draw(TARGETS), draw(st.sampled_from([b"1.1", b"1.1", b"1.0"])))
    head += draw(st.sampled_from([HOST, HOST, HOST, b"", HOST * 2])) + b"".join(draw(HEADERS))
    if body is None:
        return head + b"\r\n"
    if draw(st.booleans()):
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    chunk = b"%x;a=b\r\n%b\r\n" % (len(body), body) if body else b""
    trailer = draw(st.sampled_from([b"", b"X-Forwarded-For: 10.0.0.1\r\n"]))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n" + trailer + b"\r\n"


NONSENSE = st.binary(max_size=60) | st.sampled_from(
    [b"\r\n", b"GET /", b"\x16\x03\x01", b"0\r\n\r\n", b"zz\r\n"]
)
CUTS = st.lists(st.integers(1, 6000), max_size=12)


def behind_a_cut_target() -> bytes:
    """Two requests. Octets in the second one's body, written as three characters each, would push the end of the body
    out, as a request that nobody sent.
    """
    first = b"GET /wire HTTP/1.1\r\n" + HOST + b"\r\n"
    body = b"x" * 1000 + b"\xff" * (len(INNER) // 2) + b"\r\n" + INNER
    head = b"POST /wire HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
    return first + head + body


@given(sent=st.lists(requests() | requests() | NONSENSE, max_size=5).map(b"".join), cuts=CUTS)
@example(sent=behind_a_cut_target(), cuts=[6])
@example(sent=(b"GET /wire?m=\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n"), cuts=[1, 8, 11, 12, 13, 14, 20])
@example(sent=b"GET / HTTP/1.1\r\nA: /\r\n" + HOST + b"\r\n" + INNER, cuts=[20])
def test_however_bytes_are_cut_the_answers_are_the_same(sent: bytes, cuts: list[int]) -> None:
    """Where a network cuts says nothing; only who waits to be told to go on sees when he is."""
    assert run(sent, cuts).replace(CONTINUE, b"") == run(sent, ()).replace(CONTINUE, b"")


@given(sent=st.lists(st.binary(max_size=300) | requests(), max_size=6).map(b"".join), cuts=CUTS)
def test_whatever_comes_the_connection_ends_and_leaves_nothing(sent: bytes, cuts: list[int]) -> None:
    """By itself, once the client is late; `run` looks."""
    run(sent, cuts)


@given(
    sent=st.lists(requests(), min_size=1, max_size=4).map(b"".join), cuts=CUTS, goes_after=st.integers(0, 6)
)
def test_a_client_that_goes_leaves_nothing(sent: bytes, cuts: list[int], goes_after: int) -> None:
    """At any moment, with requests that are read, waiting, or being answered."""

    async def scenario() -> None:
        client = connect()
        edges = [0, *sorted({cut for cut in cuts if cut < len(sent)}), len(sent)]
        for start, end in list(pairwise(edges))[: goes_after or 1]:
            client.connection.data_received(sent[start:end])
            if client.transport.is_paused or client.transport.is_closing():
                break
        await client.hang_up()
        await client.answered()
        assert (client.shared.connections, client.shared.open) == (set(), 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
