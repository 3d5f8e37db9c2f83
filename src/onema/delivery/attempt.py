"""One attempt to deliver a message: plan, start, send, record what became of it.

A lease without a started attempt is free to take. A started attempt whose process died is never sent again
blindly: it becomes unknown, unless its carrier is idempotent. A phone that rang for it never rings for it again. A
message whose carrier may send but does not run here is left to the processes that run it; when none of them takes it
for a while, another of its carriers may.
"""

import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from onema.channels.contract import Carrier, Outgoing
from onema.channels.own_codes import OwnCodes, VerifyingCarrier
from onema.delivery.calls_again import why_not_again
from onema.delivery.carrier_watch import CarrierWatch, Try
from onema.domain.codes.forwarded_check import ForwardChecks
from onema.domain.configuration import documents as doc
from onema.domain.configuration.registered import facts_of
from onema.domain.delivery.call import LATE_WORD_MS, CallState
from onema.domain.delivery.call_news import Tells
from onema.domain.delivery.endings import ended, may_be_tried_again
from onema.domain.delivery.fail_message import FailMessage
from onema.domain.delivery.leave_job import LeaveJob
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind, of_a_call, storable
from onema.domain.delivery.papers import papers_of
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload, open_payload
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.results import Results
from onema.domain.delivery.routing import (
    NOT_HERE,
    NOT_READY,
    SLOWED,
    Choice,
    Plan,
    Skipped,
    explain,
    plan_route,
    plan_to_try,
)
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.delivery.start_resend import StartResend
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring, Unsealable
from onema.domain.records import Attempt, Call, Channel, Job, JobKind
from onema.engine.gateway import Gateway
from onema.speech.spoken_texts import TooMany
from onema.storage.contract import Storage
from onema.telemetry.faults import describe_fault
from onema.telemetry.logs import attempt_id

log = logging.getLogger(__name__)

ATTEMPTS_PER_MESSAGE = 5
FIRST_RETRY_MS = 5_000
NOTHING_SENT = "no carrier takes this number"
READ_OUT_LATER_MS = 1_000
"""How long a call waits for its turn where many texts are being made into sound."""
NOT_READ_OUT = "its text cannot be made into sound"


class Found(NamedTuple):
    """The carrier that gets the attempt, why, and whom it comes after."""

    carrier: Carrier
    choice: Choice
    passed_over: tuple[Skipped, ...]


OnNamed = Callable[[str, tuple[str, ...], AccountId, MessageId, int], None]
"""Hears a carrier's name, the names that it gave, and whose they are: account, message, attempt."""

Prepare = Callable[[CallPayload], Coroutine[Any, Any, None]]
"""Makes sound of what a call reads out. Raises TooMany, and ValueError."""


async def nothing_to_prepare(call: CallPayload) -> None:
    """Where every call says what is sound already."""


Send = Callable[[Carrier, Outgoing], Coroutine[Any, Any, Outcome]]
"""Has a carrier send something, as Carrier.send does."""


async def send_by(carrier: Carrier, outgoing: Outgoing) -> Outcome:
    """Nothing besides."""
    return await carrier.send(outgoing)


class Wait(NamedTuple):
    """Nobody gets it now: it waits for `carriers`, or for `slowed`, which would take it in its turn."""

    carriers: tuple[str, ...]
    slowed: str = ""


class Attempts:
    """Handles the jobs that hand a message to a carrier."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        keyring: Keyring,
        carriers: Mapping[str, Carrier],
        watch: CarrierWatch,
        *,
        kinds: frozenset[JobKind] = frozenset(JobKind),
        lease_ms: int,
        receipt_lifetime_ms: int,
        on_shown: Callable[[], None] = lambda: None,
        on_named: OnNamed = lambda *named: None,
        tells: Tells | None = None,
        prepare: Prepare = nothing_to_prepare,
        results: Callable[[], Results | None] = lambda: None,
        send: Send = send_by,
    ) -> None:
        """Of jobs that are not of `kinds` nothing is sent: only what has expired is ended. `on_shown` hears that a
        simulated phone shows something new, `on_named` what names a carrier gave to an attempt. `tells` says what
        integrators are told of calls, `prepare` makes sound of what a call reads out; `results` says
        what carriers made of codes lately; `send` may do something around each sending.
        """
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self._carriers = carriers
        """Those that run here, by name; changes as they start and stop."""
        self._watch = watch
        self._kinds = kinds
        self._lease_ms = lease_ms
        """How long a job stays leased after its carrier must have answered."""
        self._receipt_lifetime_ms = receipt_lifetime_ms
        self._on_shown = on_shown
        self._on_named = on_named
        self._tells = tells
        self._prepare = prepare
        self._results = results
        self._send_by = send

    def first(self, job: Job, payload: Payload) -> StartAttempt | None:
        """What starts the attempt of a job that is being born, where a carrier takes it at once. Nothing is counted
        before the job comes: so a carrier that takes so many in a second, or one that is on probation, is left for
        then. A call whose text must be made into sound is, too.
        """
        if isinstance(payload, CallPayload) and payload.spoken_text:
            return None
        now = self._gateway.now()
        plan = self.plan(job, payload, given=_is_given(payload))
        found = self.running_here(plan, job)
        if isinstance(found, Wait) or now >= payload.valid_until or self._watch.counts(found.carrier.name):
            return None
        return self._start(job, payload, found, plan, now, self._lease_until(found.carrier, payload))

    async def __call__(
        self, job: Job, unsealed: Payload | None = None, start: StartAttempt | None = None
    ) -> None:
        """`unsealed` is what the job holds, where it was born in this process, `start` what has started its attempt."""
        if start is not None and unsealed is not None:
            await self._make_first(job, unsealed, start.carrier)
            return
        if job.in_flight:
            await self._take_over(job)
            return
        try:
            payload = unsealed or open_payload(job.payload, job.message, self._keyring)
        except Unsealable:
            await self._fail(job, "the server key cannot open the message")
            return
        now = self._gateway.now()
        plan = self.plan(job, payload, given=_is_given(payload)).from_turn(job.attempt)
        if not plan.choices:
            lacking = [f"{one.carrier}: {one.why}" for one in plan.skipped if one.unregistered]
            await self._fail(job, f"{NOTHING_SENT} ({', '.join(lacking)})" if lacking else NOTHING_SENT)
            return
        if now >= payload.valid_until:
            await self._fail(job, "the code expired before it could be sent")
            return
        found = self.running_here(plan, job)
        if isinstance(found, Wait):
            await self.leave(job, found)
            return
        if job.attempt and isinstance(payload, CallPayload):
            why_not = await why_not_again(self._gateway, self._storage, job, payload)
            if why_not:
                await self._fail(job, why_not)
                return
        if isinstance(payload, CallPayload) and not await self._can_be_heard(job, payload):
            return

        async def start_it(lease_until: int) -> StartAttempt:
            before = await self._attempt_before(job) if job.attempt else ""
            return self._start(job, payload, found, plan, now, lease_until, before)

        await self.start(job, payload, found, start_it)

    async def _can_be_heard(self, job: Job, payload: CallPayload) -> bool:
        """Whether what it says is sound by now. If not, the job comes later or its message has failed."""
        try:
            await self._prepare(payload)
        except TooMany:
            later = self._gateway.now() + READ_OUT_LATER_MS
            await self._gateway.execute(LeaveJob(job=job.id, lease=job.lease, due_at=later))
            return False
        except ValueError:
            # Its words might quote the text.
            await self._fail(job, NOT_READ_OUT)
            return False
        return True

    def _start(
        self,
        job: Job,
        payload: Payload,
        found: Found,
        plan: Plan,
        now: int,
        lease_until: int,
        before: str = "",
    ) -> StartAttempt:
        return StartAttempt(
            job=job.id,
            lease=job.lease,
            now=now,
            lease_until=lease_until,
            carrier=found.carrier.name,
            caller=payload.caller if isinstance(payload, CallPayload) else "",
            why=explain(found.choice, job.attempt, before, plan.skipped + found.passed_over),
        )

    def _lease_until(self, carrier: Carrier, payload: Payload) -> int:
        """When the carrier must have answered, and a while more."""
        return self._gateway.now() + int(carrier.answer_seconds(payload) * 1000) + self._lease_ms

    async def _make_first(self, job: Job, payload: Payload, name: str) -> None:
        """The attempt that started as its job was born."""
        carrier = self._carrier(name, job)
        if carrier is None:
            gone = ended(Ending.CARRIER_DOWN, detail="it does not run here any more")
            await self._record(job.account, job.message, job.attempt, gone, name)
            return
        facts = _facts(self._gateway.directory.carriers.get(name), payload)
        outgoing = Outgoing(job.account, job.message, job.attempt, payload, facts)
        await self._send(carrier, outgoing, self._watch.begin(name))

    def plan(self, job: Job, payload: Payload, *, given: bool) -> Plan:
        """The carriers that it may take, as things are; for one that tries a carrier, only that."""
        directory = self._gateway.directory
        if payload.via:
            return plan_to_try(directory, payload.via)
        if not isinstance(payload, SmsPayload):
            results = self._results()
            return plan_route(
                directory, Channel.CALL, payload.phone, job.message, given=given, results=results
            )
        account = directory.accounts.get(job.account)
        brandname = account.brandnames.get(payload.sender) if account else None
        papers = papers_of(directory, brandname, payload.facts, self._gateway.now())
        return plan_route(
            directory,
            Channel.SMS,
            payload.phone,
            job.message,
            given=given,
            papers=papers,
            results=self._results(),
        )

    async def leave(self, job: Job, wait: Wait) -> None:
        """Until somebody can take it, or its turn comes."""
        due_at = self._watch.put_off(wait.slowed) if wait.slowed else self._gateway.now()
        left = LeaveJob(job=job.id, lease=job.lease, due_at=due_at, carriers=wait.carriers)
        await self._gateway.execute(left)

    async def start(
        self,
        job: Job,
        payload: Payload,
        found: Found,
        command: Callable[[int], Coroutine[Any, Any, StartAttempt | StartResend]],
    ) -> None:
        """Start an attempt and make it. `command` is given until when its job is leased."""
        carrier = found.carrier
        # At once, so that no other job is given the same probe.
        began = self._watch.begin(carrier.name)
        number = 0
        try:
            number = await self._gateway.execute(await command(self._lease_until(carrier, payload)))
        finally:
            if not number:
                self._watch.end(began, None)
        if number:
            facts = _facts(found.choice.carrier, payload)
            outgoing = Outgoing(job.account, job.message, number, payload, facts)
            await self._send(carrier, outgoing, began)

    def running_here(self, plan: Plan, job: Job) -> Found | Wait:
        """The carrier whose turn it is, or the next one while that takes nothing. One that does not run here is passed
        over only when there were more leases than attempts: then the job was left for those that run it, and nobody
        took it.
        """
        passed_over: tuple[Skipped, ...] = ()
        slowed = ""
        for choice in plan.choices:
            name = choice.carrier.name
            carrier = self._carrier(name, job)
            if carrier is None and job.lease <= job.attempt + 1:
                return Wait((*(one.carrier for one in passed_over), name))
            why = self._refusal(name, carrier, job)
            if carrier is not None and not why:
                return Found(carrier, choice, passed_over)
            slowed = slowed or (name if why == SLOWED else "")
            passed_over += (Skipped(name, why),)
        # A turn will come by itself; of the others nobody knows.
        return Wait((), slowed) if slowed else Wait(tuple(one.carrier for one in passed_over))

    def _refusal(self, name: str, carrier: Carrier | None, job: Job) -> str:
        """Why the carrier takes nothing now; "" when it does."""
        if carrier is None:
            return NOT_HERE
        if not carrier.ready:
            return NOT_READY
        return self._watch.refuses(name, has_waited=job.lease > 1)

    async def _attempt_before(self, job: Job) -> str:
        """What became of the attempt before the next one, for people."""
        attempt = await self._newest(job)
        if attempt is None:
            return "work that failed"
        how = attempt.ending or attempt.state
        return f"attempt {attempt.number} via {attempt.carrier} failed ({how})"

    async def _has_rung(self, job: Job) -> bool:
        """Whether the phone rang for the newest attempt: it must not ring for that one again."""
        if job.kind != JobKind.CALL:
            return False
        key = (Call, job.account, job.message, job.attempt)
        call = (await self._storage.read([key])).get(key)
        return isinstance(call, Call) and call.state != CallState.CALLING

    async def _newest(self, job: Job) -> Attempt | None:
        key = (Attempt, job.account, job.message, job.attempt)
        attempt = (await self._storage.read([key])).get(key)
        return attempt if isinstance(attempt, Attempt) else None

    def _carrier(self, name: str, job: Job) -> Carrier | None:
        """The carrier, if it runs here and this process may hand it the job."""
        return self._carriers.get(name) if job.kind in self._kinds else None

    async def _send(self, carrier: Carrier, outgoing: Outgoing, began: Try) -> None:
        # Every job has a task, and so a context, of its own.
        attempt_id.set(f"{outgoing.message}-{outgoing.attempt}")
        became: Outcome | None = None
        try:
            became = outcome = await self._hand_over(carrier, outgoing)
        finally:
            self._watch.end(began, became)
        not_sent = outcome.kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
        if isinstance(carrier, OwnCodes) and outcome.references and not not_sent:
            await self._forward_checks(carrier.verifying, outgoing, outcome.references[0])
        if isinstance(outgoing.payload, CallPayload) and outcome.kind is not OutcomeKind.SUBMITTED:
            outcome = of_a_call(outcome)
        await self._record(outgoing.account, outgoing.message, outgoing.attempt, outcome, carrier.name)

    async def _hand_over(self, carrier: Carrier, outgoing: Outgoing) -> Outcome:
        """What the carrier says of it. Raises what an idempotent one raises."""
        try:
            outcome = await self._send_by(carrier, outgoing)
        except Exception as error:
            if carrier.idempotent and self._gateway.now() < outgoing.payload.valid_until:
                raise  # nothing is known, and nothing is lost by sending it again when the lease brings it back
            # A carrier that breaks its contract may have sent something. Its words may quote what it was to send.
            log.error(
                "carrier failed",
                extra={"action": "send", "carrier": carrier.name, "fault": describe_fault(error)},
            )
            outcome = Outcome(kind=OutcomeKind.UNKNOWN, reason="carrier fault", detail=type(error).__name__)
        return storable(outcome)

    async def _forward_checks(self, carrier: VerifyingCarrier, outgoing: Outgoing, reference: str) -> None:
        """What is typed from now on is for the carrier to judge; a code that nobody can type any more it may forget."""
        is_current = await self._gateway.execute(
            ForwardChecks(
                account=outgoing.account,
                now=self._gateway.now(),
                phone=outgoing.payload.phone,
                purpose=outgoing.payload.purpose,
                verification=outgoing.message,
                attempt=outgoing.attempt,
            )
        )
        if not is_current:
            await carrier.cancel_code(reference)

    async def _record(
        self, account: AccountId, message: MessageId, attempt: int, outcome: Outcome, carrier: str = ""
    ) -> None:
        if outcome.references:
            self._on_named(carrier, outcome.references, account, message, attempt)
        now = self._gateway.now()
        # What gave a call a name may tell of it later.
        is_call = outcome.call is not None and not outcome.references
        retry = may_be_tried_again(outcome) and attempt < ATTEMPTS_PER_MESSAGE
        await self._gateway.execute(
            RecordOutcome(
                id=self._gateway.next_id(),
                now=now,
                account=account,
                message=message,
                attempt=attempt,
                outcome=outcome,
                receipt_until=now + (LATE_WORD_MS if is_call else self._receipt_lifetime_ms),
                retry_at=now + (FIRST_RETRY_MS << (attempt - 1)) if retry else 0,
                carrier=carrier,
                news_id=self._gateway.next_id() if outcome.call is not None else 0,
                tells=self._tells,
            )
        )
        if outcome.shown:
            self._on_shown()

    async def _fail(self, job: Job, reason: str) -> None:
        """End a message that cannot be handed to anybody."""
        await self._gateway.execute(
            FailMessage(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                job=job.id,
                lease=job.lease,
                account=job.account,
                message=job.message,
                reason=reason,
            )
        )

    async def _take_over(self, job: Job) -> None:
        """A process died between starting an attempt and recording its outcome."""
        attempt = await self._newest(job)
        carrier = self._carrier(attempt.carrier, job) if attempt is not None else None
        if carrier is not None and carrier.idempotent and not await self._has_rung(job):
            with contextlib.suppress(Unsealable):
                payload = open_payload(job.payload, job.message, self._keyring)
                document = self._gateway.directory.carriers.get(carrier.name)
                facts = _facts(document, payload)
                outgoing = Outgoing(job.account, job.message, job.attempt, payload, facts)
                if isinstance(payload, CallPayload):
                    with contextlib.suppress(ValueError):
                        await self._prepare(payload)
                await self._send(carrier, outgoing, self._watch.begin(carrier.name))
                return
        outcome = Outcome(kind=OutcomeKind.UNKNOWN, reason="the sender died while sending")
        if job.kind == JobKind.CALL:
            outcome = of_a_call(outcome)
        await self._record(job.account, job.message, job.attempt, outcome)


def _is_given(payload: Payload) -> bool:
    """Whether it must be sent as it is. What has no purpose was given by whoever checks it."""
    return payload.given or not payload.purpose


def _facts(carrier: doc.Carrier | None, payload: Payload) -> dict[str, str]:
    about_it = payload.facts if isinstance(payload, SmsPayload) else {}
    return facts_of(carrier.registered, about_it) if carrier else about_it
