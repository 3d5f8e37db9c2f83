import asyncio
import logging
import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onema.http.connection import Patience
from onema.http.server import HttpServer, TlsFiles, reserve_port

from .raw_http import RunningServer, on_uvloop, serving


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
async def test_a_reserved_port_is_shared_by_those_who_are_meant_to(host: str) -> None:
    """Several servers of one supervisor listen on it; nobody else can, not even another supervisor."""

    def server(shared: bool) -> HttpServer:
        return HttpServer(RunningServer().app, host, port, shared_port=shared)

    with reserve_port(host, 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        first, second = server(shared=True), server(shared=True)
        await first.start()
        await second.start()
        for refused in (server(shared=False).start, lambda: asyncio.to_thread(reserve_port, host, port)):
            with pytest.raises(OSError, match="in use"):
                await refused()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await first.stop(1.0)
        await second.stop(1.0)


def test_one_connection_carries_many_requests() -> None:
    """Keep-alive is the default, and the server does not advertise its software."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            for number in range(3):
                client.get(f"/echo/x?n={number}")
                status, headers, body = await client.answer()
                assert (status, body) == (200, b"/echo/x?n=%d" % number)
            assert "server" not in headers
            assert headers["date"].endswith("gmt")
            assert headers["content-type"] == "application/json; charset=utf-8"

    on_uvloop(scenario)


def test_pipelined_requests_are_answered_in_order() -> None:
    """A client may send the next request before it has read the answer."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            for number in range(3):
                client.get(f"/echo/x?n={number}")
            assert [(await client.answer())[2] for _ in range(3)] == [
                b"/echo/x?n=%d" % number for number in range(3)
            ]

    on_uvloop(scenario)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (b"//echo/json//Send", b"/echo/json//Send?"),
        (b"/ECHO/x", b"/ECHO/x?"),
        (b"/echo/x?message={OTP}+la%20ma", b"/echo/x?message={OTP}+la%20ma"),
        (b"/echo/x?message=m\xc3\xa3", b"/echo/x?message=m%C3%A3"),
        (b'/echo/x?a="<|>^`\\', b'/echo/x?a="<|>^`\\'),
        (b"http://other/echo/x?a=1", b"/echo/x?a=1"),
    ],
)
def test_what_vendors_clients_put_into_a_target_arrives(target: bytes, body: bytes) -> None:
    """Double slashes, raw braces and raw UTF-8 are sent by clients in the field."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: test\r\n\r\n")
            status, _, got = await client.answer()
            assert (status, got) == (200, body)

    on_uvloop(scenario)


def test_a_content_length_over_the_limit_is_refused_at_once() -> None:
    """The refusal does not wait for the body, and the connection closes."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"POST /echo/x HTTP/1.1\r\nHost: test\r\nContent-Length: 65537\r\n\r\n")
            status, headers, body = await client.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert body == b'{"error":"Invalid request"}'
            client.writer.write_eof()
            assert await client.reader.read() == b""

    on_uvloop(scenario)


def test_a_client_that_is_still_sending_can_read_the_refusal() -> None:
    """Closing at once would reset the connection and take the answer with it."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"POST /echo/x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n")
            for _ in range(10):
                client.send(b"a" * 100_000)
                await client.writer.drain()
            assert (await client.answer())[2] == b'{"error":"Invalid request"}'
            assert await client.reader.read() == b""

    on_uvloop(scenario)


def test_a_chunked_body_over_the_limit_is_refused() -> None:
    """Without a Content-Length the server counts."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"POST /echo/x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(5):
                client.send(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
            status, headers, body = await client.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert body == b'{"error":"Invalid request"}'

    on_uvloop(scenario)


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"


@pytest.mark.parametrize(
    "request_line_and_body",
    [(b"GET /echo/x", b""), (b"POST /echo/x", b"Content-Length: 4\r\n\r\nbody")],
    ids=["GET", "POST"],
)
def test_an_offer_of_http2_does_not_spoil_the_connection(request_line_and_body: tuple[bytes, bytes]) -> None:
    """Java's HttpClient offers h2c with the first request of each connection, then goes on with HTTP/1.1."""
    line, body = request_line_and_body

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            for headers in (UPGRADE, b"", UPGRADE, b""):
                client.send(line + b" HTTP/1.1\r\nHost: test\r\n" + headers + (body or b"\r\n"))
                assert (await client.answer())[0] == 200

    on_uvloop(scenario)


def test_a_head_without_end_is_cut_off() -> None:
    """The parser alone would collect headers until the memory is full."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"GET /echo/x HTTP/1.1\r\n")
            for number in range(20):
                client.send(b"X-%d: " % number + b"a" * 16_000 + b"\r\n")
            status, headers = await client.head()
            assert (status, headers["connection"]) == (400, "close")

    on_uvloop(scenario)


def test_what_is_not_http_gets_400() -> None:
    """There is no API to ask for its shape."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.send(b"\x16\x03\x01hello\r\n\r\n")
            assert (await client.head())[0] == 400

    on_uvloop(scenario)


def test_a_fault_gives_the_apis_own_shape_and_no_stack_trace(caplog: pytest.LogCaptureFixture) -> None:
    """One incident is logged, and the connection stays usable."""

    async def scenario() -> None:
        async with serving() as server, server.connection() as client:
            client.get("/echo/broken")
            status, _, body = await client.answer()
            assert (status, body) == (200, b'{"CodeResult":"99","ErrorMessage":"incident c0ffee"}')
            client.get("/echo/x")
            assert (await client.answer())[0] == 200

    with caplog.at_level(logging.DEBUG):
        on_uvloop(scenario)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == ["a request failed"]
    assert "words of the request" not in caplog.text


def test_a_graceful_stop_ends_event_streams_and_finishes_requests() -> None:
    """Streams watch `on_stopping`; a request in progress gets its answer; new connections are refused."""

    async def scenario() -> None:
        server = RunningServer()
        await server.http.start()
        async with server.connection() as idle, server.connection() as stream, server.connection() as slow:
            idle.get("/echo/x")
            await idle.answer()
            stream.get("/handset/events")
            await stream.head()
            slow.get("/echo/slow")
            await server.api.arrived.wait()
            port = server.http.port
            stopping = asyncio.create_task(server.http.stop(15.0))
            assert await idle.reader.read() == b""
            assert b"data: bye" in await stream.reader.read()
            assert not stopping.done()
            with pytest.raises(OSError, match=r"[Cc]onnect"):
                await asyncio.open_connection("127.0.0.1", port)
            server.api.let_go.set()
            status, headers, body = await slow.answer()
            assert (status, headers["connection"], body) == (200, "close", b"/echo/slow?")
            await stopping

    on_uvloop(scenario)


def test_what_outlasts_the_deadline_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """A stop always ends, quietly, whatever streams and handlers do."""

    async def scenario() -> None:
        server = RunningServer()
        server.console.stubborn = True
        await server.http.start()
        async with server.connection() as stream, server.connection() as slow:
            stream.get("/handset/events")
            await stream.head()
            slow.get("/echo/slow")
            await server.api.arrived.wait()
            await server.http.stop(0.05)
            for client in (stream, slow):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                    await client.reader.readuntil(b"bye")

    on_uvloop(scenario)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_the_port_is_bound_when_start_returns_and_free_after_stop() -> None:
    """A second server on the port fails with OSError, and succeeds once the first is gone."""

    async def scenario() -> None:
        first = RunningServer()
        await first.http.start()
        port = first.http.port
        second = HttpServer(first.app, "127.0.0.1", port)
        with pytest.raises(OSError, match="in use"):
            await second.start()
        await first.http.stop(0.0)
        await second.start()
        assert second.port == port
        await second.stop(0.0)

    on_uvloop(scenario)


def test_signals_stay_with_main() -> None:
    """The server must not take SIGTERM away from the program."""

    async def scenario() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        async with serving():
            assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

    on_uvloop(scenario)


def test_ipv6_is_served() -> None:
    """A host with colons is an IPv6 address."""

    async def scenario() -> None:
        server = HttpServer(RunningServer().app, "::1", 0)
        await server.start()
        reader, writer = await asyncio.open_connection("::1", server.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await server.stop(1.0)

    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    on_uvloop(scenario)


def self_signed(folder: Path) -> TlsFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "onema test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return TlsFiles(str(certificate_file), str(key_file))


def test_tls_on_the_listener(tmp_path: Path) -> None:
    """With a certificate and a key the listener speaks HTTPS, and nothing else."""
    files = self_signed(tmp_path)

    async def scenario() -> None:
        trust = ssl.create_default_context(cafile=files.certificate)
        async with serving(files) as server:
            async with server.connection(trust) as client:
                client.get("/echo/x?secure")
                assert (await client.answer())[2] == b"/echo/x?secure"
            async with server.connection() as plain:
                plain.get("/echo/x")
                assert b"200" not in await plain.reader.read()

    on_uvloop(scenario)


def test_a_connection_that_never_shakes_hands_is_closed(tmp_path: Path) -> None:
    """It would hold one of the process's files, and no request of it would ever be late."""

    async def scenario() -> None:
        running = RunningServer(self_signed(tmp_path), Patience(handshake=0.05))
        await running.http.start()
        async with running.connection() as silent:
            assert await silent.reader.read() == b""
        await running.http.stop(0.0)

    on_uvloop(scenario)


def test_a_stop_does_not_wait_for_who_keeps_a_tls_connection_for_later(tmp_path: Path) -> None:
    """He reads nothing until he asks again, so that he says no goodbye; he is told one."""
    files = self_signed(tmp_path)
    trust = ssl.create_default_context(cafile=files.certificate)

    def ask(port: int) -> ssl.SSLSocket:
        client = trust.wrap_socket(
            socket.create_connection(("127.0.0.1", port)),
            server_hostname="127.0.0.1",
            suppress_ragged_eofs=False,
        )
        client.sendall(b"GET /echo/x HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        return client

    async def scenario() -> None:
        running = RunningServer(files)
        await running.http.start()
        with await asyncio.to_thread(ask, running.http.port) as client:
            async with asyncio.timeout(20):
                await running.http.stop(30.0)
            assert await asyncio.to_thread(client.recv, 1) == b""

    on_uvloop(scenario)


def test_tls_files_that_are_missing_stop_the_start() -> None:
    """Serving plain HTTP instead would be worse than not serving."""

    async def scenario() -> None:
        server = RunningServer(TlsFiles("/nowhere/certificate.pem", "/nowhere/key.pem"))
        with pytest.raises(FileNotFoundError):
            await server.http.start()

    on_uvloop(scenario)
