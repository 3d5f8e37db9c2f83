"""SIGHUP, by which operators and their tools ask a server to read its files anew."""

import hashlib
import shutil
import signal
import socket
import ssl
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hang_up_reads_certificates_anew_and_drops_nothing(
    tmp_path: Path, postgres_server: PostgresServer, workers: int
) -> None:
    """New handshakes get the new certificate, open connections go on, and files that cannot be used change nothing."""
    first, second, served = (tmp_path / name for name in ("first", "second", "served"))
    files = []
    for folder in (first, second):
        folder.mkdir()
        files.append(self_signed(folder))
    shutil.copytree(first, served)
    shared = environment(postgres_server.create_database(f"hang_up_{workers}")) if workers > 1 else {}
    tls = {
        "ONEMA_LISTEN_TLS_CERTIFICATE": str(served / Path(files[0].certificate).name),
        "ONEMA_LISTEN_TLS_KEY": str(served / Path(files[0].key).name),
    }
    arguments = ["serve", "--workers", str(workers)]
    with TlsServer(
        tmp_path / "data", *arguments, environment=shared | tls | {"ONEMA_LOGS_LEVEL": "info"}
    ) as server:
        before = server.fingerprint()
        with server.connect() as open_one:
            assert ask(open_one) == b"HTTP/1.1 200"
            shutil.copytree(second, served, dirs_exist_ok=True)
            assert server.process is not None
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.log.read_text().count("certificates read anew") == workers)
            after = {server.fingerprint() for _ in range(10)}
            assert len(after) == 1
            assert before not in after
            Path(tls["ONEMA_LISTEN_TLS_KEY"]).write_text("no key")
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.log.read_text().count("the certificate stays") == workers)
            assert {server.fingerprint() for _ in range(10)} == after
            assert ask(open_one) == b"HTTP/1.1 200"
        assert server.stop() == 0
