"""Receivers that are slow, endless, hostile or dead, over real sockets."""

import asyncio
import contextlib
import io
import ipaddress
import logging
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import certifi
import pytest
from msgspec.structs import replace

from onema.delivery.callback_client import CallbackClient, Told
from onema.delivery.callback_contract import CallbackRequest
from onema.domain.configuration.callback_target import Address
from onema.http.client.client import BODY_LIMIT
from onema.http.client.connection import ANSWER_LIMIT, READ_AT_ONCE, BrokenAnswer, Connection
from onema.http.client.network import LOOKUPS, GuardedNetwork, Lookups
from onema.http.client.trust import ClientRefused, tls_context
from onema.telemetry.logs import configure_logging
from onema.testing.fake_clock import FakeClock
from tests.unit.http.certificates import certificate_for

SECONDS = 0.3
LONG = 3_600.0
LOOPBACK = ipaddress.ip_address("127.0.0.1")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """A web server that gives each request to `answering` once its head is read."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.answering: Answering = self.say_ok
        self.tasks = set[asyncio.Task[None] | None]()
        self.gone = asyncio.Event()
        """Set when a connection has ended."""

    async def say_ok(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self.answering(reader, writer)
                await writer.drain()
        self.gone.set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    port = 0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    for task in filter(None, receiver.tasks):
        task.cancel()
    await asyncio.gather(*filter(None, receiver.tasks), return_exceptions=True)


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., CallbackClient]]:
    async with contextlib.AsyncExitStack() as stack:

        def make(**changed: object) -> CallbackClient:
            options = {"seconds": LONG, "now": FakeClock().now, "private_targets": True, **changed}
            client = CallbackClient(**options)  # type: ignore[arg-type]  # the test knows them
            stack.push_async_callback(client.close)
            return client

        yield make


Make = Callable[..., CallbackClient]


def get(url: str) -> CallbackRequest:
    return CallbackRequest("GET", url)


async def tell(client: CallbackClient, url: str) -> Told:
    """How a try ended, whoever was asked, whatever the status and the body."""
    return replace(await client.tell(get(url)), host="", status=0, said="")


def answering(*parts: bytes, then: Callable[[], Awaitable[object]] | None = None) -> Answering:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        if then is not None:
            await then()

    return answer


async def for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
async def test_a_try_names_host_and_status(receiver: Receiver, make: Make, status: int) -> None:
    """The host alone, without port, path or password; also of an answer that is no success."""
    receiver.answering = answering(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % status)
    told = await make().tell(get(f"http://user:secret@{receiver.host}/path?query"))
    assert (told.host, told.status) == (receiver.host.partition(":")[0], status)


async def test_a_host_that_does_not_answer_has_no_status(receiver: Receiver, make: Make) -> None:
    """It is named all the same."""
    receiver.answering = answering(then=for_ever)
    told = await make(seconds=SECONDS).tell(get(f"http://{receiver.host}/"))
    assert (told.host, told.status) == (receiver.host.partition(":")[0], 0)


async def test_an_endless_answer_is_cut_off(receiver: Receiver, make: Make) -> None:
    """Its status is what counts; of the body no more than a few kilobytes are taken."""
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4_096)
            sent += 4_096
            await writer.drain()

    receiver.answering = endless
    assert await tell(make(), f"http://{receiver.host}/") == Told()
    await receiver.gone.wait()
    # Besides what was read, the sockets' own buffers were filled.
    assert sent < BODY_LIMIT + 16 * 2**20


@pytest.mark.parametrize(
    ("flood", "told"),
    [
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000, Told("the answer is too long", again=True)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1;x\r\ny\r\n" * 1_000, Told()),
    ],
    ids=["interim answers", "tiny chunks"],
)
async def test_an_answer_costs_no_more_than_so_many_bytes(
    receiver: Receiver, make: Make, flood: bytes, told: Told
) -> None:
    """However they are wrapped: to take apart what a receiver sends is our time, and everybody's."""
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        start = flood.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if b"chunked" in flood else b""
        writer.write(start)
        while True:
            writer.write(flood.removeprefix(start))
            sent += len(flood)
            await writer.drain()

    receiver.answering = answer
    assert await tell(make(), f"http://{receiver.host}/") == told
    await receiver.gone.wait()
    assert sent < ANSWER_LIMIT + 16 * 2**20


async def test_each_answer_on_a_connection_has_its_own_limit(receiver: Receiver, make: Make) -> None:
    """A good receiver keeps its connection for as many callbacks as it likes."""
    receiver.answering = answering(
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (BODY_LIMIT // 2) + b"x" * (BODY_LIMIT // 2)
    )
    client = make()
    for _ in range(2 * ANSWER_LIMIT // BODY_LIMIT + 1):
        assert await tell(client, f"http://{receiver.host}/") == Told()
    assert receiver.connections == 1


async def test_an_answer_is_taken_apart_a_little_at_a_time() -> None:
    """Between two parts others have their turn, however large the receiver's parts are."""
    said: list[str] = []

    class Flooding(asyncio.Transport):
        def write(self, data: object) -> None:
            pass

        def pause_reading(self) -> None:
            said.append("pause")

        def resume_reading(self) -> None:
            said.append("resume")

        def is_closing(self) -> bool:
            return False

        def abort(self) -> None:
            said.append("abort")

    connection = Connection(lambda lost: None)
    connection.connection_made(Flooding())
    asking = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", ANSWER_LIMIT))
    await asyncio.sleep(0)
    flood = (b"HTTP/1.1 100 Continue\r\n\r\n" * ANSWER_LIMIT)[: ANSWER_LIMIT + READ_AT_ONCE]
    for start in range(0, ANSWER_LIMIT, READ_AT_ONCE):
        buffer = connection.get_buffer(2 * READ_AT_ONCE)
        assert len(buffer) == READ_AT_ONCE
        buffer[:] = flood[start : start + READ_AT_ONCE]
        connection.buffer_updated(READ_AT_ONCE)
        assert said[-1 if start + READ_AT_ONCE < ANSWER_LIMIT else -2] == "pause"
        await asyncio.sleep(0)  # one turn, in which others ran
    assert said == ["pause", "resume"] * (ANSWER_LIMIT // READ_AT_ONCE - 1) + ["pause", "abort", "resume"]
    with pytest.raises(BrokenAnswer, match="the answer is too long"):
        await asking


async def test_a_packed_body_is_not_unpacked(receiver: Receiver, make: Make) -> None:
    """Nobody asks for one, and what comes all the same is only bytes."""
    receiver.answering = answering(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!"
    )
    assert await tell(make(), f"http://{receiver.host}/") == Told()
    assert b"accept-encoding" not in receiver.heads[0].lower()


@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 200 OK\r\nx: y", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTT"], ids=repr
)
async def test_one_time_bounds_the_whole_exchange(receiver: Receiver, make: Make, before: bytes) -> None:
    """However much or little of a head has come by then; the connection is closed."""
    receiver.answering = answering(before, then=for_ever)
    told = await tell(make(seconds=SECONDS), f"http://{receiver.host}/")
    assert told == Told("no answer within 0.3 s", again=True)


async def test_a_dripping_head_gets_no_more_time_than_a_silent_one(receiver: Receiver, make: Make) -> None:
    """A time-out per read would begin anew with each byte."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(SECONDS / 10)

    receiver.answering = drip
    told = await tell(make(seconds=SECONDS), f"http://{receiver.host}/")
    assert told.again
    await receiver.gone.wait()


async def test_a_body_that_never_ends_costs_no_second_try(receiver: Receiver, make: Make) -> None:
    """The receiver has said that it took it."""
    receiver.answering = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", then=for_ever)
    assert await tell(make(seconds=SECONDS), f"http://{receiver.host}/") == Told()
    receiver.answering = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", then=None)
    assert await tell(make(), f"http://{receiver.host}/") == Told()


async def test_no_cookie_is_kept(receiver: Receiver, make: Make) -> None:
    """It would go to every account whose receiver is on the same host."""
    receiver.answering = answering(
        b"HTTP/1.1 200 OK\r\nset-cookie: who=acme; Path=/\r\ncontent-length: 0\r\n\r\n"
    )
    client = make()
    for _ in range(3):
        assert await tell(client, f"http://{receiver.host}/") == Told()
    assert not any(b"cookie" in head.lower() for head in receiver.heads)
    assert receiver.connections == 1


async def test_no_redirect_is_followed(receiver: Receiver, make: Make) -> None:
    """Nobody checks with the operator where it leads."""
    receiver.answering = answering(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
    told = await tell(make(), f"http://{receiver.host}/")
    assert told == Told("HTTP 302, and callbacks follow no redirect", again=True)
    assert len(receiver.heads) == 1


@pytest.mark.parametrize(
    ("status", "again"),
    [
        *((200, None), (204, None), (400, False), (401, False), (404, False), (410, False), (422, False)),
        *((408, True), (425, True), (429, True), (500, True), (502, True), (503, True)),
    ],
)
async def test_only_answers_that_may_change_are_asked_for_again(
    receiver: Receiver, make: Make, status: int, again: bool | None
) -> None:
    """A receiver that does not like a request will not like the same one later."""
    receiver.answering = answering(b"HTTP/1.1 %d Told\r\ncontent-length: 0\r\n\r\n" % status)
    told = await tell(make(), f"http://{receiver.host}/")
    assert told == (Told() if again is None else Told(f"HTTP {status}", again=again))


@pytest.mark.parametrize(
    ("value", "pause_ms"),
    [
        ("120", 120_000),
        ("0", 0),
        ("999999999999999999999", 3_600_000),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("\u0661".encode().decode("latin-1"), 0),
        ("Thu, 01 Jan 2026 00:01:40 GMT", 100_000),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 3_600_000),
    ],
)
async def test_a_receiver_may_ask_for_a_pause_within_bounds(
    receiver: Receiver, make: Make, value: str, pause_ms: int
) -> None:
    """`Retry-After` as RFC 9110 has it: seconds or a date."""
    head = f"HTTP/1.1 503 Busy\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n"
    receiver.answering = answering(head.encode("latin-1"))
    told = await tell(make(now=lambda: 1_767_225_600_000), f"http://{receiver.host}/")
    assert told == Told("HTTP 503", again=True, pause_ms=pause_ms)


async def test_a_user_in_the_url_is_sent_as_basic_authentication(receiver: Receiver, make: Make) -> None:
    """As every client does; Host names neither."""
    await tell(make(), f"http://user:p%40ss@{receiver.host}/x?y")
    head = receiver.heads[0]
    assert head.startswith(b"GET /x?y HTTP/1.1\r\n")
    assert b"Authorization: Basic dXNlcjpwQHNz\r\n" in head
    assert f"Host: {receiver.host}\r\n".encode() in head


async def test_a_name_is_connected_to_at_the_address_that_was_checked(receiver: Receiver, make: Make) -> None:
    """One look-up a connection: a name that changes its answer in between gains nothing. Host stays the name."""
    asked: list[str] = []

    def resolve(host: str) -> Sequence[Address]:
        asked.append(host)
        return [LOOPBACK]

    await tell(make(resolve=resolve), f"http://shop.test:{receiver.port}/")
    assert asked == ["shop.test"]
    assert f"Host: shop.test:{receiver.port}\r\n".encode() in receiver.heads[0]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1"]
)
async def test_a_name_that_leads_inside_is_not_called(receiver: Receiver, make: Make, address: str) -> None:
    """Whatever its URL looked like when it was saved."""
    client = make(private_targets=False, resolve=lambda host: [ipaddress.ip_address(address)])
    told = await tell(client, f"http://shop.test:{receiver.port}/")
    assert told.problem.startswith("the host has no address on the public Internet")
    assert not told.again
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "127.1", "[::ffff:127.0.0.1]"]
)
async def test_an_address_inside_is_not_called(receiver: Receiver, make: Make, host: str) -> None:
    """An older version may have saved it."""
    told = await tell(make(private_targets=False), f"http://{host}:{receiver.port}/")
    assert told.problem.startswith("the URL names the host")
    assert not told.again
    assert receiver.connections == 0


async def test_only_the_public_addresses_of_a_name_are_connected_to() -> None:
    """The others are as if they were not there."""
    network = GuardedNetwork(
        private_targets=False,
        resolve=lambda host: [
            ipaddress.ip_address(each) for each in ("127.0.0.1", "8.8.8.8", "fd00::1", "8.8.8.8")
        ],
    )
    assert await network.allowed("shop.test") == [ipaddress.ip_address("8.8.8.8")]


async def test_a_name_server_that_does_not_answer_holds_up_nobody_else() -> None:
    """A look-up cannot be ended, so it has a thread of its own, which all who ask for the name share."""
    answer = threading.Event()
    asked: list[str] = []

    def resolve(host: str) -> Sequence[Address]:
        asked.append(host)
        if host == "dead.test":
            answer.wait()
        return [LOOPBACK]

    lookups = Lookups(resolve)
    dead = [asyncio.ensure_future(lookups.addresses("dead.test")) for _ in range(20)]
    impatient = asyncio.ensure_future(lookups.addresses("dead.test"))
    assert await lookups.addresses("shop.test") == [LOOPBACK]
    impatient.cancel()
    assert not any(one.done() for one in dead)
    answer.set()
    assert await asyncio.gather(*dead) == [[LOOPBACK]] * 20
    assert sorted(asked) == ["dead.test", "shop.test"]


async def test_a_name_that_is_never_answered_costs_no_more_than_a_callback_may_take(make: Make) -> None:
    """Its thread is left behind."""
    answer = threading.Event()

    def resolve(host: str) -> Sequence[Address]:
        answer.wait()
        return [LOOPBACK]

    told = await tell(make(seconds=SECONDS, resolve=resolve), "http://dead.test/")
    assert told == Told("no connection within 0.3 s", again=True)
    answer.set()


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    """Name servers have bad days."""

    def resolve(host: str) -> Sequence[Address]:
        raise OSError("no such name")

    client = CallbackClient(seconds=LONG, now=FakeClock().now, resolve=resolve)
    assert await tell(client, "http://shop.test/") == Told("no connection (OSError)", again=True)
    await client.close()


async def test_only_so_many_names_are_looked_up_at_once() -> None:
    """Each takes a thread, which nobody can end. The next one is told at once, and tries again."""
    answer = threading.Event()

    def resolve(host: str) -> Sequence[Address]:
        answer.wait()
        return [LOOPBACK]

    lookups = Lookups(resolve)
    pending = [asyncio.ensure_future(lookups.addresses(f"shop{number}.test")) for number in range(LOOKUPS)]
    await asyncio.sleep(0)  # one turn of the loop starts them all
    with pytest.raises(OSError, match="too many names"):
        await lookups.addresses("one-more.test")
    answer.set()
    assert await asyncio.gather(*pending) == [[LOOPBACK]] * LOOKUPS


async def test_tls_speaks_of_the_name_at_the_address_that_was_checked(
    receiver: Receiver, make: Make, tmp_path: Path
) -> None:
    """The certificate must be the name's, although an address is connected to."""
    context, trusted = certificate_for("shop.test", tmp_path)
    asked: list[str | None] = []
    context.sni_callback = lambda connection, name, _: asked.append(name)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    client = make(ca_file=trusted, resolve=lambda host: [LOOPBACK])
    assert await tell(client, f"https://shop.test:{port}/") == Told()
    other = await tell(client, f"https://other.test:{port}/")
    assert other.problem.startswith("the certificate cannot be believed (Hostname mismatch")
    assert other.again
    stranger = await tell(make(resolve=lambda host: [LOOPBACK]), f"https://shop.test:{port}/")
    assert stranger == Told("the certificate cannot be believed (self-signed certificate)", again=True)
    assert asked == ["shop.test", "other.test", "shop.test"]
    assert len(receiver.heads) == 1
    server.close()


async def test_a_look_up_is_forgotten_when_it_has_ended() -> None:
    """The next connection asks again: names move."""
    lookups = Lookups(lambda host: [LOOPBACK])
    assert await lookups.addresses("shop.test") == [LOOPBACK]
    assert await lookups.addresses("shop.test") == [LOOPBACK]
    assert lookups.pending == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "all_proxy"])
async def test_the_environment_names_no_proxy(
    receiver: Receiver, make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whoever started the server may have set one for other programs, and it may be broken."""
    monkeypatch.setenv(name, "socks5://127.0.0.1:1" if "NO" not in name else "[::1")
    assert await tell(make(), f"http://{receiver.host}/") == Told()


async def test_a_configured_proxy_gets_the_callback(receiver: Receiver, make: Make) -> None:
    """With its user; it looks the name up by itself."""
    client = make(private_targets=False, proxy=f"http://me:mine@{receiver.host}")
    assert await tell(client, "http://shop.test/told") == Told()
    assert receiver.heads[0].startswith(b"GET http://shop.test/told HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6bWluZQ==\r\n" in receiver.heads[0]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "proxy.example.com:3128", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_refused_at_the_start(proxy: str) -> None:
    """Not at the first callback of everybody."""
    with pytest.raises(ClientRefused, match=r"callback\.proxy .* http://proxy\.example\.com:3128"):
        CallbackClient(seconds=LONG, now=FakeClock().now, proxy=proxy)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize("by", ["setting", "environment"])
def test_certificates_that_cannot_be_read_are_refused_at_the_start(
    clean_environment: pytest.MonkeyPatch, tmp_path: Path, content: str | None, by: str
) -> None:
    """With the file's name and who named it."""
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    if by == "environment":
        clean_environment.setenv("SSL_CERT_FILE", str(file))
    expected = "callback.ca_file" if by == "setting" else "SSL_CERT_FILE"
    with pytest.raises(ClientRefused, match=f"{expected} is '.*ca.pem', which cannot be used"):
        CallbackClient(seconds=LONG, now=FakeClock().now, ca_file=str(file) if by == "setting" else "")


def test_a_folder_of_certificates_must_be_there(clean_environment: pytest.MonkeyPatch) -> None:
    """OpenSSL alone would take it in silence, and verify nobody."""
    clean_environment.setenv("SSL_CERT_DIR", "/nonexistent")
    with pytest.raises(ClientRefused, match="SSL_CERT_DIR is '/nonexistent'"):
        CallbackClient(seconds=LONG, now=FakeClock().now)


def test_receivers_are_verified(clean_environment: pytest.MonkeyPatch) -> None:
    """By name and by chain, with Mozilla's list unless somebody names another."""

    for context in (tls_context("", "ca_file"), tls_context(certifi.where(), "ca_file")):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.cert_store_stats()["x509_ca"] > 100


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a server logs that was told to log everything."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_nothing_that_a_url_hides_is_logged(receiver: Receiver, make: Make, log: io.StringIO) -> None:
    """Neither by us nor by a library, at any level."""
    canary = "callback-canary"
    url = f"http://{canary}:{canary}@{receiver.host}/services/{canary}?k={canary}"
    assert await tell(make(), url) == Told()
    assert canary.encode() in receiver.heads[0]
    for library in ("httpx", "httpcore", "asyncpg", "onema.delivery"):
        logging.getLogger(library).warning("HTTP Request: GET %s", url)
    assert "HTTP Request: GET http://***" in log.getvalue()
    assert canary not in log.getvalue()
