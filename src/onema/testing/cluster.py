"""The topology of deploy/ from plain processes on loopback: two nodes behind HAProxy, PostgreSQL with a synchronous
standby. `./dev cluster` runs it for people, tests/full/test_cluster.py breaks it.

HAProxy runs with deploy/haproxy/haproxy.cfg and PostgreSQL with deploy/postgres/onema.conf, so that what is tested
is what is deployed. Everything is ended by its process id.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import quote, urlencode

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually, free_port

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
BRANDNAME: Final = "Baotrixemay"
MESSAGE: Final = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"
SERVICE: Final = "/MainService.svc/json"
LEASE_SECONDS: Final = 2.0
_MISSING: Final = "The cluster needs HAProxy: `apt-get install -y haproxy`"
_SETTING: Final = re.compile(r"(\w+) *= *(?:'([^']*)'|(\S+))")
# Both run on this machine beside everything else.
_SMALLER: Final = {"max_wal_size": "1GB"}
_STOP_SECONDS: Final = 30.0


class HaproxyMissing(Exception):
    """No HAProxy on this machine; says how to get it."""


def find_haproxy() -> str:
    """The program. Raises HaproxyMissing."""
    # Debian keeps it where only root's PATH leads.
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise HaproxyMissing(_MISSING)
    return found


def haproxy_environment(port: int, figures: int, nodes: Sequence[int]) -> dict[str, str]:
    """What deploy/haproxy/haproxy.cfg reads of its environment, all on loopback."""
    addresses = {f"NODE_{number}": f"127.0.0.1:{node}" for number, node in enumerate(nodes, start=1)}
    return {"LISTEN": f"127.0.0.1:{port}", "STATS": f"127.0.0.1:{figures}", **addresses}


def read_postgres_settings(file: Path = DEPLOY / "postgres" / "onema.conf") -> dict[str, str]:
    """The settings of a file in PostgreSQL's syntax, as far as ours uses it."""
    lines = (line.strip() for line in file.read_text().splitlines())
    found = (_SETTING.fullmatch(line) for line in lines if line and not line.startswith("#"))
    return {match[1]: match[2] if match[2] is not None else match[3] for match in found if match}


def get(
    port: int, path: str, query: Mapping[str, str] | None = None, timeout: float = 90.0
) -> tuple[int, bytes]:
    """(status, body) of a GET on loopback. Raises OSError, http.client.HTTPException when the connection breaks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", f"{path}?{urlencode(query)}" if query else path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Haproxy:
    """HAProxy before the nodes, in a process of its own."""

    def __init__(self, folder: Path, nodes: Sequence[int]) -> None:
        self.port = free_port()
        self.figures = free_port()
        self.log = folder / "haproxy.log"
        self._environment = haproxy_environment(self.port, self.figures, nodes)
        self._configuration = DEPLOY / "haproxy" / "haproxy.cfg"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it has found a node that is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                [find_haproxy(), "-db", "-f", str(self._configuration)],
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        eventually(self._is_ready)

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"HAProxy ended: {self.log.read_text()[-2000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return get(self.port, "/health/ready")[0] == 200
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        _end(self._process)


class Cluster:
    """Start it, break it, and stop it in the end; `with running_cluster()` starts and stops.

    `nodes`, `primary`, `standby` and `haproxy` can each be stopped or killed by themselves.
    """

    def __init__(self, folder: Path, *, nodes: int = 2) -> None:
        self.folder = folder
        settings = {**read_postgres_settings(), **_SMALLER}
        # A primary waits for its standby from the moment on that there is one, and a promoted standby for nobody.
        self._wait_for = settings.pop("synchronous_standby_names")
        self._stack = ExitStack()
        self.primary = PostgresServer({**settings, "cluster_name": "db1"})
        self._stack.callback(self.primary.remove)
        self.standby = PostgresServer({**settings, "cluster_name": "db2"})
        self._stack.callback(self.standby.remove)
        self.dsn = self.primary.dsn("onema", port=self.primary.port, other_port=self.standby.port)
        self._server_key = secrets.token_hex(32)
        self.keys = {"ApiKey": secrets.token_hex(15).upper(), "SecretKey": secrets.token_hex(15).upper()}
        self.nodes = tuple(
            RunningServer(
                folder / f"node-{number}",
                "serve",
                "--database",
                self.dsn,
                environment=self._environment(number),
            )
            for number in range(1, nodes + 1)
        )
        self.haproxy = Haproxy(folder, [node.port for node in self.nodes])

    def _environment(self, number: int) -> dict[str, str]:
        return {
            "ONEMA_SERVER_KEY": self._server_key,
            "ONEMA_NODE_NUMBER": str(number),
            "ONEMA_LISTEN_TRUSTED_PROXIES": "127.0.0.1",
            "ONEMA_HANDSET_OPEN_ON_LOOPBACK": "true",
            "ONEMA_DELIVERY_LEASE": str(LEASE_SECONDS),
        }

    def start(self) -> None:
        """Return when codes can be sent through HAProxy."""
        self.primary.create()
        self.primary.start()
        self.standby.copy_from(self.primary, "db2")
        self.standby.start()
        self.primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{self._wait_for}'")
        self.primary.sql("SELECT pg_reload_conf()")
        eventually(lambda: self.primary.sql("SELECT sync_state FROM pg_stat_replication") == "quorum")
        self.primary.create_database("onema")
        self._configure()
        for node in self.nodes:
            self._stack.callback(self._stop_node, node)
            node.start()
        self._stack.callback(self.haproxy.stop)
        self.haproxy.start()

    def stop(self) -> None:
        """End what still runs, and delete the databases."""
        self._stack.close()

    @staticmethod
    def _stop_node(node: RunningServer) -> None:
        _end(node.process)

    def _configure(self) -> None:
        file = self.folder / "onema.toml"
        file.touch(0o600)
        file.write_text(_CONFIGURATION.format(**self.keys, brandname=BRANDNAME, message=MESSAGE))
        self.onema("apply", str(file))

    def onema(self, *arguments: str) -> str:
        """What the command line, opening the database itself, prints. Raises CalledProcessError."""
        command = [sys.executable, "-m", "onema.cli", "--data", str(self.folder / "administration")]
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            [*command, "--database", self.dsn, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._environment(0)},
        )
        return done.stdout

    # What integrators and phones do.

    def send(self, phone: str, port: int = 0, *, timeout: float = 90.0) -> tuple[int, bytes]:
        """An eSMS GENCODE through HAProxy, or on another port: (status, body)."""
        text = {"Brandname": BRANDNAME, "Type": "2", "IsNumber": "1", "message": MESSAGE}
        query = {**self.keys, "Phone": phone, **text}
        path = f"{SERVICE}/SendMessageAutoGenCode_V4_get"
        return get(port or self.haproxy.port, path, query, timeout)

    def check(self, phone: str, code: str, port: int = 0) -> str:
        """The CodeResult of an eSMS CHECKCODE."""
        path = f"{SERVICE}/CheckCodeGen_V4_get"
        answer = get(port or self.haproxy.port, path, {**self.keys, "Phone": phone, "Code": code})[1]
        result: str = json.loads(answer)["CodeResult"]
        return result

    def received(self, phone: str, node: RunningServer) -> list[dict[str, Any]]:
        """What the simulated phone received, as `node` shows it: the handset's page is closed to proxies."""
        found: list[dict[str, Any]] = node.json("/handset/messages", to=phone)
        return found


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """SIGTERM, and SIGKILL for what does not listen. A stopped process must go on to hear either."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


_CONFIGURATION: Final = """\
[[tariffs]]
name = "default"
rates = [{{ channel = "sms", price = "850" }}]

[[carriers]]
name = "handset"
type = "handset"

[[routes]]
channel = "sms"
carrier = "handset"

[[accounts]]
name = "demo"
wallet = "postpaid"
tariff = "default"
windows = []

[[accounts.credentials]]
dialect = "esms"
key = "{ApiKey}"
secret = "{SecretKey}"

[[accounts.brandnames]]
name = "{brandname}"
templates = ["{message}"]
"""


def _greeting(cluster: Cluster) -> str:
    keys = urlencode(cluster.keys)
    sender = f"Brandname={BRANDNAME}&Type=2&IsNumber=1&message={quote(MESSAGE, safe='{}')}"
    base = f"http://127.0.0.1:{cluster.haproxy.port}"
    service = f"{base}{SERVICE}"
    handset = f"http://127.0.0.1:{cluster.nodes[0].port}/handset"
    parts: Mapping[str, str] = {
        "HAProxy": f"{base}   its figures: http://127.0.0.1:{cluster.haproxy.figures}/",
        **{
            f"node {number}": f"http://127.0.0.1:{node.port}   process {node.process.pid}, phones: /handset"
            for number, node in enumerate(cluster.nodes, start=1)
            if node.process is not None
        },
        "primary": f"{cluster.primary.dsn('onema')}   process {cluster.primary.pid}",
        "standby": f"{cluster.standby.dsn('onema')}   process {cluster.standby.pid}",
        "files": str(cluster.folder),
    }
    lines = "\n".join(f"  {name:8} {value}" for name, value in parts.items())
    return f"""\
The cluster runs. Ctrl-C ends it.

{lines}

# Send a code
curl --globoff '{service}/SendMessageAutoGenCode_V4_get?{keys}&Phone=0901888484&{sender}'

# Read what the phone received
curl '{handset}/messages?to=0901888484'

# Check the code; put in the one that you read
curl '{service}/CheckCodeGen_V4_get?{keys}&Phone=0901888484&Code=123456'

# Kill a node, or the primary and promote the standby; then send again
kill -9 {cluster.nodes[0].process.pid if cluster.nodes[0].process else ""}
kill -QUIT {cluster.primary.pid} && psql '{cluster.standby.dsn()}' -c 'SELECT pg_promote()'
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev cluster", description="The topology of deploy/ on this machine."
    )
    parser.add_argument("--keep", action="store_true", help="keep configuration and logs")
    arguments = parser.parse_args()

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    folder = Path(tempfile.mkdtemp(prefix="onema-cluster-"))
    try:
        with contextlib.suppress(KeyboardInterrupt), running_cluster(folder) as cluster:
            sys.stdout.write(_greeting(cluster))
            sys.stdout.flush()
            while True:
                signal.pause()
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
