"""The committer: everything that waits is decided together and committed in one transaction.

While one batch is being committed, arrivals wait; when it is durable, the next batch takes them all, and those that
are already at the sockets. Nobody waits for time to pass. A caller gets its result only after the commit, so nothing
acknowledged can be lost. A store with several writers has as many batches in flight while there are commands enough
that share no row.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from onema.domain.audit import Audited
from onema.domain.configuration.configure import REVISION
from onema.domain.configuration.directory import Directory, NeedsOf, no_needs
from onema.domain.decision import Command, Decision, World
from onema.domain.keyring import Keyring
from onema.domain.records import DirectoryRevision, Message
from onema.domain.refusals import Guarded, Refusal, Refused
from onema.engine.batch import Batch, Pending
from onema.engine.batch_saving import BatchSaving
from onema.engine.batch_watch import BatchWatch
from onema.engine.command_queue import CommandQueue
from onema.engine.directory_snapshot import DirectorySnapshot
from onema.engine.job_leasing import Dispatcher, JobLeasing
from onema.engine.observer import Observer
from onema.engine.ports import Clock, IdSource
from onema.engine.store_operations import StoreOperations
from onema.engine.store_patience import StorePatience
from onema.storage.contract import DataRejected, Outdated, Storage, StorageError, Writer
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
# What a row with a value of the wrong type makes a driver raise: a fault of one command, never of its batch.
_BUGS = (TypeError, ValueError, AttributeError, LookupError, OverflowError)

T = TypeVar("T")


class Committer:
    """Decides and commits commands. One per process; start it before use, stop it to drain."""

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        clock: Clock,
        ids: IdSource,
        *,
        batch_limit: int,
        lease_ms: int,
        observer: Observer,
        patience: float = 0.0,
        needs_of: NeedsOf = no_needs,
    ) -> None:
        """`patience`: for how many seconds a store that went away is waited for before callers are refused.
        `needs_of` says what carriers ask of messages.
        """
        self._writers: tuple[Writer, ...] = (storage, *storage.other_writers)
        """Each may have a batch in flight."""
        self._observer = observer
        self._queue = CommandQueue(batch_limit, len(self._writers))
        """Commands that wait, and the batches in flight."""
        self._patience = StorePatience(storage, patience, self._turn_away)
        """Since when the store is away, and for how long it is waited for."""
        self._operations = StoreOperations(self._patience)
        """Leasing, sweeping and the like, which run between batches."""
        self._leasing = JobLeasing(clock, lease_ms, self._queue.in_flight)
        """Which of a batch's new jobs this process takes itself."""
        self._saving = BatchSaving(ids, self._leasing, self._patience)
        """Decides and saves one batch."""
        self._turn = asyncio.Lock()
        """Held by the writer that waits for the next batch to begin."""
        self._tasks: list[asyncio.Task[None]] = []
        """One per writer, from `start` to `stop`."""
        self._stopping = False
        """From `stop` on: no batch is begun once nothing waits."""
        self.keyring = keyring
        self.snapshot = DirectorySnapshot(storage, keyring, needs_of)
        """The configuration that batches are decided with."""

    @property
    def directory(self) -> Directory:
        """The newest snapshot that this process knows."""
        return self.snapshot.directory

    @property
    def directory_changed(self) -> asyncio.Event:
        """Set when the snapshot after the present one is taken up."""
        return self.snapshot.changed

    def deliver_to(self, dispatcher: Dispatcher) -> None:
        """Jobs born in this process go to `dispatcher` from now on."""
        self._leasing.deliver_to(dispatcher)

    def watch_store(self, tell: Callable[[bool], None]) -> None:
        """`tell` hears whenever the store goes away or is back, from the next batch or operation on."""
        self._patience.watch(tell)

    def watch_batches(self, watch: BatchWatch) -> None:
        """`watch` is told of commands and their batches from now on."""
        self._saving.watch = watch

    async def start(self) -> None:
        await self.snapshot.load()
        self._tasks = [asyncio.create_task(self._run(writer), name="committer") for writer in self._writers]

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Commit what waits, then end; what the store leaves unanswered for so long is given up."""
        self._stopping = True
        self._patience.stop()
        self._queue.news.set()
        if not self._tasks:
            return
        ended, hanging = await asyncio.wait(self._tasks, timeout=seconds)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*ended)
        await asyncio.gather(*hanging, return_exceptions=True)
        self._tasks.clear()

    async def refresh_directory(self) -> None:
        """Take up what changed in the configuration that the store has."""
        await self.snapshot.refresh()

    def execute(self, command: Command) -> asyncio.Future[Any]:
        """The command's result, once it is durable; awaiting it raises Refused."""
        future = self._queue.add(command)
        self._saving.watch.waits(command, future)
        return future

    async def between_batches(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run a store operation that must not fall into a batch (leasing, sweeping)."""
        result = self._operations.add(operation)
        self._queue.news.set()
        return await result

    async def _run(self, writer: Writer) -> None:
        while True:
            async with self._turn:
                batch = await self._next_batch()
            if batch is None:
                return
            try:
                await self._settle(batch, writer)
            finally:
                self._queue.end(batch)

    async def _next_batch(self) -> Batch | None:
        """Wait until there is one to begin; None to stop. Store operations come between, when none is in flight."""
        queue = self._queue
        while True:
            if self._operations and not queue.in_flight:
                await self._operations.run()
            if queue and not (self._operations and queue.in_flight):
                if not queue.in_flight:
                    await queue.gather_arrivals()
                if batch := queue.take(self.snapshot.context):
                    return batch
            if self._stopping and (queue.in_flight or not queue):
                return None
            await queue.news.wait()
            queue.news.clear()

    async def _settle(self, batch: Batch, writer: Writer) -> None:
        """Commit the batch and answer its callers; data that the store refuses is isolated by halving."""
        started = time.perf_counter()
        self._saving.watch.begun(batch.pending)
        try:
            try:
                await self._patience.outlast(lambda: self._commit(batch, writer))
            except Outdated:
                await self._renew(batch)
                await self._patience.outlast(lambda: self._commit(batch, writer))
        except (DataRejected, *_BUGS) as error:
            if len(batch) > 1:
                for half in batch.halves():
                    await self._settle(half, writer)
                return
            # Its words may quote the data.
            log.error(
                "a command's data was not stored", extra={"action": "commit", "fault": describe_fault(error)}
            )
            batch.refuse(Refused(Refusal.STORE_UNAVAILABLE, "its data cannot be stored"))
        except StorageError as error:
            batch.refuse(Refused(Refusal.STORE_UNAVAILABLE, str(error)))
        for pending in batch.pending:
            self._answer(pending)
        self._observer.batch(len(batch), time.perf_counter() - started)

    async def _renew(self, batch: Batch) -> None:
        """It is to be decided with the newest configuration. Where that cannot be used, it is outdated once more."""
        try:
            await self.refresh_directory()
        except Exception as error:  # noqa: BLE001  # the follower tries on, and says what is wrong
            log.warning("configuration not read", extra={"action": "refresh", "fault": describe_fault(error)})
        batch.renew(self.snapshot.context)

    async def _commit(self, batch: Batch, writer: Writer) -> None:
        """Save the batch, then tell whom its changes concern."""
        world = await self._saving.save(batch, writer)
        for job in batch.jobs:
            born = batch.born.get(job.id)
            if born is not None and born.start is not None:
                # It was decided as its job was born, and no command of its own waits.
                self._observer.decided(born.start, Decision(job.attempt, puts=(job,)))
        self._saving.watch.committed(batch.pending)
        self._leasing.hand_over(batch)
        for row in world.inserted:
            if type(row) is Message:
                self._observer.accepted(row)
        for written in world.written.values():
            if type(written) is Message and written.ended_at:
                self._observer.ended(written)
        if (DirectoryRevision, REVISION) in world.written:
            await self._configured(world, batch)

    async def _configured(self, world: World, batch: Batch) -> None:
        """Take the snapshot that the change was judged by, unless more than that change has happened."""
        revision = world.get(DirectoryRevision, REVISION)
        decisions = [pending.decision for pending in batch.pending]
        judged = [one.directory for one in decisions if isinstance(one, Decision) and one.directory]
        is_next = judged and revision and judged[-1].revision == revision.revision
        if is_next and self.snapshot.context is batch.context:
            self.snapshot.use(judged[-1])
        else:
            with contextlib.suppress(StorageError):
                await self.refresh_directory()

    def _answer(self, pending: Pending) -> None:
        decision, result = pending.decision, "done"
        command = pending.command.command if isinstance(pending.command, Audited) else pending.command
        gone = pending.future.done()  # the caller went away; what was decided stands
        if isinstance(decision, Exception):
            result = decision.refusal.value if isinstance(decision, Refused) else "fault"
            if not gone:
                pending.future.set_exception(decision)
        elif decision is not None:
            if not gone:
                pending.future.set_result(decision.result)
            self._observer.decided(command, decision)
            if decision.then is not None:
                self._queue.add(decision.then).add_done_callback(_nobody_waits)
        if isinstance(decision, Guarded):
            self._observer.guarded(command, decision.found)
        self._observer.command(type(command).__name__, result)

    def _turn_away(self) -> None:
        """Whoever waits for a batch is told to try later."""
        for pending in self._queue.give_up():
            pending.decision = Refused(Refusal.STORE_UNAVAILABLE, "the store cannot be reached")
            self._answer(pending)


def _nobody_waits(future: asyncio.Future[Any]) -> None:
    """What follows from a decision may fail. A future whose exception was asked for stays silent."""
    if not future.cancelled():
        future.exception()
