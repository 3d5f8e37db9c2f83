"""Two cells from plain processes on loopback: each a PostgreSQL with a node, behind one HAProxy with
deploy/haproxy/cells.cfg, so that what is tested is what is deployed. Everything is ended by its process id.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from onema.testing.cluster import (
    BRANDNAME,
    DEPLOY,
    LEASE_SECONDS,
    MESSAGE,
    SERVICE,
    Haproxy,
    get,
    read_postgres_settings,
)
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

PRICE: Final = "850"
NO_NODE: Final = 503
"""HAProxy has given a request to nobody."""
_SMALLER: Final = {"max_wal_size": "1GB", "synchronous_standby_names": ""}


class CellsHaproxy(Haproxy):
    """HAProxy before a node of each cell."""

    def __init__(self, folder: Path, nodes: Sequence[int], map_file: Path, socket: Path) -> None:
        super().__init__(folder, nodes)
        self.map_file = map_file
        self.socket = socket
        self._configuration = DEPLOY / "haproxy" / "cells.cfg"
        north, south = (f"127.0.0.1:{node}" for node in nodes)
        self._environment = {
            "LISTEN": f"127.0.0.1:{self.port}",
            "STATS": f"127.0.0.1:{self.figures}",
            "ADMIN": str(socket),
            "CELLS": str(map_file),
            "NORTH_1": north,
            "SOUTH_1": south,
        }


class Cell:
    """A database and its node."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.database = PostgresServer({**read_postgres_settings(), **_SMALLER, "cluster_name": name})
        self.dsn = self.database.dsn("onema", port=self.database.port)
        self.environment = environment
        self.node = RunningServer(
            self.folder / "node", "serve", "--database", self.dsn, environment=environment
        )

    def create(self) -> None:
        """Its database."""
        self.database.create()
        self.database.start()
        self.database.create_database("onema")

    def start(self, accounts: Sequence[str], keys: Mapping[str, Mapping[str, str]]) -> None:
        """With these accounts. Return when it serves."""
        file = self.folder / "onema.toml"
        file.touch(0o600)
        file.write_text(_SHARED + "".join(_account(name, keys[name]) for name in accounts))
        self.onema("apply", str(file))
        self.node.start()

    def stop(self) -> None:
        if self.node.process is not None and self.node.process.poll() is None:
            self.node.stop()
        self.database.remove()

    def onema(self, *arguments: str) -> str:
        """What the command line, opening the database itself, prints. Raises AssertionError."""
        return onema(["--database", self.dsn, *arguments], self.folder / "administration", self.environment)

    def wait_until_idle(self) -> None:
        """Until nothing is to be done any more."""
        eventually(lambda: self.sql("SELECT count(*) FROM jobs") == "0")

    def sql(self, statement: str) -> str:
        return self.database.sql(statement, "onema")


class CellCluster:
    """`with running_cells()` starts and stops it."""

    def __init__(self, folder: Path, cells: Mapping[str, Sequence[str]]) -> None:
        """`cells` names each cell's accounts; two cells are what HAProxy's file has."""
        self.folder = folder
        self.accounts = dict(cells)
        self.file = folder / "cells.toml"
        self._server_key = secrets.token_hex(32)
        self.keys = {
            name: {"ApiKey": secrets.token_hex(15).upper(), "SecretKey": secrets.token_hex(15).upper()}
            for accounts in cells.values()
            for name in accounts
        }
        self.cells = {
            name: Cell(name, folder, self._environment(number)) for number, name in enumerate(cells, start=1)
        }
        self.map, self.socket = folder / "cells.map", folder / "haproxy.sock"
        ports = [cell.node.port for cell in self.cells.values()]
        self.haproxy = CellsHaproxy(folder, ports, self.map, self.socket)
        self._stack = ExitStack()

    def _environment(self, number: int) -> dict[str, str]:
        return {
            "ONEMA_SERVER_KEY": self._server_key,
            "ONEMA_NODE_NUMBER": str(number),
            "ONEMA_CELLS_FILE": str(self.file),
            "ONEMA_LISTEN_TRUSTED_PROXIES": "127.0.0.1",
            "ONEMA_HANDSET_OPEN_ON_LOOPBACK": "true",
            "ONEMA_DELIVERY_LEASE": str(LEASE_SECONDS),
        }

    def start(self) -> None:
        """Return when every account can send through HAProxy."""
        databases = "".join(f'{name} = "{cell.dsn}"\n' for name, cell in self.cells.items())
        self.file.write_text(
            f'[databases]\n{databases}\n[haproxy]\nmap = "{self.map}"\nsocket = "{self.socket}"\n'
        )
        for cell in self.cells.values():
            self._stack.callback(cell.stop)
            cell.create()
        for number, (name, cell) in enumerate(self.cells.items()):
            self.onema("cell", "number", name, "--after", str(number * 1_000_000))
            cell.start(self.accounts[name], self.keys)
        self.onema("cell", "map")
        self._stack.callback(self.haproxy.stop)
        self.haproxy.start()
        eventually(lambda: all(map(self._is_served, self.keys)))

    def _is_served(self, account: str) -> bool:
        return self.check(account, "0900000000", "000000") != str(NO_NODE)

    def stop(self) -> None:
        self._stack.close()

    def onema(self, *arguments: str) -> Any:
        """What a command about all cells answers, as JSON. Raises AssertionError."""
        return json.loads(onema(["--json", *arguments], self.folder / "administration", self._environment(0)))

    # What integrators and phones do.

    def send(self, account: str, phone: str) -> str:
        """The CodeResult of an eSMS GENCODE through HAProxy; NO_NODE as a text where it reached nobody."""
        text = {"Brandname": BRANDNAME, "Type": "2", "IsNumber": "1", "message": MESSAGE}
        return self._result("SendMessageAutoGenCode_V4_get", account, {"Phone": phone, **text})

    def check(self, account: str, phone: str, code: str) -> str:
        """The CodeResult of an eSMS CHECKCODE through HAProxy."""
        return self._result("CheckCodeGen_V4_get", account, {"Phone": phone, "Code": code})

    def _result(self, operation: str, account: str, query: Mapping[str, str]) -> str:
        status, answer = get(self.haproxy.port, f"{SERVICE}/{operation}", {**self.keys[account], **query})
        if status == NO_NODE:
            return str(status)
        result: str = json.loads(answer)["CodeResult"]
        return result

    def received(self, phone: str) -> list[dict[str, Any]]:
        """What the simulated phone received from all cells."""
        return [one for cell in self.cells.values() for one in cell.node.json("/handset/messages", to=phone)]


def onema(arguments: Sequence[str], data: Path, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "onema.cli", "--data", str(data), *arguments]
    done = subprocess.run(  # noqa: S603  # our own interpreter and module
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise AssertionError(f"onema {' '.join(arguments)}: {done.stdout} {done.stderr}")
    return done.stdout


@contextlib.contextmanager
def running_cells(folder: Path, cells: Mapping[str, Sequence[str]]) -> Iterator[CellCluster]:
    cluster = CellCluster(folder, cells)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


_SHARED: Final = f"""\
[[tariffs]]
name = "default"
rates = [{{ channel = "sms", price = "{PRICE}" }}]

[[carriers]]
name = "handset"
type = "handset"

[[routes]]
channel = "sms"
carrier = "handset"
"""


def _account(name: str, keys: Mapping[str, str]) -> str:
    return f"""
[[accounts]]
name = "{name}"
wallet = "postpaid"
tariff = "default"
windows = []

[[accounts.credentials]]
dialect = "esms"
key = "{keys["ApiKey"]}"
secret = "{keys["SecretKey"]}"

[[accounts.brandnames]]
name = "{BRANDNAME}"
templates = ["{MESSAGE}"]
"""
