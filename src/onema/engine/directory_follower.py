"""Keeps this process's snapshot of the configuration in step with what other processes change."""

import logging

from onema.domain.records import DirectoryRevision
from onema.engine.committer import Committer
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0


class DirectoryFollower:
    """Refreshes when told that something changed, and looks by itself in case it was not told.

    A configuration that cannot be used leaves the last one in use, and the node ready: what one bad row says concerns
    nobody who is served, and not being ready would take down all nodes at once. It is tried again until it can.
    """

    def __init__(self, committer: Committer, storage: Storage, poll_seconds: float = POLL_SECONDS) -> None:
        self._committer = committer
        self._storage = storage
        self._loop = Loop("directory-follower", self._round, every_seconds=poll_seconds, pauses_first=True)

    def changed(self) -> None:
        """Another process changed the configuration."""
        self._loop.wake()

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def _round(self) -> None:
        try:
            await self._refresh_if_newer()
        except StorageError as error:
            log.warning("configuration not read", extra={"action": "refresh", "detail": str(error)})
        # One row that another key has sealed, or that a version of another mind has written.
        except Exception as error:  # noqa: BLE001
            log.error(
                "configuration cannot be used, the last one stays",
                extra={"action": "refresh", "fault": describe_fault(error)},
            )

    async def _refresh_if_newer(self) -> None:
        key = (DirectoryRevision, "directory")
        row = (await self._storage.read([key])).get(key)
        if isinstance(row, DirectoryRevision) and row.revision != self._committer.directory.revision:
            await self._committer.refresh_directory()
