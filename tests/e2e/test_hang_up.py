"""SIGHUP, by which operators and their tools ask a server to read its files anew."""

import hashlib
import shutil
import signal
import socket
import ssl
from pathlib import Path

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

from ..integration.test_server import self_signed
from .acme import environment


class TlsServer(RunningServer):
    """Asked for its certificate in place of its readiness."""

    def _is_ready(self) -> bool:
        try:
            return bool(self.fingerprint())
        except OSError:
            return False

    def connect(self) -> ssl.SSLSocket:
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname = False
        anyone.verify_mode = ssl.CERT_NONE
        return anyone.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 20))

    def fingerprint(self) -> str:
        with self.connect() as connection:
            return hashlib.sha256(connection.getpeercert(True) or b"").hexdigest()


def ask(connection: ssl.SSLSocket) -> bytes:
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
    answer = b""
    while not answer.endswith(b"ok"):
        answer += connection.recv(1000)
    return answer[:12]


def test_a_hang_up_reads_certificates_anew_and_drops_nothing(tmp_path: Path) -> None:
    """New handshakes get the new certificate, open connections go on, and files that cannot be used change nothing."""
    renew_and_spoil(tmp_path, 1)


def test_a_hang_up_reaches_every_worker(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """Whichever of them a connection goes to, it shows the new certificate."""
    shared = environment(postgres_server.create_database("hang_up"))
    renew_and_spoil(tmp_path, 2, "--workers", "2", **shared)


def renew_and_spoil(folder: Path, processes: int, *arguments: str, **shared: str) -> None:
    first, second, served = (folder / name for name in ("first", "second", "served"))
    files = []
    for one in (first, second):
        one.mkdir()
        files.append(self_signed(one))
    shutil.copytree(first, served)
    settings = {
        "ONEMA_LISTEN_TLS_CERTIFICATE": str(served / Path(files[0].certificate).name),
        "ONEMA_LISTEN_TLS_KEY": str(served / Path(files[0].key).name),
        "ONEMA_LOGS_LEVEL": "info",
    }
    with TlsServer(folder / "data", "serve", *arguments, environment=shared | settings) as server:
        eventually(lambda: "onema listens" in server.output.read_text())
        before = server.fingerprint()
        with server.connect() as open_one:
            assert ask(open_one) == b"HTTP/1.1 200"
            shutil.copytree(second, served, dirs_exist_ok=True)
            assert server.process is not None
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.log.read_text().count("certificates read anew") == processes)
            after = {server.fingerprint() for _ in range(10)}
            assert len(after) == 1
            assert before not in after
            Path(settings["ONEMA_LISTEN_TLS_KEY"]).write_text("no key")
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.log.read_text().count("the certificate stays") == processes)
            assert {server.fingerprint() for _ in range(10)} == after
            assert ask(open_one) == b"HTTP/1.1 200"
        assert server.stop() == 0
