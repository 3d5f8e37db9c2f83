import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.payload import Payload, SmsPayload
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    AttemptState,
    Job,
    JobKind,
    Key,
    LedgerEntry,
    Row,
    Wallet,
)
from onema.domain.refusals import Refusal, Refused
from onema.domain.tables import TABLES
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine.batch import Born
from onema.engine.batch_saving import HAND_OVER
from onema.engine.command_queue import GATHERED
from onema.storage.contract import CommitUnknown, Conflict, DataRejected, Storage, StorageError, Unavailable
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.conformance.storage import sample
from onema.testing.failing_storage import FailingStorage, always, once, times
from onema.testing.fake_clock import FakeClock
from onema.testing.memory_storage import MemoryStorage

from .conftest import StartCommitter


class Add(msgspec.Struct, frozen=True):
    """Adds to a wallet that may not fall below zero. Result: the new balance."""

    amount: int
    account: int = 1

    def keys(self, context: Context) -> Iterable[Key]:
        return [(Wallet, self.account)]

    def decide(self, world: World, context: Context) -> Decision:
        wallet = world.get(Wallet, self.account)
        balance = (wallet.balance if wallet else 0) + self.amount
        if balance < 0:
            raise Refused(Refusal.BALANCE_TOO_LOW)
        return Decision(balance, puts=(Wallet(AccountId(self.account), Minor(balance)),))


class Insert(msgspec.Struct, frozen=True):
    """Inserts one row, whatever it is."""

    row: Any

    def keys(self, context: Context) -> Iterable[Key]:
        return []

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(True, inserts=(self.row,))


class InsertUnsealed(Insert, frozen=True):
    """Inserts a job and tells what it holds."""

    payload: Payload

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(True, inserts=(self.row,), unsealed=(self.row.id, self.payload))


class Break(msgspec.Struct, frozen=True):
    """A command with a bug."""

    def keys(self, context: Context) -> Iterable[Key]:
        return [(Wallet, 1)]

    def decide(self, world: World, context: Context) -> Decision:
        raise ZeroDivisionError


class Touch(msgspec.Struct, frozen=True):
    """Names rows and leaves them alone."""

    rows: tuple[Key, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return self.rows

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(None)


class AskedStorage(MemoryStorage):
    """Remembers the keys of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Sequence[Key]] = []

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        self.asked.append(keys)
        return await super().begin(keys)


def failing(storage: MemoryStorage, **failures: Any) -> tuple[Storage, FailingStorage]:
    wrapped = FailingStorage(storage, **failures)
    return cast(Storage, wrapped), wrapped


async def balance(storage: MemoryStorage) -> int:
    wallet = (await storage.read([(Wallet, 1)])).get((Wallet, 1))
    return wallet.balance if isinstance(wallet, Wallet) else 0


async def test_a_later_command_of_a_batch_sees_what_an_earlier_one_changed(
    start_committer: StartCommitter,
) -> None:
    """200 parallel debits of 1 on a balance of 10: exactly 10 succeed, in one batch."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    await committer.execute(Add(10))
    before = storage.batches
    results = await asyncio.gather(*(committer.execute(Add(-1)) for _ in range(200)), return_exceptions=True)
    assert sum(isinstance(result, int) for result in results) == 10
    assert sum(isinstance(result, Refused) for result in results) == 190
    assert storage.batches == before + 1
    assert await balance(storage) == 0


async def test_every_batch_locks_its_rows_in_one_order(start_committer: StartCommitter) -> None:
    """By table, then by key, however its commands name them: else two nodes could wait for each other for ever."""
    storage = AskedStorage()
    committer = await start_committer(storage)
    in_order = [sample(table, number).key for table in TABLES for number in range(1, 6)]
    await asyncio.gather(*(committer.execute(Touch((key, in_order[0]))) for key in reversed(in_order)))
    assert storage.asked == [in_order]


async def test_a_command_that_raises_is_taken_out_alone(start_committer: StartCommitter) -> None:
    """The others of its batch are committed."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    results = await asyncio.gather(
        committer.execute(Add(1)),
        committer.execute(Break()),
        committer.execute(Add(2)),
        return_exceptions=True,
    )
    assert results[0] == 1
    assert isinstance(results[1], ZeroDivisionError)
    assert results[2] == 3


async def test_a_batch_that_lost_against_another_writer_is_replayed(start_committer: StartCommitter) -> None:
    """A conflict costs the caller nothing but time."""
    storage = MemoryStorage()
    wrapped, log = failing(storage, before=once(Conflict("40001")))
    committer = await start_committer(wrapped)
    assert await committer.execute(Add(5)) == 5
    assert log.commits == 2


@pytest.mark.parametrize("saved", [True, False])
async def test_an_unknown_commit_is_looked_up_before_it_is_replayed(
    start_committer: StartCommitter, saved: bool
) -> None:
    """Whether the link broke before or after the commit, the change is made exactly once."""
    storage = MemoryStorage()
    failure = once(CommitUnknown("connection reset"))
    wrapped, log = failing(storage, **{"after" if saved else "before": failure})
    committer = await start_committer(wrapped)
    assert await committer.execute(Add(5)) == 5
    assert await balance(storage) == 5
    assert log.commits == (1 if saved else 2)


async def test_data_that_the_store_refuses_is_isolated(start_committer: StartCommitter) -> None:
    """One bad row among many: its caller is refused, everyone else's change is saved."""
    storage = MemoryStorage()
    entry = LedgerEntry(AccountId(1), 1, "hold", Minor(0), 0, "")
    committer = await start_committer(storage)
    await committer.execute(Insert(entry))
    commands: Sequence[Any] = [*(Add(1) for _ in range(20)), Insert(entry), *(Add(1) for _ in range(20))]
    results = await asyncio.gather(
        *(committer.execute(command) for command in commands), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert [error.refusal for error in refused] == [Refusal.STORE_UNAVAILABLE]
    assert await balance(storage) == 40


async def test_a_row_that_no_driver_can_store_fails_alone(
    start_committer: StartCommitter, tmp_path: Path
) -> None:
    """A bug in one command must not end the committer: everyone else's change is saved, also the next."""
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    committer = await start_committer(storage)
    bad = LedgerEntry(AccountId(1), 1, "hold", cast(Any, object()), 0, "")
    results = await asyncio.gather(
        committer.execute(Add(1)),
        committer.execute(Insert(bad)),
        committer.execute(Add(2)),
        return_exceptions=True,
    )
    assert [results[0], results[2]] == [1, 3]
    assert isinstance(results[1], Refused)
    assert await committer.execute(Add(1)) == 4
    await committer.stop()
    await storage.close()


@pytest.mark.parametrize("error", [Unavailable("disk full"), DataRejected("bad")])
async def test_a_store_that_is_away_refuses_and_recovers(
    start_committer: StartCommitter, error: Exception
) -> None:
    """Nothing is acknowledged that was not saved; the next command works again."""
    storage = MemoryStorage()
    wrapped, _ = failing(storage, before=once(cast(Any, error)))
    committer = await start_committer(wrapped)
    with pytest.raises(Refused) as refused:
        await committer.execute(Add(5))
    assert refused.value.refusal is Refusal.STORE_UNAVAILABLE
    assert await committer.execute(Add(1)) == 1


async def test_a_store_that_is_back_in_time_is_waited_for(start_committer: StartCommitter) -> None:
    """The caller notices nothing but the time; whoever watches the store hears of both."""
    storage = MemoryStorage()
    wrapped, log = failing(storage, before=times(3, Unavailable("restarting")))
    committer = await start_committer(wrapped, patience=60.0)
    heard: list[bool] = []
    committer.watch_store(heard.append)
    assert list(await asyncio.gather(committer.execute(Add(5)), committer.execute(Add(1)))) == [5, 6]
    assert log.commits == 4
    assert heard == [False, True]


async def test_only_the_first_callers_of_an_outage_wait(start_committer: StartCommitter) -> None:
    """A store that does not come back must not make every later caller wait anew; one that is back is trusted."""
    storage = MemoryStorage()
    wrapped, log = failing(storage, before=always(Unavailable("gone")))
    committer = await start_committer(wrapped, patience=0.15)
    with pytest.raises(Refused):
        await committer.execute(Add(5))
    tries = log.commits
    assert tries > 1
    # Reads may still work, as on a full disk: that must not restore anybody's patience.
    await committer.between_batches(_succeed)
    with pytest.raises(Refused):
        await committer.execute(Add(5))
    assert log.commits == tries + 1
    log.before = times(1, Unavailable("again"))
    with pytest.raises(Refused):
        await committer.execute(Add(5))
    assert await committer.execute(Add(1)) == 1
    log.before = times(1, Unavailable("a blink"))
    assert await committer.execute(Add(1)) == 2


async def test_an_outcome_that_cannot_be_learnt_is_not_tried_again(start_committer: StartCommitter) -> None:
    """What may have been saved must not be saved twice, however patient the committer is."""

    class Oblivious(MemoryStorage):
        async def was_committed(self, batch: int) -> bool:
            raise CommitUnknown("nobody answers")

    storage = Oblivious()
    wrapped, log = failing(storage, after=once(CommitUnknown("link lost")))
    committer = await start_committer(wrapped, patience=60.0)
    with pytest.raises(Refused) as refused:
        await committer.execute(Add(5))
    assert refused.value.refusal is Refusal.STORE_UNAVAILABLE
    assert log.commits == 1
    assert await balance(storage) == 5


async def test_who_waits_behind_an_unknown_commit_is_told_to_try_later(
    start_committer: StartCommitter,
) -> None:
    """Its own batch is looked up for as long as it takes; those behind it were never begun."""
    asked, answer = asyncio.Event(), asyncio.Event()

    class Silent(MemoryStorage):
        async def was_committed(self, batch: int) -> bool:
            asked.set()
            await answer.wait()
            return True

    wrapped, _ = failing(Silent(), after=once(CommitUnknown("link lost")))
    committer = await start_committer(wrapped, patience=0.01)
    heard: list[bool] = []
    committer.watch_store(heard.append)
    unknown = asyncio.ensure_future(committer.execute(Add(5)))
    await asked.wait()
    behind = committer.execute(Add(1))
    with pytest.raises(Refused):
        await behind
    assert not unknown.done()
    answer.set()
    assert await unknown == 5
    assert heard == [False, True]


class Hanging:
    """An operation that is answered when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.answer = asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        await self.answer.wait()


async def test_who_waits_behind_an_operation_that_hangs_is_told_to_try_later(
    start_committer: StartCommitter,
) -> None:
    """On a silent link a lease or a sweep takes seconds to fail, and there may be several in a row."""
    committer = await start_committer(MemoryStorage(), patience=0.01)
    operation = Hanging()
    done = asyncio.ensure_future(committer.between_batches(operation))
    await operation.begun.wait()
    async with asyncio.timeout(10):
        with pytest.raises(Refused):
            await committer.execute(Add(1))
    assert not done.done()
    operation.answer.set()
    await done
    assert await committer.execute(Add(2)) == 2


async def test_stopping_does_not_wait_for_a_store_that_never_answers(start_committer: StartCommitter) -> None:
    """A service manager would kill the process, and with it what could still be ended in order."""
    committer = await start_committer(MemoryStorage())
    operation = Hanging()
    done = asyncio.ensure_future(committer.between_batches(operation))
    await operation.begun.wait()
    async with asyncio.timeout(10):
        await committer.stop(0.01)
    assert not done.done()
    done.cancel()


async def test_an_idle_node_notices_that_its_store_is_away(start_committer: StartCommitter) -> None:
    """Upkeep asks the store every second, so readiness does not wait for a request to fail."""
    committer = await start_committer(MemoryStorage())
    heard: list[bool] = []
    committer.watch_store(heard.append)
    with pytest.raises(Unavailable):
        await committer.between_batches(_fail)
    await committer.between_batches(_succeed)
    assert heard == [False, True]


async def test_a_store_that_only_answers_reads_stays_away(start_committer: StartCommitter) -> None:
    """As on a full disk. Load balancers must not hear "ready" between one refused request and the next."""
    wrapped, log = failing(MemoryStorage(), before=always(Unavailable("the disk is full")))
    committer = await start_committer(wrapped)
    heard: list[bool] = []
    committer.watch_store(heard.append)
    for _ in range(3):
        with pytest.raises(Refused):
            await committer.execute(Add(5))
        await committer.between_batches(_succeed)
    assert heard == [False]
    log.before = None
    await committer.between_batches(_succeed)
    assert heard == [False, True]


async def test_a_small_batch_that_found_room_does_not_bring_a_full_store_back(
    start_committer: StartCommitter,
) -> None:
    """A disk with a few free blocks takes one batch and refuses the next."""

    class Full(MemoryStorage):
        async def prove_writable(self) -> None:
            raise Unavailable("there is room for a few blocks")

    wrapped, _ = failing(Full(), before=once(Unavailable("the disk is full")))
    committer = await start_committer(wrapped)
    heard: list[bool] = []
    committer.watch_store(heard.append)
    with pytest.raises(Refused):
        await committer.execute(Add(5))
    assert await committer.execute(Add(1)) == 1
    assert heard == [False]


async def test_store_operations_that_keep_coming_leave_room_for_batches(
    start_committer: StartCommitter,
) -> None:
    """Upkeep and batches take turns."""
    committer = await start_committer(MemoryStorage())
    operations: list[asyncio.Future[None]] = []
    result: asyncio.Future[int] | None = None

    async def come_again() -> None:
        if result is None or not result.done():
            operations.append(asyncio.ensure_future(committer.between_batches(come_again)))
            await asyncio.sleep(0)

    await committer.between_batches(come_again)
    async with asyncio.timeout(10):
        result = committer.execute(Add(1))
        assert await result == 1
    await asyncio.gather(*operations)


async def _succeed() -> None:
    """An operation that works."""


async def _fail() -> None:
    raise Unavailable("gone")


async def test_a_batch_takes_those_who_are_on_their_way(start_committer: StartCommitter) -> None:
    """Requests that have arrived need a few turns of the loop until they wait: each brings the next."""
    storage = MemoryStorage()
    committer = await start_committer(storage)

    async def arrive(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await committer.execute(Add(1))

    before = storage.batches
    await asyncio.gather(*(arrive(turns) for turns in (0, 2, 4, 6)))
    assert storage.batches == before + 1


async def test_a_large_batch_is_begun_at_once(start_committer: StartCommitter) -> None:
    """Commands that never stop arriving must not keep those that came before them from being committed."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    results: list[asyncio.Future[int]] = []

    async def arrive() -> None:
        while not results or not results[0].done():
            results.append(committer.execute(Add(1)))
            await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await arrive()
    assert GATHERED <= len(results) < 2 * GATHERED
    await asyncio.gather(*results)


async def test_stopping_commits_what_waits(start_committer: StartCommitter) -> None:
    """A graceful stop drains the queue."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    waiting = [asyncio.ensure_future(committer.execute(Add(1))) for _ in range(10)]
    await asyncio.sleep(0)
    await committer.stop()
    assert await asyncio.gather(*waiting) == list(range(1, 11))


async def test_a_caller_that_went_away_does_not_stop_the_batch(start_committer: StartCommitter) -> None:
    """What was decided stands, whoever listens."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    gone = asyncio.ensure_future(committer.execute(Add(1)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await committer.execute(Add(1)) == 2


def a_job(identifier: int, kind: JobKind = JobKind.SMS) -> Job:
    return Job(identifier, kind, AccountId(1), MessageId(identifier), 0, 0, 0, False, b"")


class RecordingDispatcher:
    """Takes jobs of one kind while it has room."""

    def __init__(self, room: int, kind: JobKind = JobKind.SMS) -> None:
        self._room = room
        self._kind = kind
        self.taken: list[Job] = []
        self.born: dict[int, Born] = {}
        self.start_with = ""
        """The carrier that starts all that it is asked about; empty: none does."""

    def room(self, kind: str) -> int:
        return self._room - len(self.taken) if kind == self._kind else 0

    def grants(self, kind: str, account: int, free: int, promised: int) -> bool:
        return True

    def first_attempt(self, job: Job, payload: Payload) -> StartAttempt | None:
        if not self.start_with:
            return None
        return StartAttempt(job=job.id, lease=job.lease, now=5, lease_until=77, carrier=self.start_with)

    def take(self, jobs: Sequence[Job], born: Mapping[int, Born]) -> None:
        self.taken.extend(jobs)
        self.born.update(born)


async def test_new_jobs_go_to_this_process_while_it_has_room(
    start_committer: StartCommitter, clock: FakeClock
) -> None:
    """They are born leased; the rest are due at once for whoever polls."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    dispatcher = RecordingDispatcher(room=2)
    committer.deliver_to(dispatcher)
    await asyncio.gather(*(committer.execute(Insert(a_job(number))) for number in range(1, 6)))
    assert [(job.id, job.lease) for job in dispatcher.taken] == [(1, 1), (2, 1)]
    left = await committer.between_batches(lambda: storage.lease_jobs(clock.now(), 10**15, 10))
    assert [job.id for job in left] == [3, 4, 5]


async def test_what_new_jobs_hold_goes_with_them(start_committer: StartCommitter) -> None:
    """To this process alone, so that it opens nothing that its own decision sealed; each goes once."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    dispatcher = RecordingDispatcher(room=2)
    committer.deliver_to(dispatcher)
    payloads = {number: SmsPayload(Phone("+84901888484"), "Acme", f"{number}", 0) for number in (1, 3, 4)}
    commands = [InsertUnsealed(a_job(1), payloads[1]), Insert(a_job(2))]
    commands += [InsertUnsealed(a_job(number), payloads[number]) for number in (3, 4)]
    await asyncio.gather(*(committer.execute(command) for command in commands))
    assert [job.id for job in dispatcher.taken] == [1, 2]
    assert dispatcher.born == {1: Born(payloads[1])}
    # The store has room for no such thing: it holds what the job's row says.
    assert await storage.read([(Job, 1)]) == {(Job, 1): dispatcher.taken[0]}


async def test_the_first_attempt_starts_in_the_commit_that_makes_its_job(
    start_committer: StartCommitter,
) -> None:
    """One batch: the job comes in flight, and its attempt is in the store; a job without room is left as it was."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    dispatcher = RecordingDispatcher(room=1)
    dispatcher.start_with = "gw"
    committer.deliver_to(dispatcher)
    before = storage.batches
    payload = SmsPayload(Phone("+84901888484"), "Acme", "482913", 0)
    await asyncio.gather(*(committer.execute(InsertUnsealed(a_job(number), payload)) for number in (1, 2)))
    assert storage.batches == before + 1
    (job,) = dispatcher.taken
    assert (job.in_flight, job.attempt, job.due_at) == (True, 1, 77)
    assert dispatcher.born[1].start is not None
    keys: list[Key] = [(Job, 1), (Job, 2), (Attempt, 1, 1, 1), (Attempt, 1, 2, 1)]
    found = await storage.read(keys)
    assert set(found) == set(keys[:3])
    assert found[keys[0]] == job
    attempt = found[keys[2]]
    assert isinstance(attempt, Attempt)
    assert (attempt.state, attempt.carrier, attempt.started_at) == (AttemptState.STARTED, "gw", 5)


async def test_new_jobs_that_this_process_does_not_do_are_left_to_others(
    start_committer: StartCommitter,
) -> None:
    """A process that places no calls hands itself none."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    dispatcher = RecordingDispatcher(room=9)
    committer.deliver_to(dispatcher)
    await committer.execute(Insert(a_job(1, JobKind.CALL)))
    await committer.execute(Insert(a_job(2)))
    assert [job.id for job in dispatcher.taken] == [2]


async def test_a_callback_goes_to_this_process_at_once_and_later_work_does_not(
    start_committer: StartCommitter,
) -> None:
    """An integrator hears without waiting for a poll; what is due later is nobody's yet."""
    committer = await start_committer(MemoryStorage())
    dispatcher = RecordingDispatcher(room=9, kind=JobKind.CALLBACK)
    committer.deliver_to(dispatcher)
    later = msgspec.structs.replace(a_job(1, JobKind.CALLBACK), due_at=10**15)
    await asyncio.gather(
        committer.execute(Insert(later)), committer.execute(Insert(a_job(2, JobKind.CALLBACK)))
    )
    assert [job.id for job in dispatcher.taken] == [2]


async def test_rows_of_a_large_batch_are_handed_over_while_it_is_decided(
    start_committer: StartCommitter, clock: FakeClock
) -> None:
    """None is lost or saved twice, and jobs are taken as far as there is room in the whole batch."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    dispatcher = RecordingDispatcher(room=HAND_OVER + 1)
    committer.deliver_to(dispatcher)
    jobs = 3 * HAND_OVER
    before = storage.batches
    await asyncio.gather(*(committer.execute(Insert(a_job(number))) for number in range(jobs)))
    assert storage.batches == before + 1
    assert [job.id for job in dispatcher.taken] == list(range(HAND_OVER + 1))
    left = await committer.between_batches(lambda: storage.lease_jobs(clock.now(), 10**15, jobs))
    assert [job.id for job in left] == list(range(HAND_OVER + 1, jobs))


async def test_a_batch_that_could_not_begin_leaves_the_store_usable(tmp_path: Path) -> None:
    """The transaction that was opened for it is closed again."""
    storage = SqliteStorage(tmp_path / "onema.db")
    await storage.open()
    with pytest.raises(StorageError):
        await storage.begin([(Wallet, 2**70)])
    assert await storage.begin([(Wallet, 1)]) == {}
    await storage.abort()
    await storage.close()
