"""What is done once with a store that was restored, before anything is sent from it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping

from onema.domain.delivery.hold_restored import BACKUP, ForgetBackup, HoldRestored
from onema.domain.records import DirectoryRevision, Job, Key
from onema.engine.committer import Committer
from onema.engine.ports import Clock, IdSource
from onema.storage.contract import Storage

_ROWS_AT_ONCE = 500

log = logging.getLogger(__name__)


async def is_a_backup(storage: Storage) -> bool:
    """Whether the store is a copy that `onema backup` made, and nobody has opened yet."""
    key = (DirectoryRevision, BACKUP)
    return bool(await storage.read([key]))


async def hold_restored(
    committer: Committer, storage: Storage, clock: Clock, ids: IdSource, receipt_lifetime_ms: int
) -> Mapping[str, int]:
    """Send nothing again that may have been sent after the backup; how many jobs were held, by kind.

    Raises StorageError, Refused.
    """
    held: Counter[str] = Counter()
    after: Key | None = None
    while jobs := await storage.read_after(Job, after, _ROWS_AT_ONCE):
        now = clock.now()
        commands = [
            HoldRestored(
                job=job.id,
                account=job.account,
                message=job.message,
                attempt=job.attempt,
                id=ids.next(),
                now=now,
                receipt_until=now + receipt_lifetime_ms,
            )
            for job in jobs
        ]
        held.update(await asyncio.gather(*map(committer.execute, commands)))
        after = jobs[-1].key
    del held[""]
    await committer.execute(ForgetBackup())
    log.warning(
        "the store was restored: what it still had to send is not sent again",
        extra={"action": "restore", "held": held.total()},
    )
    return dict(held)
