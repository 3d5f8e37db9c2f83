"""What can go wrong with a node, its clock, its disk, its network and its database."""

import asyncio
import contextlib
import os
import random
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onema.testing.cutting_proxy import Cut, CuttingProxy
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer

from .integrators import Told

Fault = Callable[[], Awaitable[None]]
"""Happens, and is over when it returns."""

HOUR_SECONDS = 3_600


def killed(node: RunningServer) -> Fault:
    """kill -9 of a node, which is started again."""

    def kill_and_start() -> None:
        node.kill()
        node.start()

    return lambda: asyncio.to_thread(kill_and_start)


@dataclass
class Pair:
    """`primary` is who takes writes now."""

    primary: PostgresServer
    standby: PostgresServer


class Way:
    """How one node reaches either server of a pair: through a proxy of its own before each."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._proxies = {server.port: CuttingProxy(server.port) for server in (pair.primary, pair.standby)}

    async def open(self, database: str) -> str:
        """The DSN."""
        port, other_port = [await proxy.start() for proxy in self._proxies.values()]
        return self._pair.primary.dsn(database, port=port, other_port=other_port)

    async def close(self) -> None:
        for proxy in self._proxies.values():
            await proxy.stop()

    @property
    def proxy(self) -> CuttingProxy:
        """The one before the present primary."""
        return self._proxies[self._pair.primary.port]


def power_cut(pair: Pair) -> Fault:
    """kill -9 of every process of the primary, which is started again."""

    def kill_and_start() -> None:
        pair.primary.kill()
        pair.primary.start()

    return lambda: asyncio.to_thread(kill_and_start)


def primary_lost(pair: Pair) -> Fault:
    """kill -9 of every process of the primary, and promotion of the standby that its commits waited for."""

    def kill_and_promote() -> None:
        pair.primary.kill()
        pair.standby.promote()
        pair.primary = pair.standby

    return lambda: asyncio.to_thread(kill_and_promote)


def link_lost_at_commit(way: Way, dice: random.Random) -> Fault:
    """The connection of a node ends during a COMMIT, before or after the server did it, or falls silent."""

    async def cut() -> None:
        proxy = way.proxy
        proxy.arm(dice.choice(list(Cut)))
        await proxy.happened.wait()

    return cut


def network_blinks(way: Way) -> Fault:
    """All connections between a node and the database break, and the next one is refused too."""

    async def blink() -> None:
        proxy = way.proxy
        proxy.refuse()
        await proxy.turned_away.wait()
        proxy.admit()

    return blink


def network_cut(way: Way, told: Told, cut: Callable[[CuttingProxy], None]) -> Fault:
    """The database cannot be reached until its node tells somebody to try later. `cut` breaks every connection, or lets
    what is sent arrive only in the end.
    """

    async def cut_and_mend() -> None:
        proxy = way.proxy
        cut(proxy)
        await told.later()
        proxy.admit()

    return cut_and_mend


class Clock:
    """A node's clock that jumps: the process reads it through libfaketime. What measures durations is left alone."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._ahead = False
        self._set(0)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
        assert library is not None, "This test needs libfaketime: `apt-get install -y faketime`"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }

    async def jump(self) -> None:
        """An hour ahead, or back."""
        self._ahead = not self._ahead
        self._set(HOUR_SECONDS if self._ahead else 0)

    def pass_by(self, seconds: int) -> None:
        """Be that far ahead from now on."""
        self._set(seconds)

    def _set(self, seconds: int) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._file)


class SmallDisk:
    """A file system of its own that can be full."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        self._megabytes = megabytes

    def full(self, told: Told) -> Fault:
        """No byte is free until somebody is told to try later."""

        async def fill() -> None:
            with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
            await told.later()
            self._ballast.unlink()

        return fill

    @contextlib.contextmanager
    def mounted(self) -> Iterator[None]:
        self.folder.mkdir()
        _as_root(
            "mount", "-t", "tmpfs", "-o", f"size={self._megabytes}m,uid={os.getuid()}", "tmpfs", self.folder
        )
        try:
            yield
        finally:
            _as_root("umount", self.folder)


def _as_root(*command: str | Path) -> None:
    sudo = () if os.getuid() == 0 else ("sudo", "--non-interactive")
    try:
        subprocess.run([*sudo, *command], check=True)  # our own arguments
    except (OSError, subprocess.CalledProcessError) as error:
        raise AssertionError(
            "This test fills a disk of its own, which only root may mount:"
            f" run it as root, or where sudo asks for no password ({error})"
        ) from error
