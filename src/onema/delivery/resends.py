"""Handles the jobs of messages that are watched: nothing was heard of one in time, so that it may be sent once more."""

from collections.abc import Sequence

import msgspec

from onema.delivery.attempt import Attempts, Wait
from onema.domain.delivery.payload import Payload, open_payload
from onema.domain.delivery.routing import Plan, explain
from onema.domain.delivery.silence import watch_of
from onema.domain.delivery.start_resend import StartResend
from onema.domain.keyring import Keyring, Unsealable
from onema.domain.records import Attempt, Job, JobKind
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

NOBODY_ELSE = "no other carrier takes this number"


class Resends:
    """Sends by the next carrier that the message was not sent by; whether it may is decided in StartResend."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        keyring: Keyring,
        attempts: Attempts,
        *,
        kinds: frozenset[JobKind],
    ) -> None:
        """Where RESEND is not one of `kinds` nothing is sent; what nobody looks after is ended."""
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self._attempts = attempts
        self._kinds = kinds

    async def __call__(self, job: Job) -> None:
        if job.in_flight:
            await self._attempts(job)
            return
        try:
            payload = open_payload(job.payload, job.message, self._keyring)
        except Unsealable:
            await self._gateway.execute(self._no_more(job, "the server key cannot open the message"))
            return
        earlier = await self._earlier(job)
        plan = self._others(payload, job, {attempt.carrier for attempt in earlier})
        if not plan.choices or JobKind.RESEND not in self._kinds:
            await self._gateway.execute(self._no_more(job, NOBODY_ELSE))
            return
        if self._gateway.now() >= payload.valid_until:
            await self._gateway.execute(self._no_more(job, "its code expired"))
            return
        found = self._attempts.running_here(plan, job)
        if isinstance(found, Wait):
            await self._attempts.leave(job, found)
            return
        why = (
            f"{self._silence(job, earlier)}; {explain(found.choice, 0, '', plan.skipped + found.passed_over)}"
        )

        async def start(lease_until: int) -> StartResend:
            return msgspec.structs.replace(
                self._no_more(job, why),
                phone=payload.phone,
                purpose=payload.purpose,
                lease_until=lease_until,
                carrier=found.carrier.name,
            )

        await self._attempts.start(job, payload, found, start)

    def _no_more(self, job: Job, why: str) -> StartResend:
        """Without a carrier."""
        return StartResend(
            id=self._gateway.next_id(),
            now=self._gateway.now(),
            job=job.id,
            lease=job.lease,
            account=job.account,
            message=job.message,
            phone=Phone(""),
            purpose="",
            why=why,
        )

    async def _earlier(self, job: Job) -> list[Attempt]:
        keys = [(Attempt, job.account, job.message, number) for number in range(1, job.attempt + 1)]
        rows = await self._storage.read(keys)
        return [row for key in keys if isinstance(row := rows.get(key), Attempt)]

    def _others(self, payload: Payload, job: Job, tried: set[str]) -> Plan:
        """The carriers that it was not handed to. A code that a carrier makes would be another one."""
        plan = self._attempts.plan(job, payload, given=True)
        others = tuple(choice for choice in plan.choices if choice.carrier.name not in tried)
        return Plan(others, tuple(one for one in plan.skipped if one.carrier not in tried))

    def _silence(self, job: Job, earlier: Sequence[Attempt]) -> str:
        """What was not heard, for people."""
        watch = watch_of(job)
        without = watch.without if watch else ""
        if not earlier:
            return f"sent again without a {without}"
        waited = max(0, self._gateway.now() - earlier[-1].started_at) // 1000
        return f"sent again: no {without} within {waited} s via {earlier[-1].carrier}"
