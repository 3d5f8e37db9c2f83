"""Jobs that are born in a batch and due now are leased to this process's own dispatcher, as far as it has room.

Where it knows at once which carrier gets the message, the attempt starts in the same commit: so a message costs one
command and one commit less (docs/decisions/0042-first-attempt.md).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from onema.domain.decision import World
from onema.domain.delivery.payload import Payload
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId
from onema.domain.records import FAIRLY_SHARED, Job
from onema.engine.batch import Batch, Born
from onema.engine.ports import Clock


class Dispatcher(Protocol):
    """Who delivers in this process. Jobs born here go to it directly while it has room."""

    def room(self, kind: str) -> int:
        """How many more jobs of a kind it takes now; none of those that it does not do."""

    def grants(self, kind: str, account: AccountId, free: int, promised: int) -> bool:
        """Whether an account that was promised `promised` places may have one of those that are `free`; asked for kinds
        that are shared fairly.
        """

    def first_attempt(self, job: Job, payload: Payload) -> StartAttempt | None:
        """What starts the attempt of a job that is leased to this process as it is born; None where that is for later.
        Nothing has happened before `take` is given the job; it may be asked again, when a batch is replayed.
        """

    def take(self, jobs: Sequence[Job], born: Mapping[int, Born]) -> None:
        """Jobs that are committed and leased to this process; `born` says more of some, by their ids."""


class JobLeasing:
    """Promises the dispatcher's room to jobs of batches in flight, and hands them over once they are durable."""

    def __init__(self, clock: Clock, lease_ms: int, in_flight: Sequence[Batch]) -> None:
        """`in_flight` is the queue's own list: what its batches were promised is not promised again."""
        self._clock = clock
        self._lease_ms = lease_ms
        self._in_flight = in_flight
        self._dispatcher: Dispatcher | None = None
        """Who takes the jobs; nobody in a process that delivers nothing. Set by `deliver_to`."""

    def deliver_to(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def lease(self, world: World, batch: Batch) -> None:
        """Lease the due jobs among the world's new rows that the store does not have yet."""
        if self._dispatcher is None:
            return
        now = self._clock.now()
        until = now + self._lease_ms
        room: dict[str, int] = {}
        promised: dict[str, Counter[int]] = {}
        for number, row in enumerate(tuple(world.inserted)):
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
                job = msgspec.structs.replace(row, due_at=until, lease=1)
                if payload := world.unsealed.get(row.id):
                    start = self._dispatcher.first_attempt(job, payload)
                    batch.born[row.id] = Born(payload, start)
                    if start is not None:
                        job, attempt = start.started(job)
                        world.inserted.append(attempt)
                world.inserted[number] = job
                batch.jobs.append(job)

    def hand_over(self, batch: Batch) -> None:
        """The batch is durable: its jobs go to the dispatcher, and take up what they were promised."""
        if batch.jobs and self._dispatcher is not None:
            self._dispatcher.take(batch.jobs, batch.born)
            batch.jobs.clear()
            batch.born.clear()

    def _room(self, dispatcher: Dispatcher, kind: str) -> int:
        """How many more jobs of a kind this process takes, besides those that batches in flight will give it."""
        promised = sum(job.kind == kind for batch in self._in_flight for job in batch.jobs)
        return dispatcher.room(kind) - promised

    def _promised(self, kind: str) -> Counter[int]:
        """How many places of a kind batches in flight will give to each account."""
        return Counter(job.account for batch in self._in_flight for job in batch.jobs if job.kind == kind)
