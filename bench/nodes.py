"""Several servers on one PostgreSQL database, measured as one."""

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench.codes import ANY_JOB, CONNECTIONS, CodeRounds
from bench.server import ServerProcess, running_server
from onema.loadtest.load import Classifier, LoadGenerator, LoadResult, by_status
from onema.storage.postgres.link import connect
from onema.testing.postgres_server import PostgresServer

NODES = 2


class Nodes:
    """Servers and their database."""

    def __init__(self, servers: Sequence[ServerProcess], database: PostgresServer) -> None:
        self._servers = servers
        self._database = database
        self.data, self.port = servers[0].data, servers[0].port

    def cpu_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self._servers)

    def database_cpu_seconds(self) -> float:
        return self._database.cpu_seconds()

    def resident_mb(self) -> float:
        return max(server.resident_mb() for server in self._servers)


class SpreadLoad:
    """Connections to several servers, which take requests as they become idle."""

    def __init__(self, loads: Sequence[LoadGenerator]) -> None:
        self._loads = loads

    async def closed(self, requests: Iterable[bytes], *, classify: Classifier = by_status) -> LoadResult:
        left = iter(requests)
        return _together(
            await asyncio.gather(*(load.closed(left, classify=classify) for load in self._loads))
        )

    async def at_rate(
        self, requests: Iterable[bytes], rate: float, *, seconds: float, classify: Classifier
    ) -> LoadResult:
        """An equal share of the rate to each server."""
        left, share = iter(requests), rate / len(self._loads)
        runs = (load.at_rate(left, share, seconds=seconds, classify=classify) for load in self._loads)
        return _together(await asyncio.gather(*runs))


def _together(parts: Iterable[LoadResult]) -> LoadResult:
    whole = LoadResult()
    for part in parts:
        whole.answers += part.answers
        whole.lost += part.lost
        whole.unanswered += part.unanswered
        whole.seconds = max(whole.seconds, part.seconds)
        whole.latency.add(part.latency)
    return whole


class Deployment:
    """A database of its own on a server, and the data folders of NODES nodes that use it. Made empty."""

    def __init__(
        self, folder: Path, database: PostgresServer, name: str, *, like: "Deployment | None" = None
    ) -> None:
        """`like` is what to copy, while none of its nodes runs."""
        self.database = database
        self.dsn = database.dsn(name)
        self.name = name
        self.folders = [folder / f"{name}-node-{number}" for number in range(NODES)]
        self.server_key: str = like.server_key if like else secrets.token_hex(32)
        database.sql(f'CREATE DATABASE "{name}" TEMPLATE "{like.name if like else "template1"}"')
        if like is not None:
            for old, new in zip(like.folders, self.folders, strict=True):
                shutil.copytree(old, new, ignore=shutil.ignore_patterns("*.sock"))


@contextlib.asynccontextmanager
async def running_nodes(
    deployment: Deployment, settings: Mapping[str, str] | None = None, python: str | Path = sys.executable
) -> AsyncIterator[tuple[Nodes, SpreadLoad]]:
    """Its nodes, as demo servers with the same credentials, of the onema that `python` has; CONNECTIONS spread over
    them.
    """
    common = {
        **(settings or {}),
        "ONEMA_DATABASE": deployment.dsn,
        "ONEMA_SERVER_KEY": deployment.server_key,
    }
    async with AsyncExitStack() as stack:
        servers: list[ServerProcess] = []
        for number, data in enumerate(deployment.folders):
            if servers:
                await asyncio.to_thread(_same_credentials, servers[0].data, data)
            own = {**common, "ONEMA_NODE_NUMBER": str(number)}
            servers.append(await stack.enter_async_context(running_server(data, own, python)))
        loads = [
            await stack.enter_async_context(
                LoadGenerator("127.0.0.1", server.port, CONNECTIONS // len(servers))
            )
            for server in servers
        ]
        yield Nodes(servers, deployment.database), SpreadLoad(loads)


@contextlib.asynccontextmanager
async def node_rounds(
    deployment: Deployment, settings: Mapping[str, str] | None = None, python: str | Path = sys.executable
) -> AsyncIterator[tuple[Nodes, CodeRounds]]:
    """Its nodes, and rounds of codes on them."""
    async with running_nodes(deployment, settings, python) as (nodes, load), AsyncExitStack() as stack:
        store = await connect(deployment.dsn, "bench")
        stack.push_async_callback(store.close)

        async def anything_due() -> bool:
            return bool(await store.fetch(ANY_JOB))

        yield nodes, CodeRounds(nodes, load, anything_due)


def _same_credentials(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    shutil.copy(source / "demo.json", target)
