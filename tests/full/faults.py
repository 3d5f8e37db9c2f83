"""What can go wrong with a node, its clock, its disk, its network and its database."""

import asyncio
import contextlib
import os
import random
import subprocess
from collections.abc import Awaitable, Callable, Iterator
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


def power_cut(database: PostgresServer) -> Fault:
    """kill -9 of every process of PostgreSQL."""

    def kill_and_start() -> None:
        database.kill()
        database.start()

    return lambda: asyncio.to_thread(kill_and_start)


def link_lost_at_commit(proxy: CuttingProxy, dice: random.Random) -> Fault:
    """The connection of a node ends during a COMMIT, before or after the server did it, or falls silent."""

    async def cut() -> None:
        proxy.arm(dice.choice(list(Cut)))
        await proxy.happened.wait()

    return cut


def network_blinks(proxy: CuttingProxy) -> Fault:
    """All connections between a node and the database break, and the next one is refused too."""

    async def blink() -> None:
        proxy.refuse()
        await proxy.turned_away.wait()
        proxy.admit()

    return blink


def network_cut(proxy: CuttingProxy, told: Told) -> Fault:
    """The database cannot be reached until its node tells somebody to try later."""

    async def cut() -> None:
        proxy.refuse()
        await told.later()
        proxy.admit()

    return cut


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
