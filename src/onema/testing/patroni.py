"""Three PostgreSQL servers under Patroni, each with an etcd of its own, from plain processes on loopback.

Patroni runs with deploy/patroni.yml, so that what is tested is what is deployed; what differs between machines comes by
the environment, as there. Everything is ended by its process id.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from onema.testing.cluster import DEPLOY
from onema.testing.postgres_server import find_binaries
from onema.testing.running_server import eventually, free_port

PYTHON: Final = "/usr/bin/python3"
"""The system's: the user that PostgreSQL runs as need not be allowed into our environment."""
PACKAGES: Final = Path(__file__).parents[3] / ".tools" / "patroni"
_MISSING: Final = "This needs Patroni and etcd; `./dev test --full` installs them."
_PASSWORD: Final = "of-tests"  # noqa: S105  # nobody else reaches these servers
_MEMBERS: Final = 3
_START_SECONDS: Final = 120.0


class PatroniMissing(Exception):
    """No Patroni or no etcd on this machine; says how to get them."""


class Etcd:
    """One member of the store that Patroni keeps its leader in."""

    def __init__(self, folder: Path, number: int) -> None:
        self.name = f"etcd{number}"
        self.port = free_port()
        self.peer = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, members: str) -> None:
        address = f"http://127.0.0.1:{self.port}"
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                [_found("etcd"), "--name", self.name, "--data-dir", str(self._folder / self.name),
                 "--listen-client-urls", address, "--advertise-client-urls", address,
                 "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                 "--initial-cluster", members, "--heartbeat-interval", "200", "--election-timeout", "2000"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(_get(f"http://127.0.0.1:{self.port}/health").get("health") == "true")
        return False

    def freeze(self) -> None:
        """Say nothing more, as if the network were cut; `thaw` ends it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Member:
    """A Patroni and the PostgreSQL server that it runs. Its etcd is the only one that it asks."""

    def __init__(self, folder: Path, number: int, etcd: Etcd, run_as: str | None) -> None:
        self.name = f"db{number}"
        self.port = free_port()
        self.api = free_port()
        self.etcd = etcd
        self._folder = folder
        self._run_as = run_as
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What deploy/patroni.yml leaves to each machine."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(self._folder / "packages"),
            "PATRONI_NAME": self.name,
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.api}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.api}",
            "PATRONI_ETCD3_HOST": f"127.0.0.1:{self.etcd.port}",
            # Without it Patroni finds the other etcds by itself, and cutting off one would cut off nobody.
            "PATRONI_ETCD3_USE_PROXIES": "true",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self._folder / self.name),
            "PATRONI_POSTGRESQL_BIN_DIR": str(find_binaries()),
            "PATRONI_POSTGRESQL_PGPASS": str(self._folder / f"{self.name}.pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": _PASSWORD,
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": _PASSWORD,
            "PATRONI_REWIND_USERNAME": "rewind",
            "PATRONI_REWIND_PASSWORD": _PASSWORD,
        }

    def start(self) -> None:
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                [PYTHON, "-m", "patroni", str(self._folder / "patroni.yml")],
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self._folder,
                start_new_session=True,
                user=self._run_as,
                group=self._run_as,
            )

    def kill(self) -> None:
        """End Patroni and every process of PostgreSQL with SIGKILL, as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        data = self._folder / self.name
        with contextlib.suppress(OSError, ValueError):
            postmaster = int((data / "postmaster.pid").read_text().split()[0])
            # The file outlives a killed server, and its number may be another process's by now.
            if Path(f"/proc/{postmaster}/cwd").readlink() != data.resolve():
                return
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
            for pid in (postmaster, *map(int, children)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class PatroniCluster:
    """Start it, break it, and stop it in the end; `with running_patroni()` starts and stops."""

    def __init__(self) -> None:
        self._run_as = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="onema-patroni-"))
        self.etcds = tuple(Etcd(self.folder, number) for number in range(1, _MEMBERS + 1))
        self.members = tuple(
            Member(self.folder, number, etcd, self._run_as) for number, etcd in enumerate(self.etcds, start=1)
        )

    def start(self) -> None:
        """Return when there is a leader with a synchronous standby and another replica, and a database `onema`. Raises
        PatroniMissing.
        """
        if not (PACKAGES / "patroni").is_dir():
            raise PatroniMissing(_MISSING)
        shutil.copytree(PACKAGES, self.folder / "packages")
        self._write_configuration()
        if self._run_as is not None:
            shutil.chown(self.folder, self._run_as, self._run_as)
        self.folder.chmod(0o755)
        members = ",".join(f"{etcd.name}={etcd.peer}" for etcd in self.etcds)
        for etcd in self.etcds:
            etcd.start(members)
        eventually(lambda: all(etcd.answers() for etcd in self.etcds))
        for member in self.members:
            member.start()
        eventually(self.is_whole, _START_SECONDS)
        self.sql("CREATE DATABASE onema")

    def _write_configuration(self) -> None:
        # They run on this machine beside everything else.
        text = (DEPLOY / "patroni.yml").read_text().replace("max_wal_size: 8GB", "max_wal_size: 1GB")
        (self.folder / "patroni.yml").write_text(text)

    @property
    def dsn(self) -> str:
        """With all three hosts, in no order that means anything."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"postgresql://postgres:{_PASSWORD}@{hosts}/onema"

    def roles(self) -> dict[str, str]:
        """What the members say of each other, by name: `leader`, `sync_standby` or `replica`; running ones alone."""
        for member in self.members:
            with contextlib.suppress(OSError):
                told = _get(f"http://127.0.0.1:{member.api}/cluster")["members"]
                return {one["name"]: one["role"] for one in told if one["state"] in ("running", "streaming")}
        return {}

    def is_whole(self) -> bool:
        return sorted(self.roles().values()) == ["leader", "replica", "sync_standby"]

    def leader(self) -> Member | None:
        """The member whose PostgreSQL takes writes, as it says itself."""
        for member in self.members:
            with contextlib.suppress(OSError):
                if _get(f"http://127.0.0.1:{member.api}/patroni").get("role") in ("primary", "master"):
                    return member
        return None

    def other_leader(self, than: Member) -> bool:
        found = self.leader()
        return found is not None and found is not than

    def outlive(self, leader: Member) -> None:
        """Return when the leader has been one for longer without etcd than its entry there lasts."""
        entry = _get(f"http://127.0.0.1:{leader.api}/config")["ttl"]

        def is_over() -> bool:
            told = _get(f"http://127.0.0.1:{leader.api}/patroni")
            return bool(time.time() - told["dcs_last_seen"] > entry)

        eventually(is_over)

    def switch_over(self, leader: Member) -> None:
        """`patronictl switchover`, to the synchronous standby."""
        program = self.folder / "packages" / "bin" / "patronictl"
        done = subprocess.run(  # noqa: S603  # our own arguments
            [PYTHON, program, "-c", self.folder / "patroni.yml", "switchover", "onema",
             "--leader", leader.name, "--force"],
            env=leader.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"patronictl failed: {done.stdout}{done.stderr}")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement on whichever server takes writes."""
        done = subprocess.run(  # noqa: S603  # our own arguments
            [find_binaries() / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement,
             f"{self.dsn.removesuffix('onema')}{database}?target_session_attrs=read-write"],
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def logs(self) -> str:
        return "\n".join(
            f"{log.name}:\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def stop(self) -> None:
        """End everything, and delete what it stored."""
        for member in self.members:
            member.kill()
        for etcd in self.etcds:
            etcd.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running_patroni() -> Iterator[PatroniCluster]:
    cluster = PatroniCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _found(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise PatroniMissing(_MISSING)
    return found


def _get(address: str) -> dict[str, Any]:
    """What a member says of itself, whatever status it answers with."""
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:  # noqa: S310  # our own address
            text = answer.read()
    except urllib.error.HTTPError as error:
        text = error.read()
    found: dict[str, Any] = json.loads(text)
    return found
