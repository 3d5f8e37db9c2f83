"""A batch's way into the store: its rows loaded and locked, its commands decided over them, all changes committed.

Deciding is pure, so a batch that lost against another writer is decided again, with the same snapshot of the
configuration. A COMMIT that was not answered is looked up before anything is tried again.
"""

import logging

from onema.domain.configuration.move_account import refuse_away
from onema.domain.decision import Context, World
from onema.domain.refusals import Refused
from onema.engine.batch import Batch, Pending
from onema.engine.batch_watch import BatchWatch, Unwatched
from onema.engine.job_leasing import JobLeasing
from onema.engine.ports import IdSource
from onema.engine.store_patience import StorePatience
from onema.storage.contract import CommitUnknown, Conflict, Writer
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

REPLAYS = 10
HAND_OVER = 64
"""After so many decisions the store gets the new rows that they made: it can work on them during the next ones."""


class BatchSaving:
    """Decides and saves batches, each on the writer that it is given."""

    def __init__(self, ids: IdSource, leasing: JobLeasing, patience: StorePatience) -> None:
        self._ids = ids
        self._leasing = leasing
        self._patience = patience
        self.watch: BatchWatch = Unwatched()
        """Set by the committer."""

    async def save(self, batch: Batch, writer: Writer) -> World:
        """What became of its rows, which is durable. Raises Unavailable when nothing was saved, CommitUnknown when that
        cannot be found out, DataRejected, Conflict, Outdated.
        """
        batch_id = self._ids.next()
        for _ in range(REPLAYS):
            batch.jobs.clear()
            try:
                world = await self._decide(batch, writer)
                self.watch.decided(batch.pending)
                known = batch.context.directory.revision
                if world.has_changed:
                    await writer.commit(batch_id, world.written, world.inserted, known)
                else:
                    await writer.confirm(known)
            except Conflict:
                continue
            except CommitUnknown as error:
                self._patience.is_away(error)
                if not await self._patience.keep_nobody_behind(writer.was_committed(batch_id)):
                    continue
            return world
        raise Conflict("the batch lost against other writers too often")

    async def _decide(self, batch: Batch, writer: Writer) -> World:
        world = World(await writer.begin(batch.keys_in_lock_order()))
        try:
            for number, pending in enumerate(batch.pending, 1):
                if pending.keys is not None:
                    _decide_one(pending, world, batch.context)
                if number % HAND_OVER == 0 and number < len(batch):
                    self._leasing.lease(world, batch)
                    await writer.insert(world.inserted)
                    world.inserted.clear()
        except BaseException:
            await writer.abort()
            raise
        self._leasing.lease(world, batch)
        return world


def _decide_one(pending: Pending, world: World, context: Context) -> None:
    try:
        if context.directory.away:
            refuse_away(pending.keys or (), world, context.directory.away)
        pending.decision = pending.command.decide(world, context)
    except Refused as refused:
        pending.decision = refused
    except Exception as error:  # noqa: BLE001  # taking one command out must not fail the others of its batch
        log.error(
            "a command could not be decided",
            extra={"action": type(pending.command).__name__, "fault": describe_fault(error)},
        )
        pending.decision = error
    else:
        world.apply(pending.decision)
