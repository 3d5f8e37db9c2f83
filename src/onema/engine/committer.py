"""The committer: everything that waits is decided together and committed in one transaction.

While one batch is being committed, arrivals wait; when it is durable, the next batch takes them all, and those that are
already at the sockets. Nobody waits for time to pass. A caller gets its result only after the commit, so nothing
acknowledged can be lost. A store with several writers has as many batches in flight while there are commands enough
that share no row.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from onema.domain.configure import REVISION
from onema.domain.decision import Command, Context, Decision, World
from onema.domain.directory import Directory
from onema.domain.keyring import Keyring
from onema.domain.records import FAIRLY_SHARED, TABLE_ORDER, DirectoryRevision, Job, Key, Message, Row
from onema.domain.refusals import Refusal, Refused
from onema.engine.batch import Batch, Pending, gather
from onema.engine.directory_loading import follow_directory, load_directory
from onema.engine.observer import Observer
from onema.engine.ports import Clock, IdSource
from onema.storage.contract import (
    CommitUnknown,
    Conflict,
    DataRejected,
    Storage,
    StorageError,
    Unavailable,
    Writer,
)
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

REPLAYS = 10
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
SHORTEST_PATIENCE_SECONDS = 0.5
STOP_SECONDS = 5.0
HAND_OVER = 64
"""After so many decisions the store gets the new rows that they made: it can work on them during the next ones."""
QUIET_TURNS = 3
"""After so many turns of the loop without a new command all requests that had arrived are waiting for their batch: a
turn reads them, the next runs their tasks, and one more is for those that wait for something of their own.
"""
GATHERED = 128
"""With so many commands a batch is begun at once: more would not make it noticeably cheaper."""
WORTH_A_BATCH = 64
"""So many commands at least are begun beside another batch: small batches cost the store more than they gain."""
# What a row with a value of the wrong type makes a driver raise: a fault of one command, never of its batch.
_BUGS = (TypeError, ValueError, AttributeError, LookupError, OverflowError)

T = TypeVar("T")


class Dispatcher(Protocol):
    """Who delivers in this process. Jobs born here go to it directly while it has room."""

    def room(self, kind: str) -> int:
        """How many more jobs of a kind it takes now; none of those that it does not do."""

    def grants(self, kind: str, account: int, free: int, promised: int) -> bool:
        """Whether an account that was promised `promised` places may have one of those that are `free`; asked for kinds
        that are shared fairly.
        """

    def take(self, jobs: Sequence[Job]) -> None:
        """Jobs that are committed and leased to this process."""


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
    ) -> None:
        """`patience`: for how many seconds a store that went away is waited for before callers are refused."""
        self._storage = storage
        self._keyring = keyring
        self._clock = clock
        self._ids = ids
        self._batch_limit = batch_limit
        self._lease_ms = lease_ms
        self._observer = observer
        self._patience = patience
        self._lost_at: float | None = None
        self._out_of_patience = False
        self._tell_store_is_here: Callable[[bool], None] = lambda here: None
        self._dispatcher: Dispatcher | None = None
        self._waiting: list[Pending] = []
        self._in_flight: list[Batch] = []
        self._operations: list[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = []
        self._arrival = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.context = Context(Directory({}), keyring)
        self.directory_changed = asyncio.Event()
        self._refreshing = asyncio.Lock()

    @property
    def directory(self) -> Directory:
        """The newest snapshot that this process knows."""
        return self.context.directory

    def deliver_to(self, dispatcher: Dispatcher) -> None:
        """Jobs born in this process go to `dispatcher` from now on."""
        self._dispatcher = dispatcher

    def watch_store(self, tell: Callable[[bool], None]) -> None:
        """`tell` hears whenever the store goes away or is back, from the next batch or operation on."""
        self._tell_store_is_here = tell

    async def start(self) -> None:
        self._use(await load_directory(self._storage, self._keyring))
        for writer in (self._storage, *self._storage.other_writers):
            self._tasks.append(asyncio.create_task(self._run(writer), name="committer"))

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Commit what waits, then end; what the store leaves unanswered for so long is given up."""
        self._stopping = True
        self._arrival.set()
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
        async with self._refreshing:
            known = self.directory
            newest = await follow_directory(self._storage, self._keyring, known)
            # A change of our own may have been committed meanwhile.
            if newest is not known and (self.directory is known or newest.revision > self.directory.revision):
                self._use(newest)

    def _use(self, directory: Directory) -> None:
        self.context = Context(directory, self._keyring)
        changed, self.directory_changed = self.directory_changed, asyncio.Event()
        changed.set()

    def execute(self, command: Command) -> asyncio.Future[Any]:
        """The command's result, once it is durable; awaiting it raises Refused."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Pending(command, future))
        if len(self._waiting) in (1, WORTH_A_BATCH):
            self._arrival.set()
        return future

    async def between_batches(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run a store operation that must not fall into a batch (leasing, sweeping)."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._operations.append((operation, future))
        self._arrival.set()
        return await future

    async def _run(self, writer: Writer) -> None:
        while True:
            async with self._turn:
                batch = await self._next_batch()
            if batch is None:
                return
            try:
                await self._settle(batch, writer)
            finally:
                self._in_flight.remove(batch)
                self._arrival.set()

    async def _next_batch(self) -> Batch | None:
        """Wait until there is one to begin, then count it as in flight; None to stop. Store operations come between."""
        while True:
            if self._operations and not self._in_flight:
                await self._operate()
            if self._waiting and not (self._operations and self._in_flight):
                if not self._in_flight:
                    await self._gather_arrivals()
                if batch := self._take_batch():
                    self._in_flight.append(batch)
                    if len(self._waiting) >= WORTH_A_BATCH:
                        self._arrival.set()  # for the next writer
                    return batch
            if self._stopping and (self._in_flight or not self._waiting):
                return None
            await self._arrival.wait()
            self._arrival.clear()

    async def _gather_arrivals(self) -> None:
        """Let requests that have arrived come to wait too: a batch costs the store something whatever its size."""
        quiet, waiting = 0, len(self._waiting)
        while quiet < QUIET_TURNS and waiting < GATHERED:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == waiting else 0
            waiting = len(self._waiting)

    def _take_batch(self) -> Batch | None:
        """All that wait; beside another batch, those that share no row with it.

        When there are enough of them for two writers that will not wait for each other, one half.
        """
        waiting, beside = self._waiting, self._in_flight
        if not beside and len(self._tasks) > 1 and len(waiting) >= 2 * WORTH_A_BATCH:
            batch, left = gather(waiting, self.context, min(len(waiting) // 2, self._batch_limit))
            other, _ = gather(left, self.context, WORTH_A_BATCH, batch.keys)
            if len(other) == WORTH_A_BATCH:
                self._waiting = left
                return batch
        batch, left = gather(waiting, self.context, self._batch_limit, *(other.keys for other in beside))
        if beside and len(batch) < WORTH_A_BATCH:
            return None
        self._waiting = left
        return batch

    async def _operate(self) -> None:
        """Run the store operations that wait."""
        operations, self._operations = self._operations, []
        for operation, future in operations:
            # Whatever a store operation raises belongs to who asked for it, not to the batches of others.
            try:
                result = await self._keep_nobody_behind(operation())
            except Exception as error:  # noqa: BLE001
                if isinstance(error, Unavailable):
                    self._store_is_away(error)
                if not future.done():
                    future.set_exception(error)
            else:
                await self._store_answers()
                if not future.done():
                    future.set_result(result)

    async def _settle(self, batch: Batch, writer: Writer) -> None:
        """Commit the batch and answer its callers; data that the store refuses is isolated by halving."""
        started = time.perf_counter()
        try:
            await self._commit_patiently(batch, writer)
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

    def _answer(self, pending: Pending) -> None:
        decision, result = pending.decision, "done"
        gone = pending.future.done()  # the caller went away; what was decided stands
        if isinstance(decision, Exception):
            result = decision.refusal.value if isinstance(decision, Refused) else "fault"
            if not gone:
                pending.future.set_exception(decision)
        elif decision is not None:
            if not gone:
                pending.future.set_result(decision.result)
            self._observer.decided(pending.command, decision)
        self._observer.command(type(pending.command).__name__, result)

    async def _commit_patiently(self, batch: Batch, writer: Writer) -> None:
        """Commit; a store that has just gone away may be back in a moment, and nothing of the batch was saved."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._commit(batch, writer)
            except Unavailable as error:
                self._out_of_patience |= self._store_is_away(error) >= self._patience
                if self._stopping or self._out_of_patience:
                    raise
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            else:
                # Only a batch shows that batches can be saved: a full disk goes on to answer what does not write.
                self._out_of_patience = False
                await self._store_answers()
                return

    def _store_is_away(self, error: StorageError) -> float:
        """For how many seconds it has been; the next one to come in a long outage is not kept waiting anew."""
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
            log.error("the store is unavailable", extra={"action": "commit", "detail": str(error)})
            self._tell_store_is_here(False)
        return now - self._lost_at

    async def _store_answers(self) -> None:
        """A store that was away is back once it proves that batches can be saved: a full disk goes on to answer what
        does not write, and now and then takes what is small.
        """
        if self._lost_at is None:
            return
        try:
            await self._keep_nobody_behind(self._storage.prove_writable())
        except StorageError:
            return
        # Another writer's batch may have told meanwhile.
        if self._lost_at is not None:
            away = time.monotonic() - self._lost_at
            self._lost_at = None
            log.info("the store is back", extra={"action": "commit", "seconds": round(away, 3)})
            self._tell_store_is_here(True)

    async def _commit(self, batch: Batch, writer: Writer) -> None:
        """Decide and save; replayed with the same directory snapshot when another writer was faster.

        Raises Unavailable when nothing was saved, CommitUnknown when that cannot be found out.
        """
        batch_id = self._ids.next()
        for _ in range(REPLAYS):
            batch.jobs.clear()
            try:
                world = await self._decide(batch, writer)
                if not world.has_changed:
                    await writer.abort()
                    return
                await writer.commit(batch_id, world.written, world.inserted)
            except Conflict:
                continue
            except CommitUnknown as error:
                self._store_is_away(error)
                # What became of a batch whose COMMIT was not answered.
                if not await self._keep_nobody_behind(writer.was_committed(batch_id)):
                    continue
            await self._committed(world, batch)
            return
        raise Conflict("the batch lost against other writers too often")

    async def _keep_nobody_behind(self, asking: Awaitable[T]) -> T:
        """What the store answers, however long that takes. Who only waits behind it is not kept that long."""
        answer = asyncio.ensure_future(asking)
        patience = max(self._patience, SHORTEST_PATIENCE_SECONDS)
        try:
            while not (await asyncio.wait([answer], timeout=patience))[0]:
                waiting, self._waiting = self._waiting, []
                for pending in waiting:
                    pending.decision = Refused(Refusal.STORE_UNAVAILABLE, "the store cannot be reached")
                    self._answer(pending)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        return answer.result()

    async def _decide(self, batch: Batch, writer: Writer) -> World:
        world = World(await writer.begin(_in_lock_order(batch.keys)))
        try:
            for number, pending in enumerate(batch.pending, 1):
                if pending.keys is not None:
                    self._decide_one(pending, world, batch.context)
                if number % HAND_OVER == 0 and number < len(batch):
                    self._lease_new_jobs(world, batch)
                    await writer.insert(world.inserted)
                    world.inserted.clear()
        except BaseException:
            await writer.abort()
            raise
        self._lease_new_jobs(world, batch)
        return world

    @staticmethod
    def _decide_one(pending: Pending, world: World, context: Context) -> None:
        try:
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

    def _lease_new_jobs(self, world: World, batch: Batch) -> None:
        """Jobs that are due now go to this process's own worker at once, while it has room."""
        if self._dispatcher is None:
            return
        now = self._clock.now()
        until = now + self._lease_ms
        room: dict[str, int] = {}
        promised: dict[str, Counter[int]] = {}
        for number, row in enumerate(world.inserted):
            if type(row) is not Job or row.due_at > now:
                continue
            left = room[row.kind] if row.kind in room else self._room(self._dispatcher, row.kind)
            room[row.kind] = left
            if left > 0 and row.kind in FAIRLY_SHARED:
                of_accounts = promised.get(row.kind) or promised.setdefault(
                    row.kind, self._promised(row.kind)
                )
                if not self._dispatcher.grants(row.kind, row.account, left, of_accounts[row.account]):
                    continue
                of_accounts[row.account] += 1
            room[row.kind] = left - 1
            if left > 0:
                job = Job(
                    id=row.id,
                    kind=row.kind,
                    account=row.account,
                    message=row.message,
                    due_at=until,
                    lease=1,
                    attempt=row.attempt,
                    in_flight=False,
                    payload=row.payload,
                )
                world.inserted[number] = job
                batch.jobs.append(job)

    def _room(self, dispatcher: Dispatcher, kind: str) -> int:
        """How many more jobs of a kind this process takes, besides those that batches in flight will give it."""
        promised = sum(job.kind == kind for batch in self._in_flight for job in batch.jobs)
        return dispatcher.room(kind) - promised

    def _promised(self, kind: str) -> Counter[int]:
        """How many places of a kind batches in flight will give to each account."""
        return Counter(job.account for batch in self._in_flight for job in batch.jobs if job.kind == kind)

    async def _committed(self, world: World, batch: Batch) -> None:
        if batch.jobs and self._dispatcher is not None:
            self._dispatcher.take(tuple(batch.jobs))
            batch.jobs.clear()
        for row in world.written.values():
            if type(row) is Message and row.ended_at:
                self._observer.message(row.channel, row.state)
        if (DirectoryRevision, REVISION) in world.written:
            await self._configured(batch, world.get(DirectoryRevision, REVISION))

    async def _configured(self, batch: Batch, revision: DirectoryRevision | None) -> None:
        """Take the snapshot that the change was judged by, unless more than that change has happened."""
        decisions = [pending.decision for pending in batch.pending]
        judged = [one.directory for one in decisions if isinstance(one, Decision) and one.directory]
        if judged and revision and judged[-1].revision == revision.revision and self.context is batch.context:
            self._use(judged[-1])
        else:
            with contextlib.suppress(StorageError):
                await self.refresh_directory()


def _in_lock_order(keys: set[Key]) -> list[Key]:
    """Every batch locks in this order, so that batches cannot deadlock."""
    by_table: dict[type[Row], list[Key]] = {}
    for key in keys:
        by_table.setdefault(key[0], []).append(key)
    return [key for table in sorted(by_table, key=TABLE_ORDER.__getitem__) for key in sorted(by_table[table])]
