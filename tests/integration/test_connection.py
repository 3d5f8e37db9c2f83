"""What a connection makes of the bytes it gets: whose they are, and when it has had enough of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from onema.http.connection import Patience
from onema.http.reader import BODY_LIMIT, HEAD_LIMIT, RequestReader

from .raw_http import Connection, on_uvloop, serving_app

HOST = b"Host: test\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"


async def answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the body, once that has come."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = b",".join(sorted(name for name, _ in scope["headers"]))
    await answer(
        send, scope["path"].encode() + b" " + body + (b" " + names if scope["path"] == "/names" else b"")
    )


def conversation(test: Callable[[Connection], Awaitable[None]], **server: object) -> None:
    """Run the test on one connection to a server that echoes."""

    async def scenario() -> None:
        async with serving_app(echo, **server) as connect, connect() as client:  # type: ignore[arg-type]  # its own
            await test(client)

    on_uvloop(scenario)


def test_a_body_that_comes_after_its_answer_is_not_taken_for_a_request() -> None:
    """What looks like a request inside of a refused body is that body, whatever bytes surround it."""
    inner = b"GET /inner HTTP/1.1\r\n" + HOST + b"\r\n"
    asked = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await answer(send, b"")

    async def scenario() -> None:
        async with serving_app(note) as connect, connect() as client:
            client.send(b"POST /first HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT * 2))
            assert (await client.answer())[0] == 413
            client.send(b"\xff" * len(inner))
            await client.writer.drain()
            client.send(inner)
            client.get("/second")
            assert await client.reader.read() == b""
        async with serving_app(note) as connect, connect() as client:
            client.get("/third")
            await client.answer()
        assert asked == ["/third"]

    on_uvloop(scenario)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"Content-Length: 4\r\n\r\nbody"],
        [b"Content-Length: 4\r\n\r\n", b"bo", b"dy"],
        [b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"],
    ],
    ids=["in one packet", "in its own packets", "chunked"],
)
def test_a_body_behind_an_offer_of_another_protocol_belongs_to_its_request(pieces: list[bytes]) -> None:
    """Java's HttpClient offers h2c with each request of its default settings, as `curl --http2` does."""

    async def test(client: Connection) -> None:
        for _ in range(3):
            client.send(b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE)
            for piece in pieces:
                client.send(piece)
                await client.writer.drain()
            client.get("/second")
            assert (await client.answer())[2] == b"/x body"
            assert (await client.answer())[2] == b"/second "

    conversation(test)


def request(path: str, body: bytes | None, chunked: bool, offers_upgrade: bool) -> bytes:
    head = b"%s %s HTTP/1.1\r\n%s" % (b"GET" if body is None else b"POST", path.encode(), HOST)
    if offers_upgrade:
        head += UPGRADE
    if body is None:
        return head + b"\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    chunk = b"%x;a=b\r\n%s\r\n" % (len(body), body) if body else b""
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"


BODIES = st.none() | st.binary(max_size=300) | st.just(b"GET /inner HTTP/1.1\r\n" + HOST + b"\r\n")


@given(
    requests=st.lists(st.tuples(BODIES, st.booleans(), st.booleans()), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 2000), max_size=8),
)
def test_however_bytes_are_cut_each_request_gets_its_own_answer(
    requests: list[tuple[bytes | None, bool, bool]], cuts: list[int]
) -> None:
    """One answer a request, in order; never a request out of a body."""
    sent = b"".join(request(f"/{number}", *one) for number, one in enumerate(requests))
    edges = [0, *sorted({cut for cut in cuts if cut < len(sent)}), len(sent)]

    async def test(client: Connection) -> None:
        for start, end in pairwise(edges):
            client.send(sent[start:end])
            # Lets the server read, so that most pieces come one by one.
            await asyncio.sleep(0)
        for number, (body, _, _) in enumerate(requests):
            assert (await client.answer())[2] == b"/%d %s" % (number, body or b"")
        client.get("/last")
        assert (await client.answer())[2] == b"/last "

    conversation(test)


def test_trailers_are_no_headers() -> None:
    """What comes behind a body must not pass for what a proxy or we have looked at before it."""

    async def test(client: Connection) -> None:
        client.send(b"POST /names HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        client.send(b"0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
        assert (await client.answer())[2] == b"/names  host,transfer-encoding"

    conversation(test)


@pytest.mark.parametrize(("version", "is_told_to_go_on"), [(b"1.0", False), (b"1.1", True)])
def test_only_http_1_1_can_expect_to_be_told_to_continue(version: bytes, is_told_to_go_on: bool) -> None:
    """A 100 would be the answer itself for an older client (RFC 9110 section 10.1.1)."""

    async def test(client: Connection) -> None:
        client.send(
            b"POST /x HTTP/%s\r\n%sExpect: 100-continue\r\nContent-Length: 4\r\n\r\n" % (version, HOST)
        )
        if is_told_to_go_on:
            assert (await client.head())[0] == 100
        client.send(b"body")
        assert (await client.answer())[2] == b"/x body"

    conversation(test)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /x HTTP/1.1\r\n",
        b"GET /x HTTP/1.1\r\nHost: one\r\nHost: two\r\n",
        b"GET /x HTTP/1.0\r\nHost: one\r\nHost: two\r\n",
        b"GET /metrics#a HTTP/1.1\r\n" + HOST,
        b"CONNECT test:80 HTTP/1.1\r\n" + HOST,
    ],
    ids=["no Host", "two Hosts", "two Hosts in 1.0", "a fragment", "CONNECT"],
)
def test_heads_that_others_could_read_another_way_are_refused(head: bytes) -> None:
    """A proxy that decided by another host or path than ours would have decided about nothing."""

    async def test(client: Connection) -> None:
        client.send(head + b"\r\n")
        assert (await client.answer())[0] == 400
        assert await client.reader.read() == b""

    conversation(test)


def test_http_1_0_needs_no_host() -> None:
    """The oldest probes send none."""

    async def test(client: Connection) -> None:
        client.send(b"GET /x HTTP/1.0\r\n\r\n")
        assert (await client.answer())[2] == b"/x "

    conversation(test)


CHUNKED = b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"GET /x HTTP/1.1\r\n" + HOST, b"X-Name: " + b"a" * 1000 + b"\r\n"),
        (b"GET /x?", b"a" * 1000),
        (CHUNKED + b"1;", b"a" * 1000),
        (CHUNKED, b"1;a=b\r\na\r\n"),
        (CHUNKED + b"0\r\n", b"X-Name: " + b"a" * 1000 + b"\r\n"),
        (b"", b"\r\n" * 500),
    ],
    ids=["headers", "a target", "a chunk's extension", "many chunks", "trailers", "empty lines"],
)
@pytest.mark.parametrize("piece", [1 << 20, 1000], ids=["at once", "in pieces"])
def test_a_message_has_so_many_bytes_besides_its_body_and_no_more(
    begin: bytes, again: bytes, piece: int
) -> None:
    """None of them is under any limit of the parser's."""

    async def test(client: Connection) -> None:
        sent = begin + again * (2 * HEAD_LIMIT // len(again))
        for start in range(0, len(sent), piece):
            client.send(sent[start : start + piece])
        assert (await client.answer())[0] == 400
        # The rest is not read, so that the connection may end with a reset.
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reader.readexactly(1)

    conversation(test)


def test_what_follows_a_refused_head_is_not_done() -> None:
    """Its end may lie in the same packet."""
    asked = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])

    async def scenario() -> None:
        async with serving_app(note) as connect, connect() as client:
            client.send(
                b"GET /x HTTP/1.1\r\n" + HOST + b"X-Name: " + b"a" * (HEAD_LIMIT + 4000) + b"\r\n\r\n"
            )
            assert (await client.answer())[0] == 400
        assert asked == []

    on_uvloop(scenario)


def test_each_head_is_counted_by_itself() -> None:
    """A connection that is kept open asks as much as it likes, in the end."""

    async def test(client: Connection) -> None:
        large = b"GET /x HTTP/1.1\r\n" + HOST + b"X-Name: " + b"a" * (HEAD_LIMIT // 2) + b"\r\n\r\n"
        for _ in range(5):
            client.send(large)
            assert (await client.answer())[2] == b"/x "

    conversation(test)


def test_heads_are_counted_and_not_reads() -> None:
    """Many small requests in one packet, and the beginning of one more, are just many requests."""

    async def test(client: Connection) -> None:
        count = HEAD_LIMIT // 30
        for _ in range(count):
            client.get("/x")
        client.send(b"GET /last HTTP/1.1\r\n")
        for _ in range(count):
            assert (await client.answer())[2] == b"/x "
        client.send(HOST + b"\r\n")
        assert (await client.answer())[2] == b"/last "

    conversation(test)


@pytest.mark.parametrize(
    "broken",
    [b"\x16\x03\x01\r\n\r\n", b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", CHUNKED + b"zz\r\n"],
    ids=["no HTTP", "a target", "a chunk"],
)
def test_what_was_asked_before_nonsense_is_answered(broken: bytes) -> None:
    """Each request stands by itself; only what follows the nonsense is lost."""

    async def test(client: Connection) -> None:
        client.get("/1")
        client.get("/2")
        client.send(broken)
        assert (await client.answer())[2] == b"/1 "
        assert (await client.answer())[2] == b"/2 "
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert await client.reader.read() == b""

    conversation(test)


@pytest.mark.parametrize(
    "sent",
    [
        b"G",
        b"GET /x HTTP/1.1\r\n" + HOST,
        b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbod",
        CHUNKED + b"1\r\na\r\n",
    ],
    ids=["a byte", "half a head", "half a body", "half of the chunks"],
)
def test_a_message_that_does_not_end_is_ended(sent: bytes) -> None:
    """A client that stops in the middle would hold its connection for ever."""

    async def test(client: Connection) -> None:
        client.send(sent)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert await client.reader.read() == b""

    conversation(test, patience=Patience(sending=0.01))


IDLE = Patience(idle=0.01)


def test_a_connection_on_which_nothing_is_asked_is_closed() -> None:
    """From the beginning, or after an answer; empty lines are no question."""

    async def silent(client: Connection) -> None:
        client.send(b"\r\n")
        assert await client.reader.read() == b""

    async def answered(client: Connection) -> None:
        client.get("/x")
        assert (await client.answer())[2] == b"/x "
        assert await client.reader.read() == b""

    conversation(silent, patience=IDLE)
    conversation(answered, patience=IDLE)


def test_a_message_counts_as_a_question_until_it_ends() -> None:
    """Then, when it is answered, the connection is idle."""

    async def scenario() -> None:
        async with serving_app(echo, IDLE) as connect, connect() as client, connect() as canary:
            client.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\n")
            # Its end says that an idle client's time would be over.
            assert await canary.reader.read() == b""
            client.send(b"body")
            assert (await client.answer())[2] == b"/x body"
            assert await client.reader.read() == b""

    on_uvloop(scenario)


@pytest.mark.parametrize(
    "late", [b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /half"], ids=["bad", "half"]
)
def test_an_answer_that_has_begun_is_not_followed_by_a_refusal(late: bytes) -> None:
    """Before its end the client would read it as a part of that answer."""
    let_go = asyncio.Event()

    async def begin(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await let_go.wait()
        await send({"type": "http.response.body", "body": b"ended"})

    async def scenario() -> None:
        patience = Patience(sending=0.01)
        async with serving_app(begin, patience) as connect, connect() as client, connect() as canary:
            client.get("/x")
            await client.head()
            client.send(late)
            canary.send(b"GET /x")
            assert (await canary.answer())[0] == 408
            let_go.set()
            assert await client.reader.readexactly(10) == b"begunended"
            assert (await client.answer())[0] in (400, 408)

    on_uvloop(scenario)


def test_a_client_that_does_not_read_is_let_go() -> None:
    """Its answers would stay in memory, and its requests under way."""
    ended = asyncio.Event()

    async def pour(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        gone = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"a" * 1_000_000, "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async def scenario() -> None:
        async with serving_app(pour, Patience(reading=0.01)) as connect, connect() as client:
            client.get("/x")
            await ended.wait()

    on_uvloop(scenario)


def test_a_slow_answer_is_no_fault_of_its_client() -> None:
    """While an answer is owed we may not read, so that the next request's time begins when it is given."""
    let_go = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await let_go.wait()
        await echo(scope, receive, send)

    async def scenario() -> None:
        patience = Patience(sending=1.0)
        async with serving_app(slow, patience) as connect, connect() as client, connect() as canary:
            client.get("/slow")
            client.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbo")
            # Its end says that the client's time would be over too.
            canary.send(b"GET /x")
            assert (await canary.answer())[0] == 408
            let_go.set()
            assert (await client.answer())[2] == b"/slow "
            client.send(b"dy")
            assert (await client.answer())[2] == b"/x body"

    on_uvloop(scenario)


def test_half_a_head_behind_a_request_does_not_take_its_answer_away() -> None:
    """The answer is given first, then the refusal of what never came."""
    let_go = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await let_go.wait()
        await echo(scope, receive, send)

    async def scenario() -> None:
        patience = Patience(sending=0.01)
        async with serving_app(slow, patience) as connect, connect() as client, connect() as canary:
            client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\nGET /x")
            canary.send(b"GET /x")
            assert (await canary.answer())[0] == 408
            let_go.set()
            assert (await client.answer())[2] == b"/slow "
            assert (await client.answer())[0] == 408

    on_uvloop(scenario)


def test_more_connections_than_there_is_room_for_are_told_so(caplog: pytest.LogCaptureFixture) -> None:
    """Without the bound the kernel would reset them, and nobody would hear of it."""

    async def scenario() -> None:
        async with serving_app(echo, most_connections=1) as connect, connect() as first:
            first.get("/x")
            assert (await first.answer())[0] == 200
            for _ in range(2):
                async with connect() as second:
                    assert (await second.answer())[0] == 503
            first.get("/x")
            assert (await first.answer())[0] == 200

    with caplog.at_level(logging.WARNING):
        on_uvloop(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "connections are turned away: the process may open no more files"
    ]


def test_requests_that_wait_for_their_turn_are_not_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends thousands behind one that is being answered fills the kernel's buffers instead of our memory; all are
    answered in order.
    """
    request = b"POST /%d HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n\xc3\xa9"
    count, begun, ended, most = 5_000, 0, 0, 0
    arrived, let_go = asyncio.Event(), asyncio.Event()
    begin = RequestReader.on_message_begin

    def counted(reader: RequestReader) -> None:
        nonlocal begun, most
        begun += 1
        most = max(most, begun - ended)
        begin(reader)

    async def answer_when_let_go(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal ended
        arrived.set()
        await let_go.wait()
        ended += 1
        await echo(scope, receive, send)

    async def scenario() -> None:
        async with serving_app(answer_when_let_go) as connect, connect() as client:
            client.send(b"".join(request % number for number in range(count)))
            await arrived.wait()
            let_go.set()
            for number in range(count):
                assert (await client.answer())[2] == b"/%d \xc3\xa9" % number
            client.get("/after")
            assert (await client.answer())[2] == b"/after "

    monkeypatch.setattr(RequestReader, "on_message_begin", counted)
    on_uvloop(scenario)
    assert most < 50
