"""A server that could not send one callback says so when it is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SSL_CERT_FILE", "/nonexistent.pem", "SSL_CERT_FILE is '/nonexistent.pem'"),
        ("ONEMA_CALLBACK_CA_FILE", "/nonexistent.pem", "callback.ca_file is '/nonexistent.pem'"),
        (
            "ONEMA_CALLBACK_PROXY",
            "socks5://user:hidden@127.0.0.1:1080",
            "callback.proxy must begin with http://",
        ),
    ],
)
def test_a_server_without_a_client_does_not_start(
    tmp_path: Path, variable: str, value: str, words: str
) -> None:
    """In a sentence; `onema doctor` has the same one."""
    environment = {**os.environ, variable: value, "ONEMA_DATA": str(tmp_path), "ONEMA_LISTEN_PORT": "0"}

    def onema(command: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "onema.cli", command]
        return subprocess.run(
            program, capture_output=True, text=True, check=False, env=environment, timeout=60
        )

    served = onema("serve")
    assert served.returncode == 1
    assert f"onema cannot start: {words}" in served.stderr
    examined = onema("doctor")
    assert f"fail  callbacks: {words}" in examined.stdout
    assert "hidden" not in served.stderr + examined.stdout
