"""Keeps the server keys of this process in step with their file and with what the store says is in use."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import msgspec

from onema.domain.keyring import Keyring, ServerKey
from onema.domain.records import KeyFingerprint
from onema.domain.refusals import Refused
from onema.domain.server_keys.change_keys import ReportKeys
from onema.domain.server_keys.reseal import Progress
from onema.domain.server_keys.rows import IN_USE, NodeKeys
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError

EVERY_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
REPORT_MS = 20_000
_EVERY_PROCESS = 10_000

log = logging.getLogger(__name__)

ReadKeys = Callable[[], Sequence[ServerKey]]


async def take_keys(storage: Storage, keyring: Keyring, read_keys: ReadKeys) -> bool:
    """Hold what can be read now, and use what the store says. False where that key is missing: all stays as it was.

    Raises StorageError.
    """
    row = (await storage.read([(KeyFingerprint, IN_USE)])).get((KeyFingerprint, IN_USE))
    keys = read_keys()
    in_use = row.fingerprint if isinstance(row, KeyFingerprint) else keyring.fingerprint
    if in_use not in [key.fingerprint for key in keys]:
        return False
    if [key.fingerprint for key in keys] != list(keyring.fingerprints):
        keyring.take(keys, in_use)
        log.info("the server keys are others", extra={"action": "keys", "held": len(keys)})
    if in_use != keyring.fingerprint:
        keyring.use(in_use)
        log.info("another server key is in use", extra={"action": "keys"})
    return True


async def reports(storage: Storage, now: int) -> list[NodeKeys]:
    """What each process that runs last said of its keys. Raises StorageError."""
    rows = await storage.read_after(NodeKeys, None, _EVERY_PROCESS)
    return [row for row in rows if row.expires_at > now]


class KeyFollower:
    """Looks every few seconds, and tells the others what this process holds where there are others, or several keys."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        keyring: Keyring,
        read_keys: ReadKeys,
        process: str,
        *,
        shared: bool,
        progress: Callable[[], Progress | None],
        on_usable: Callable[[bool], None] = lambda usable: None,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """`shared`: other processes use the store. `on_usable` hears whether the key in use is here."""
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self._read_keys = read_keys
        self._process = process
        self._shared = shared
        self._progress = progress
        self._on_usable = on_usable
        self._said: ReportKeys | None = None
        """The last report, which is renewed when it differs or grows old."""
        self.is_first = False
        """Whether this process's name is the first of all that run: one of them has to look through the store."""
        self._loop = Loop("key-follower", self.look, every_seconds=every_seconds, expected=StorageError)
        self.start: Callable[[], None] = self._loop.start

    async def stop(self) -> None:
        """Take the report away. A silent store is not waited for: the report is not believed for long."""
        await self._loop.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._take_report_away()

    async def look(self) -> None:
        """One round. Raises StorageError."""
        usable = await take_keys(self._storage, self._keyring, self._read_keys)
        if not usable:
            log.error(
                "the server key in use is missing here; what others seal cannot be read",
                extra={"action": "keys"},
            )
        self._on_usable(usable)
        if self._shared or len(self._keyring.keys) > 1:
            await self._report()
            running = await reports(self._storage, self._gateway.now())
            self.is_first = min((one.process for one in running), default="") == self._process
        else:
            await self._take_report_away()

    async def _take_report_away(self) -> None:
        if self._said is not None:
            with contextlib.suppress(Refused):
                await self._gateway.execute(ReportKeys(process=self._process, now=self._gateway.now()))
                self._said = None

    async def _report(self) -> None:
        progress = self._progress()
        now = self._gateway.now()
        report = ReportKeys(
            process=self._process,
            now=now,
            in_use=self._keyring.fingerprint,
            held=self._keyring.fingerprints,
            progress=msgspec.json.encode(progress).decode() if progress else "",
        )
        last = self._said
        if (
            last is None
            or now - last.now >= REPORT_MS
            or msgspec.structs.replace(report, now=last.now) != last
        ):
            # Without a store there is nobody to tell; the next one tells all.
            with contextlib.suppress(Refused):
                await self._gateway.execute(report)
                self._said = report
