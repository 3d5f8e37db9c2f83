"""SIP over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from onema.channels.voice_sip.transports import Hop, Kind, StreamTransport, Transport, UdpTransport
from onema.http.server import TlsFiles
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.messages import Request, Response, parse
from tests.integration.test_server import self_signed

DEADLINE_SECONDS = 20.0
OPTIONS = (
    b"OPTIONS sip:a@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: %b\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Ear:
    """Keeps what a transport hears."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Hop]] = []
        self.bad: list[BadMessage] = []
        self.failures: list[tuple[Hop, str]] = []
        self.strangers: set[str] = set()
        self._news = asyncio.Event()

    def welcomes(self, ip: str) -> bool:
        return ip not in self.strangers

    def heard(self, message: Request | Response, came_from: Hop) -> None:
        self.messages.append((message.call_id, came_from))
        self._news.set()

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        self.bad.append(bad)
        self._news.set()

    def failed(self, hop: Hop, why: str) -> None:
        self.failures.append((hop, why))
        self._news.set()

    async def until(self, messages: int = 0, failures: int = 0, bad: int = 0) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.messages) < messages or len(self.failures) < failures or len(self.bad) < bad:
                self._news.clear()
                await self._news.wait()


def options(call_id: str) -> bytes:
    octets = OPTIONS % call_id.encode()
    parse(octets)
    return octets


def here(kind: Kind, port: int, name: str = "", ip: str = "127.0.0.1") -> Hop:
    return Hop(kind, ip, port, name)


@asynccontextmanager
async def two(kind: Kind, ip: str = "127.0.0.1") -> AsyncIterator[tuple[Transport, Ear, Transport, Ear]]:
    one, other = Ear(), Ear()
    make = UdpTransport if kind == "udp" else StreamTransport
    first, second = make(ip, 0, one), make(ip, 0, other)
    await first.open()
    await second.open()
    try:
        yield first, one, second, other
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_messages_come_whole_and_their_answers_go_back(kind: Kind, ip: str) -> None:
    """To where they came from, whatever is listened on, over IPv6 too."""
    async with two(kind, ip) as (first, one, second, other):
        for number in range(5):
            first.send(options(f"there-{number}"), here(kind, second.port, ip=ip))
        await other.until(messages=5)
        assert [call_id for call_id, _ in other.messages] == [f"there-{number}" for number in range(5)]
        source = other.messages[0][1]
        assert source.kind == kind
        assert (source.port == first.port) is (kind == "udp")
        second.send(options("back"), source)
        await one.until(messages=1)
        assert one.messages[0][0] == "back"


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_a_port_where_nobody_listens_fails_at_once(kind: Kind) -> None:
    """By ICMP (RFC 3261 §18.4), or by the refused connection: nobody waits 32 seconds."""
    ear = Ear()
    transport = (UdpTransport if kind == "udp" else StreamTransport)("127.0.0.1", 0, ear)
    await transport.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    transport.send(options("lost"), here(kind, port))
    await ear.until(failures=1)
    assert (ear.failures[0][0].ip, ear.failures[0][0].port) == ("127.0.0.1", port)
    assert ear.failures[0][1] == "Connection refused"
    transport.close()


async def test_an_error_from_elsewhere_loses_no_datagram() -> None:
    """The system tells it to whoever sends next, and then sends nothing."""
    async with two("udp") as (first, one, second, other):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        for number in range(10):
            first.send(options("lost"), here("udp", port))
            first.send(options(f"there-{number}"), here("udp", second.port))
        await other.until(messages=10)
        await one.until(failures=1)
        assert {hop.port for hop, _ in one.failures} == {port}


async def test_a_connection_that_is_gone_is_made_anew() -> None:
    """Whoever waited for an answer over it hears that it is gone."""
    async with two("tcp") as (first, one, second, other):
        hop = here("tcp", second.port)
        first.send(options("first"), hop)
        await other.until(messages=1)
        second.close()
        await one.until(failures=1)
        assert one.failures[0] == (hop, "the connection was closed")
        again = StreamTransport("127.0.0.1", second.port, other)
        await again.open()
        first.send(options("second"), hop)
        await other.until(messages=2)
        again.close()


async def test_what_is_no_sip_is_told_and_ends_a_connection() -> None:
    """A datagram is only itself; in a stream nobody knows where the next message begins (RFC 3261 §18.3)."""
    async with two("udp") as (first, _, second, other):
        first.send(b"GET / HTTP/1.1\r\n\r\n", here("udp", second.port))
        first.send(b"\r\n\r\n", here("udp", second.port))
        first.send(options("fine"), here("udp", second.port))
        await other.until(messages=1, bad=1)
        assert len(other.bad) == 1
    async with two("tcp") as (_, _, second, other):
        reader, writer = await asyncio.open_connection("127.0.0.1", second.port)
        writer.write(b"\r\n\r\n" + options("fine") + b"GET / HTTP/1.1\r\n\r\n" + options("late"))
        async with asyncio.timeout(DEADLINE_SECONDS):
            # RFC 5626 §4.4.1: the ping is answered; then it is over.
            assert await reader.read() == b"\r\n"
        assert [call_id for call_id, _ in other.messages] == ["fine"]
        writer.close()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_who_is_not_welcome_is_not_read(kind: Kind) -> None:
    """What a flood costs is decided before a message is parsed."""
    async with two(kind) as (first, one, second, other):
        other.strangers.add("127.0.0.1")
        first.send(options("unread"), here(kind, second.port))
        second.send(options("fine"), here(kind, first.port))
        await one.until(messages=1)
        # Over TCP it heard that its connection was closed.
        await one.until(failures=kind == "tcp")
        assert other.messages == []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_tls_checks_whom_it_speaks_to(files: TlsFiles) -> None:
    """By the name that was asked for, whatever the address is; the answer comes back over the same connection."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(files.certificate, files.key)
    one, other = Ear(), Ear()
    trusting = ssl.create_default_context(cafile=files.certificate)
    first = StreamTransport("127.0.0.1", 0, one, context=trusting)
    second = StreamTransport("127.0.0.1", 0, other, context=trusting, own_context=own)
    await first.open()
    await second.open()
    first.send(options("there"), here("tls", second.port))
    await other.until(messages=1)
    second.send(options("back"), other.messages[0][1])
    await one.until(messages=1)
    first.close()
    first = StreamTransport("127.0.0.1", 0, one, context=trusting)
    await first.open()
    first.send(options("never"), here("tls", second.port, "sip.example.net"))
    await one.until(failures=1)
    assert "certificate" in one.failures[-1][1]
    assert [call_id for call_id, _ in other.messages] == ["there"]
    first.close()
    second.close()


async def test_tls_leaves_from_the_port_that_is_told(files: TlsFiles) -> None:
    """A Contact names it, by which proxies find the connection. Where it cannot be used again yet, any other is."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(files.certificate, files.key)
    one, other = Ear(), Ear()
    trusting = ssl.create_default_context(cafile=files.certificate)
    first = StreamTransport("127.0.0.1", 0, one, context=trusting)
    second = StreamTransport("127.0.0.1", 0, other, context=trusting, own_context=own)
    third = StreamTransport("127.0.0.1", 0, other, context=trusting, own_context=own)
    for transport in (first, second, third):
        await transport.open()
    for number, far in enumerate((second, third)):
        first.send(options(str(number)), here("tls", far.port))
        await other.until(messages=number + 1)
    assert [came_from.port for _, came_from in other.messages] == [first.port, first.port]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first.port = taken.getsockname()[1]
        second.close()
        await one.until(failures=1)
        await second.open()
        first.send(options("2"), here("tls", second.port))
        await other.until(messages=3)
        assert other.messages[2][1].port not in (0, first.port)
    for transport in (first, second, third):
        transport.close()
