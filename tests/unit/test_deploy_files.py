"""What deploy/ ships, as far as it can be tried without a container engine or a service manager."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onema.engine.committer import STOP_SECONDS
from onema.settings import Settings, describe
from onema.testing.cluster import (
    DEPLOY,
    Haproxy,
    find_haproxy,
    get,
    haproxy_environment,
    read_postgres_settings,
)
from onema.testing.postgres_server import find_binaries
from onema.testing.running_server import eventually

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
COMPOSE = (DEPLOY / "compose.yaml").read_text()


def test_haproxy_takes_its_configuration_without_a_warning() -> None:
    """With warnings too, HAProxy starts; but something in the file is not as somebody thought."""
    done = subprocess.run(
        [find_haproxy(), "-c", "-dW", "-f", DEPLOY / "haproxy" / "haproxy.cfg"],
        env={**os.environ, **haproxy_environment(18400, 18404, (18401, 18402))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_haproxy_logs_no_query_string() -> None:
    """eSMS clients send their keys and phone numbers in it."""
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    (log_format,) = re.findall(r"^ *log-format (.*)$", text, re.M)
    assert "%HP" in log_format
    assert not re.search(r"%(\{[^}]*\})?(r|HU|HQ)\b", log_format)
    assert "httplog" not in text


class StandInNode(BaseHTTPRequestHandler):
    """A node that answers requests with what HAProxy told it of the client, while it is ready and while it is not."""

    ready = threading.Event()

    def do_GET(self) -> None:
        told = (self.headers.get_all(name) or [] for name in ("X-Forwarded-For", "X-Forwarded-Proto"))
        body = " ".join(value for values in told for value in values).encode()
        self.send_response(503 if self.path == "/health/ready" and not self.ready.is_set() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Haproxy]:
    """HAProxy before two nodes that are ready."""
    StandInNode.ready.set()
    nodes = [ThreadingHTTPServer(("127.0.0.1", 0), StandInNode) for _ in range(2)]
    for node in nodes:
        threading.Thread(target=node.serve_forever, args=(0.01,)).start()
    haproxy = Haproxy(tmp_path, [node.server_port for node in nodes])
    try:
        haproxy.start()
        yield haproxy
    finally:
        haproxy.stop()
        for node in nodes:
            node.shutdown()
            node.server_close()


def test_haproxy_says_who_the_client_is(haproxy: Haproxy) -> None:
    """Its own word comes last, where onema looks for it; and whether the connection was TLS."""
    status, body = get(haproxy.port, "/MainService.svc/json/x")
    assert (status, body) == (200, b"127.0.0.1 http")


def test_nobody_else_says_that_a_connection_was_tls(haproxy: Haproxy) -> None:
    """A node that believed it of a client would mark its cookie for a connection that never was."""
    lines = b"X-Forwarded-Proto: https\r\nx-forwarded-proto: https\r\n"
    assert raw_get(haproxy.port, b"/x", lines).endswith(b"127.0.0.1 http")


def test_without_a_ready_node_a_live_one_answers(haproxy: Haproxy) -> None:
    """When the database is away its "try later" in the vendor's words is better than HAProxy's 503."""
    StandInNode.ready.clear()
    down = re.compile(rb"^ready_nodes,BACKEND,.*,DOWN,", re.MULTILINE)
    eventually(lambda: down.search(get(haproxy.figures, "/;csv")[1]))
    assert get(haproxy.port, "/MainService.svc/json/x")[0] == 200


def test_figures_are_not_for_the_public(haproxy: Haproxy) -> None:
    """However the path is spelled; onema itself answers all of these."""
    spellings = (
        b"metrics",
        b"/metrics",
        b"METRICS",
        b"metrics/",
        b"%6Detrics",
        b"metrics;a",
        b"metrics%2Fa",
        b"metrics?a",
    )
    for spelling in (*spellings, b"health", b"Health/ready", b"health/other"):
        assert raw_get(haproxy.port, b"/" + spelling).startswith(b"HTTP/1.1 404 "), spelling
    for path in (b"/health/ready", b"/metricsystem", b"/health-food"):
        assert raw_get(haproxy.port, path).split(b" ")[1] == b"200", path
    assert b"haproxy_" in get(haproxy.figures, "/metrics")[1]


@pytest.mark.parametrize("target", [b"/metrics#a", b"/x#", b"/%6Detrics#", b"/x?a=1#b"])
def test_a_fragment_is_no_part_of_a_request(haproxy: Haproxy, target: bytes) -> None:
    """RFC 9112 section 3.2: no client sends it. A rule on paths and a node might see two different paths."""
    assert raw_get(haproxy.port, target).startswith(b"HTTP/1.1 400 ")


def raw_get(port: int, target: bytes, lines: bytes = b"") -> bytes:
    """The whole answer to a target that goes out as it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n%bConnection: close\r\n\r\n" % (target, lines))
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_postgresql_takes_its_settings(tmp_path: Path) -> None:
    """PostgreSQL itself reads every setting of the snippet, and the commit of a batch waits for a standby."""
    settings = read_postgres_settings()
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    # The server refuses to run as root, even to show a setting of files that anybody may read.
    run_as = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        [
            find_binaries() / "postgres",
            *options,
            "-c",
            f"config_file={os.devnull}",
            "-C",
            "synchronous_commit",
        ],
        cwd="/",
        user=run_as,
        capture_output=True,
        text=True,
    )
    # Without a data folder it goes no further than its settings.
    assert "data_directory" in done.stderr or done.returncode == 0, done.stderr
    assert settings["fsync"] == settings["synchronous_commit"] == "on"
    assert settings["synchronous_standby_names"].startswith("ANY 1 (")


def test_patroni_is_told_the_same_of_postgresql() -> None:
    """All but the names of synchronous standbys, which Patroni decides; written twice, since it reads no other file."""
    text = (DEPLOY / "patroni.yml").read_text()
    listed = text.partition("      parameters:\n")[2].partition("  initdb:")[0]
    told = {name: value.strip('"') for name, value in re.findall(r"^        (\w+): (\S+)$", listed, re.M)}
    expected = read_postgres_settings()
    del expected["synchronous_standby_names"]
    assert told == expected
    for line in ("synchronous_mode: true", "failsafe_mode: true", "use_pg_rewind: true"):
        assert line in text


def test_compose_names_only_files_that_exist() -> None:
    """A bind mount of a missing file would become an empty folder in the container."""
    mounts = re.findall(r"\./([\w./-]+):/", COMPOSE)
    assert len(mounts) >= 6
    assert [path for path in mounts if not (DEPLOY / path).is_file()] == []
    assert (DEPLOY.parent / re.findall(r"dockerfile: (.+)", COMPOSE)[0]).is_file()


def test_compose_gives_every_node_its_own_number() -> None:
    """Two nodes with one number could make one id twice."""
    numbers = re.findall(r'ONEMA_NODE_NUMBER: "(\d+)"', COMPOSE)
    assert len(numbers) == 2
    assert len(set(numbers)) == 2


def test_what_compose_must_be_told_is_in_the_readme() -> None:
    """Each secret that compose refuses to start without is made by the lines to paste."""
    needed = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    readme = (DEPLOY / "README.md").read_text()
    assert needed == {name for name in needed if f"{name}=" in readme}


def test_every_setting_that_is_used_exists() -> None:
    """The server refuses unknown variables at its start."""
    known = {setting.variable for setting in describe()} | {"ONEMA_SETTINGS"}
    used = {name for file in FILES for name in re.findall(r"\bONEMA_[A-Z_]+", file.read_text())}
    assert used - known == set()


def test_the_image_gets_the_files_that_its_build_copies() -> None:
    """What .dockerignore leaves out cannot be copied."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M)
    sources = {source for line in copied for source in line.split()}
    admitted = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"
    }
    assert sources == admitted
    assert [source for source in sources if not (DEPLOY.parent / source).exists()] == []


def test_the_image_does_not_run_as_root() -> None:
    """The last USER is a number, so that Kubernetes' runAsNonRoot can tell."""
    users = re.findall(r"^USER (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert users
    assert int(users[-1]) > 0


@pytest.mark.parametrize(
    "script", [path for path in FILES if path.suffix == ".sh"], ids=lambda path: path.name
)
def test_scripts_are_understood_by_bash(script: Path) -> None:
    """A script with a slip would end the container at its first start only."""
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    """Every key is known and has a value that it takes."""
    program = shutil.which("true")
    assert program is not None
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/onema/bin/onema", program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_gets_what_the_server_gets() -> None:
    """With another key, database or folder it would not be that server's command line."""
    script = (DEPLOY / "systemd" / "onema.sh").read_text()
    lines = (DEPLOY / "systemd" / "onema.service").read_text().splitlines()
    shared = ("EnvironmentFile=", "LoadCredential=", "StateDirectory", "UMask=")
    given = [f"--property={line}" for line in lines if line.startswith(shared)]
    given += [
        f"--setenv={line[12:]}" for line in lines if re.match(r"Environment=ONEMA_(SETTINGS|DATA)=", line)
    ]
    assert len(given) == 7
    assert [each for each in given if each not in script.split()] == []


def test_the_units_differ_only_where_a_node_has_its_own() -> None:
    """What is hardened in one is hardened in the other."""
    single, several = (hardening(unit) for unit in UNITS)
    assert single == several
    assert len(single) > 20


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_units_leave_what_process_metrics_are_read_from(unit: Path) -> None:
    """/proc/stat has the time of the boot; without it /metrics has no `process_*` at all, and says nothing of it."""
    assert "ProcSubset" not in unit.read_text()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_waits_until_a_node_serves(unit: Path) -> None:
    """The node says so (tests/e2e/test_start_and_stop.py); a migration may take longer than systemd's 90 seconds."""
    lines = unit.read_text().splitlines()
    assert "Type=notify" in lines
    assert any(line.startswith("TimeoutStartSec=") for line in lines)


def test_whoever_stops_a_node_gives_it_its_time() -> None:
    """Requests and then deliveries have their deadline, and a database that says nothing is given up after that."""
    needed = 2 * Settings().listen.stop_deadline + STOP_SECONDS
    nodes = COMPOSE[: COMPOSE.index("x-database:")]
    texts = [nodes, *(unit.read_text() for unit in UNITS)]
    waits = [re.findall(r"(?:TimeoutStopSec=|stop_grace_period: )(\d+)", text) for text in texts]
    assert all(int(seconds) > needed for (seconds,) in waits), waits


def hardening(unit: Path) -> list[str]:
    text = unit.read_text()
    return text[text.index("NoNewPrivileges") :].splitlines()
