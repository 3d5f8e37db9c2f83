"""Two cells on databases of one server, each with a node of its own that follows nobody."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.keyring import Keyring
from onema.domain.records import Row, Wallet
from onema.storage.postgres import PostgresStorage
from onema.storage.postgres.account_copy import COPIED
from onema.storage.postgres.link import connect
from onema.testing.postgres_server import PostgresServer

from .node import ACCOUNT, PRICE, Node

NORTH, SOUTH = "north", "south"
TARIFF = doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="500"),))
KEY = ("esms", "KEY")
SECRET = "SECRET-SECRET"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"


class TwoCells:
    """The account `acme` lives in the north; more nodes come with `node`."""

    def __init__(self, folder: Path, dsns: dict[str, str]) -> None:
        self.folder = folder
        self.dsns = dsns
        self.north: Node
        self.south: Node
        self._stack = contextlib.AsyncExitStack()
        self._nodes = 0
        self.keys = "6b" * 32
        """The server keys of `onema`."""
        self.file = folder / "cells.toml"
        databases = "".join(f'{name} = "{dsn}"\n' for name, dsn in dsns.items())
        self.file.write_text(f"[databases]\n{databases}")

    async def start(self) -> None:
        self.north, self.south = await self.node(NORTH), await self.node(SOUTH)
        await self.north.configure()
        key = doc.Credential(account="acme", dialect=KEY[0], key=KEY[1], secret=SECRET)
        user = doc.User(name="ann", password_hash=HASH, role="admin", customer_of="acme")
        await self.north.committer.execute(Configure(entropy=b"e" * 32, documents=(key, user)))
        await self.south.committer.execute(Configure(entropy=b"e" * 32, documents=(TARIFF,)))
        await self.north.top_up(10**6 * PRICE)

    async def stop(self) -> None:
        await self._stack.aclose()

    async def node(self, cell: str, keyring: Keyring | None = None) -> Node:
        storage = PostgresStorage(self.dsns[cell])
        await storage.open()
        self._stack.push_async_callback(storage.close)
        self._nodes += 1
        node = Node(storage, self._nodes, keyring=keyring)
        await node.committer.start()
        self._stack.push_async_callback(node.committer.stop)
        return node

    def onema(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "onema.cli", "--data", str(self.folder / "nothing"), *arguments]
        environment = {
            **os.environ,
            "ONEMA_SERVER_KEY": self.keys,
            "ONEMA_CELLS_FILE": str(self.file),
        }
        return subprocess.Popen(  # our own interpreter and module
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def move(self, to: str, *, kill_at: int | None = None) -> dict[str, Any] | None:
        """What `onema cell move` says; None where it was killed as it said its line of this number."""
        with self.onema("--json", "cell", "move", "acme", "--to", to) as process:
            assert process.stderr is not None
            assert process.stdout is not None
            lines = []
            for number, line in enumerate(process.stderr):
                lines.append(line)
                if number == kill_at:
                    process.send_signal(signal.SIGKILL)
                    return None
            said = process.stdout.read()
            assert process.wait() == 0, (said, lines)
        result: dict[str, Any] = json.loads(said)
        return result

    def ask(self, *arguments: str) -> Any:
        """What `onema` says in JSON."""
        with self.onema("--json", *arguments) as process:
            said, error = process.communicate()
        assert process.returncode == 0, error
        return json.loads(said)

    def refused(self, *arguments: str) -> str:
        """What `onema` says that does not do it."""
        with self.onema(*arguments) as process:
            _, error = process.communicate()
        assert process.returncode == 1, error
        return error

    async def end_sessions(self, cell: str) -> int:
        """Of those that are in the middle of a batch, as the server does when a node is silent for long; how many."""
        connection = await connect(self.dsns[cell], "test")
        try:
            ended: int = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        finally:
            await connection.close()
        return ended

    async def refresh(self) -> None:
        for node in (self.north, self.south):
            await node.committer.refresh_directory()

    async def rows(self, cell: str) -> dict[str, set[tuple[Any, ...]]]:
        """All rows of the account in a cell, by table."""
        connection = await connect(self.dsns[cell], "test")
        tables: tuple[type[Row], ...] = (Wallet, *COPIED)
        found: dict[str, set[tuple[Any, ...]]] = {}
        try:
            for one in tables:
                columns = ", ".join(one.__struct_fields__)
                query = f"SELECT {columns} FROM {one.table} WHERE account = $1"  # our own names
                rows = await connection.fetch(query, ACCOUNT)
                found[one.table] = set(map(tuple, rows))
        finally:
            await connection.close()
        return found


@contextlib.asynccontextmanager
async def two_cells(server: PostgresServer, database: str, folder: Path) -> AsyncIterator[TwoCells]:
    dsns = {NORTH: server.dsn(database), SOUTH: server.create_database(f"{database}_south")}
    cells = TwoCells(folder, dsns)
    try:
        await cells.start()
        yield cells
    finally:
        await cells.stop()
