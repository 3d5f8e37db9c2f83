"""The dispatcher: takes jobs, from the committer when they are born and from the store when they are due, gives each to
the handler of its kind, and ends those that fail.

Every process also looks at jobs of kinds that are not its own once nobody has come for them for long: it sends nothing,
but ends what has expired, so that no hold outlives the last process of a role.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from onema.channels.contract import Carrier
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.failed_jobs import LEASES, FailedJobs, GivenUp
from onema.delivery.places import Places
from onema.domain.codes.start_verification import VALID_MS
from onema.domain.delivery.payload import Payload
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId
from onema.domain.records import FAIRLY_SHARED, HANDING_OVER, Job, JobKind
from onema.domain.refusals import Refused
from onema.engine.batch import Born
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError
from onema.telemetry.faults import describe_fault
from onema.telemetry.redaction import safe

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LEASE_BATCH = 100
UPKEEP_SHARE = 4
"""Callbacks and settlements each get so small a part of the places that SMS and calls each have."""
ENDED_BY_ANYBODY = HANDING_OVER | {JobKind.SETTLE, JobKind.RESEND}
"""The jobs whose messages have money held."""
OVERDUE_MS = VALID_MS
"""How long a job is due before a process looks at it whose kind it is not. No call can still be placed then; an SMS
may have longer, and is left.
"""

JobHandler = Callable[[Job], Awaitable[None]]


class Deliverer(Protocol):
    """Handles jobs that were just born here."""

    def first(self, job: Job, payload: Payload) -> StartAttempt | None:
        """See engine.job_leasing.Dispatcher.first_attempt."""

    async def __call__(self, job: Job, payload: Payload, start: StartAttempt | None, /) -> None:
        """`start` is what has started its first attempt."""


_NOT_BORN_HERE: Mapping[int, Born] = MappingProxyType({})


class JobDispatcher:
    """Takes jobs of some `kinds` from the committer and, for those that nobody took, from the store."""

    def __init__(
        self,
        gateway: Gateway,
        committer: Committer,
        storage: Storage,
        handlers: Mapping[str, JobHandler],
        deliver: Deliverer,
        failed: FailedJobs,
        running: Mapping[str, Carrier],
        watch: CarrierWatch,
        *,
        kinds: frozenset[JobKind] = frozenset(JobKind),
        concurrency: int,
        lease_ms: int,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """`handlers` has one for every kind, and `deliver` takes those of which more is known; `running` are the
        carriers that run here now, ready or not.
        """
        self._gateway = gateway
        self._committer = committer
        self._storage = storage
        self._handlers = handlers
        self._deliver = deliver
        self._failed = failed
        self._running = running
        """The carriers that run here; changes as they start and stop."""
        self._watch = watch
        self._kinds = kinds
        """What this process does. Of other kinds it only ends what is overdue."""
        self._lease_ms = lease_ms
        upkeep = max(1, concurrency // UPKEEP_SHARE)
        self._places: dict[str, Places] = {
            kind: Places(
                concurrency if kind in kinds & HANDING_OVER else upkeep, fairly=kind in FAIRLY_SHARED
            )
            for kind in kinds | ENDED_BY_ANYBODY
        }
        """Room for the jobs of each kind, and the tasks that have it."""
        self._stopping = False
        """Set by `stop`: from then on there is no room."""
        # The store may be away for a while; the next round tries again.
        self._polling = Loop("delivery-poll", self._poll, every_seconds=poll_seconds, expected=StorageError)
        """Looks for due jobs; woken when some may find a place now."""

    # What the committer asks.

    def room(self, kind: str) -> int:
        if kind not in self._kinds or self._stopping:
            return 0
        places = self._places[kind]
        places.crowded |= places.free <= 0
        return places.free

    def grants(self, kind: str, account: AccountId, free: int, promised: int) -> bool:
        places = self._places[kind]
        granted = places.grants(account, free, promised)
        places.crowded |= not granted
        return granted

    def first_attempt(self, job: Job, payload: Payload) -> StartAttempt | None:
        try:
            return self._deliver.first(job, payload)
        except Exception as error:  # noqa: BLE001  # a fault of one carrier must not fail the batch
            log.error("no attempt begun", extra={"action": str(job.kind), "fault": describe_fault(error)})
            return None

    def take(self, jobs: Sequence[Job], born: Mapping[int, Born] = _NOT_BORN_HERE) -> None:
        for job in jobs:
            task = asyncio.create_task(self._work(job, born.get(job.id)))
            self._places[job.kind].give(job, task)
            task.add_done_callback(functools.partial(self._done, job))

    def wake(self) -> None:
        """Another process left jobs due."""
        self._polling.wake()

    def _done(self, job: Job, task: asyncio.Task[None]) -> None:
        places = self._places[job.kind]
        places.take_back(job, task)
        if places.crowded:
            self._polling.wake()

    # Life.

    async def start(self) -> None:
        self._committer.deliver_to(self)
        self._polling.start()

    async def stop(self, seconds: float) -> None:
        """Take nothing new and let what is under way end; what does not in time is found by its lease."""
        self._stopping = True
        await self._polling.stop()
        if tasks := self.tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The jobs under way."""
        return [task for places in self._places.values() for task in places.tasks]

    # Due jobs of the store.

    async def _poll(self) -> None:
        """Find jobs whose time has come: retries, settlements, and those of processes that died."""
        if await self._committer.between_batches(self._lease):
            self._polling.wake()

    async def _lease(self) -> bool:
        """Take as many due jobs as there is room for now, between two batches that may both hand out new ones. Whether
        there may be more.
        """
        now, elsewhere = self._gateway.now(), self._elsewhere()
        more = False
        for kind, places in self._places.items():
            if kind in FAIRLY_SHARED:
                more |= await self._lease_fairly(places, now)
                continue
            room = min(places.free, LEASE_BATCH)
            jobs: Sequence[Job] = ()
            if room > 0:
                due = now if kind in self._kinds else now - OVERDUE_MS
                jobs = await self._storage.lease_jobs(
                    due, now + self._lease_ms, room, (JobKind(kind),), elsewhere
                )
            places.crowded = len(jobs) >= room
            self.take(jobs)
            more |= places.crowded and places.free > 0
        return more

    async def _lease_fairly(self, places: Places, now: int) -> bool:
        """Take due callbacks of the accounts that may have more; the others' are looked for when one of theirs ends."""
        limit, share, full = places.round()
        jobs: Sequence[Job] = ()
        if limit > 0:
            jobs = await self._storage.lease_callbacks(now, now + self._lease_ms, limit, share, full)
        places.crowded = bool(jobs or full) or limit == 0
        self.take(jobs)
        return bool(jobs) and places.free > 0

    def _elsewhere(self) -> list[str]:
        """The carriers that cannot send here now, though they may: they do not run here, are not ready, or are left
        out for a while.
        """
        carriers = self._gateway.directory.carriers.values()
        return [
            one.name
            for one in carriers
            if one.state == "active" and not one.draining and not self._is_ready(one.name)
        ]

    def _is_ready(self, name: str) -> bool:
        carrier = self._running.get(name)
        return carrier is not None and carrier.ready and not self._watch.refuses(name)

    # One job.

    async def _work(self, job: Job, born: Born | None) -> None:
        # One job must not end the dispatcher, and it ends itself, whatever it raises.
        about = {"action": str(job.kind), "job": safe(job.id), "message_id": safe(job.message)}
        try:
            if job.lease > LEASES:
                await self._failed.end(job, f"it was leased {LEASES} times")
            elif born is not None:
                await self._deliver(job, born.payload, born.start)
            else:
                await self._handlers[job.kind](job)
        except GivenUp as given_up:
            await self._failed.end(job, str(given_up), note=given_up.note)
        except (Refused, StorageError) as error:
            # Nothing could be written down, and neither can this be.
            detail = error.refusal.value if isinstance(error, Refused) else type(error).__name__
            log.warning("job not recorded, its lease will bring it back", extra={**about, "detail": detail})
        except Exception as error:  # noqa: BLE001
            log.error("job failed", extra={**about, "fault": describe_fault(error)})
            await self._failed.again(job, error)
