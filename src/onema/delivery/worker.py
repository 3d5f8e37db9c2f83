"""The delivery worker: lease, plan, start the attempt, send, record what became of it.

A lease without a started attempt is free to take. A started attempt whose worker died is never sent again
blindly: it becomes unknown, unless its carrier is idempotent. A message whose carrier may send but does not run here
is left to the processes that run it; when none of them takes it for a while, another of its carriers may.

Every process also looks at jobs of kinds that are not its own once nobody has come for them for long: it sends nothing,
but ends what has expired, so that no hold outlives the last process of a role.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from onema.channels.contract import Carrier, Outgoing
from onema.delivery.given_up import LEASES, RETRY_AFTER_SECONDS, TRIES, GivenUp
from onema.delivery.places import Places
from onema.domain.codes.place_call import VALID_MS
from onema.domain.configuration.documents import Carrier as CarrierDocument
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.leave_job import LeaveJob
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload, open_payload
from onema.domain.delivery.record_outcome import RecordOutcome, RecordReceipt, SettleMessage
from onema.domain.delivery.routing import plan_route
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.keyring import Keyring, Unsealable
from onema.domain.records import FAIRLY_SHARED, HANDING_OVER, Attempt, Channel, Job, JobKind
from onema.domain.refusals import Refused
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.storage.contract import Storage, StorageError
from onema.telemetry.faults import describe_fault
from onema.telemetry.logs import attempt_id
from onema.telemetry.redaction import safe

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
ATTEMPTS_PER_MESSAGE = 5
FIRST_RETRY_MS = 5_000
LEASE_BATCH = 100
UPKEEP_SHARE = 4
"""Callbacks and settlements each get so small a part of the places that SMS and calls each have."""
ENDED_BY_ANYBODY = HANDING_OVER | {JobKind.SETTLE}
"""The jobs whose messages have money held."""
OVERDUE_MS = VALID_MS
"""How long a job is due before a process looks at it whose kind it is not. No call can still be placed then; an SMS
may have longer, and is left.
"""
NOTHING_SENT = "no carrier takes this number"

JobHandler = Callable[[Job], Awaitable[None]]


class DeliveryWorker:
    """Takes jobs of some `kinds` from the committer and, for those that nobody took, from the store."""

    def __init__(
        self,
        gateway: Gateway,
        committer: Committer,
        storage: Storage,
        keyring: Keyring,
        carriers: Mapping[str, Carrier],
        callbacks: JobHandler,
        *,
        kinds: frozenset[JobKind] = frozenset(JobKind),
        concurrency: int,
        lease_ms: int,
        receipt_lifetime_ms: int,
        poll_seconds: float = POLL_SECONDS,
        on_dead: Callable[[str], None] = lambda kind: None,
    ) -> None:
        """`on_dead` is told the kind of each job that is given up."""
        self._gateway = gateway
        self._committer = committer
        self._storage = storage
        self._keyring = keyring
        self._carriers = carriers
        self._lease_ms = lease_ms
        self._receipt_lifetime_ms = receipt_lifetime_ms
        self._on_dead = on_dead
        self._handlers: dict[str, JobHandler] = {
            JobKind.DELIVER: self._deliver,
            JobKind.CALL: self._deliver,
            JobKind.SETTLE: self._settle,
            JobKind.CALLBACK: callbacks,
        }
        self._kinds = kinds
        upkeep = max(1, concurrency // UPKEEP_SHARE)
        self._places: dict[str, Places] = {
            kind: Places(
                concurrency if kind in kinds & HANDING_OVER else upkeep, fairly=kind in FAIRLY_SHARED
            )
            for kind in kinds | ENDED_BY_ANYBODY
        }
        self._stopping = False
        # The store may be away for a while; the next round tries again.
        self._polling = Loop("delivery-poll", self._poll, every_seconds=poll_seconds, expected=StorageError)

    # The committer's dispatcher.

    def room(self, kind: str) -> int:
        if kind not in self._kinds or self._stopping:
            return 0
        places = self._places[kind]
        places.crowded |= places.free <= 0
        return places.free

    def grants(self, kind: str, account: int, free: int, promised: int) -> bool:
        places = self._places[kind]
        granted = places.grants(account, free, promised)
        places.crowded |= not granted
        return granted

    def take(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            task = asyncio.create_task(self._work(job))
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

    async def _poll(self) -> None:
        """Find jobs whose time has come: retries, settlements, and those of workers that died."""
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
        """The carriers that do not run here now, though they may send."""
        carriers = self._gateway.directory.carriers.values()
        return [one.name for one in carriers if one.state == "active" and one.name not in self._carriers]

    async def _work(self, job: Job) -> None:
        # One job must not end the worker, and it ends itself, whatever it raises.
        about = {"action": str(job.kind), "job": safe(job.id), "message_id": safe(job.message)}
        try:
            if job.lease > LEASES:
                await self._end(job, f"it was leased {LEASES} times")
            else:
                await self._handlers[job.kind](job)
        except GivenUp as given_up:
            await self._end(job, str(given_up))
        except (Refused, StorageError) as error:
            # Nothing could be written down, and neither can this be.
            detail = error.refusal.value if isinstance(error, Refused) else type(error).__name__
            log.warning("job not recorded, its lease will bring it back", extra={**about, "detail": detail})
        except Exception as error:  # noqa: BLE001
            log.error("job failed", extra={**about, "fault": describe_fault(error)})
            await self._failed(job, type(error).__name__)

    async def _failed(self, job: Job, fault: str) -> None:
        """Tell the message's story, and try the job again after a pause that grows, or not at all."""
        tries = job.attempt + 1
        if tries >= TRIES and not job.in_flight:
            await self._end(job, f"it failed ({fault})")
            return
        pause = RETRY_AFTER_SECONDS[min(tries, len(RETRY_AFTER_SECONDS)) - 1]
        await self._told(
            FinishJob(
                job=job.id,
                lease=job.lease,
                id=self._gateway.next_id(),
                note=f"it failed ({fault}); will try again",
                retry_at=self._gateway.now() + pause * 1000,
            )
        )

    async def _end(self, job: Job, reason: str) -> None:
        """Give the job up, with its message's true end; where even that fails, the job alone."""
        for bury_only in (False, True):
            now = self._gateway.now()
            ended = await self._told(
                EndJob(
                    job=job.id,
                    lease=job.lease,
                    id=self._gateway.next_id(),
                    now=now,
                    account=job.account,
                    message=job.message,
                    attempt=job.attempt,
                    reason=reason,
                    receipt_until=now + self._receipt_lifetime_ms,
                    bury_only=bury_only,
                )
            )
            if ended:
                log.warning(
                    "job given up",
                    extra={
                        "action": str(job.kind),
                        "job": safe(job.id),
                        "message_id": safe(job.message),
                        "reason": reason,
                        "message_ended": not bury_only,
                    },
                )
                self._on_dead(job.kind)
            if ended is not None:
                return

    async def _told(self, command: FinishJob | EndJob) -> bool | None:
        """The command's result; None when it cannot be decided. Without a store the lease will bring the job back."""
        try:
            result: bool = await self._gateway.execute(command)
        except Refused:
            return False
        except Exception:  # noqa: BLE001  # the committer has logged it
            return None
        return result

    # Delivering.

    async def _deliver(self, job: Job) -> None:
        if job.in_flight:
            await self._take_over(job)
            return
        try:
            payload = open_payload(job.payload, job.id, self._keyring)
        except Unsealable:
            await self._give_up(job, "the server key cannot open the message")
            return
        plan = self._plan(job, payload)
        if not plan:
            await self._give_up(job, NOTHING_SENT)
            return
        now = self._gateway.now()
        if now >= payload.valid_until:
            await self._give_up(job, "the code expired before it could be sent")
            return
        carrier = self._running_here(plan, job)
        if carrier is None:
            await self._gateway.execute(LeaveJob(job=job.id, lease=job.lease, now=now, carrier=plan[0].name))
            return
        number = await self._gateway.execute(
            StartAttempt(
                job=job.id,
                lease=job.lease,
                now=now,
                lease_until=now + int(carrier.answer_seconds(payload) * 1000) + self._lease_ms,
                carrier=carrier.name,
                caller=payload.caller if isinstance(payload, CallPayload) else "",
            )
        )
        if number:
            await self._send(carrier, Outgoing(job.account, job.message, number, payload), job)

    def _plan(self, job: Job, payload: Payload) -> Sequence[CarrierDocument]:
        """The carriers of the next attempt, best first: each has its turn, then they begin from the front again."""
        channel = Channel.SMS if isinstance(payload, SmsPayload) else Channel.CALL
        plan = plan_route(self._gateway.directory, channel, payload.phone)
        turn = job.attempt % len(plan) if plan else 0
        return plan[turn:] + plan[:turn]

    def _running_here(self, plan: Sequence[CarrierDocument], job: Job) -> Carrier | None:
        """The carrier whose turn it is. One of the others only when there were more leases than attempts: then the
        job was left for those that run the first, and nobody took it.
        """
        may_be = plan if job.lease > job.attempt + 1 else plan[:1]
        running = (self._carrier(carrier.name, job) for carrier in may_be)
        return next((carrier for carrier in running if carrier is not None), None)

    def _carrier(self, name: str, job: Job) -> Carrier | None:
        """The carrier, if it runs here and this process may hand it the job."""
        return self._carriers.get(name) if job.kind in self._kinds else None

    async def _send(self, carrier: Carrier, outgoing: Outgoing, job: Job) -> None:
        # Every job has a task, and so a context, of its own.
        attempt_id.set(f"{outgoing.message}-{outgoing.attempt}")
        try:
            outcome = await carrier.send(outgoing)
        except Exception as error:
            if carrier.idempotent and self._gateway.now() < outgoing.payload.valid_until:
                raise  # nothing is known, and nothing is lost by sending it again when the lease brings it back
            # A carrier that breaks its contract may have sent something. Its words may quote what it was to send.
            log.error(
                "carrier failed",
                extra={"action": "send", "carrier": carrier.name, "fault": describe_fault(error)},
            )
            outcome = Outcome(kind=OutcomeKind.UNKNOWN, reason="carrier fault", detail=type(error).__name__)
        await self._record(outgoing.account, outgoing.message, outgoing.attempt, outcome)

    async def _record(self, account: int, message: int, attempt: int, outcome: Outcome) -> None:
        now = self._gateway.now()
        retry = outcome.kind is OutcomeKind.TEMPORARY and attempt < ATTEMPTS_PER_MESSAGE
        await self._gateway.execute(
            RecordOutcome(
                id=self._gateway.next_id(),
                now=now,
                account=account,
                message=message,
                attempt=attempt,
                outcome=outcome,
                receipt_until=now + self._receipt_lifetime_ms,
                retry_at=now + (FIRST_RETRY_MS << (attempt - 1)) if retry else 0,
            )
        )

    async def _give_up(self, job: Job, reason: str) -> None:
        """End a message that cannot be handed to anybody, with an attempt that says why."""
        now = self._gateway.now()
        number = await self._gateway.execute(
            StartAttempt(job=job.id, lease=job.lease, now=now, lease_until=now + self._lease_ms, carrier="")
        )
        if number:
            outcome = Outcome(kind=OutcomeKind.PERMANENT, reason=reason)
            await self._record(job.account, job.message, number, outcome)

    async def _take_over(self, job: Job) -> None:
        """A worker died between starting an attempt and recording its outcome."""
        key = (Attempt, job.account, job.message, job.attempt)
        attempt = (await self._storage.read([key])).get(key)
        if isinstance(attempt, Attempt) and not attempt.carrier:
            outcome = Outcome(kind=OutcomeKind.PERMANENT, reason="it was given up before anything was sent")
            await self._record(job.account, job.message, job.attempt, outcome)
            return
        carrier = self._carrier(attempt.carrier, job) if isinstance(attempt, Attempt) else None
        if carrier is not None and carrier.idempotent:
            with contextlib.suppress(Unsealable):
                payload = open_payload(job.payload, job.id, self._keyring)
                await self._send(carrier, Outgoing(job.account, job.message, job.attempt, payload), job)
                return
        outcome = Outcome(kind=OutcomeKind.UNKNOWN, reason="the sender died while sending")
        await self._record(job.account, job.message, job.attempt, outcome)

    async def _settle(self, job: Job) -> None:
        await self._gateway.execute(
            SettleMessage(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                account=job.account,
                message=job.message,
                lease=job.lease,
            )
        )


class Receipts:
    """Where carriers report what became of an attempt later; returns once that is durable."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, outgoing: Outgoing, outcome: Outcome) -> None:
        await self._gateway.execute(
            RecordReceipt(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                account=outgoing.account,
                message=outgoing.message,
                attempt=outgoing.attempt,
                outcome=outcome,
            )
        )
