"""What carriers report later, and what is settled when they never do."""

from onema.channels.contract import Outgoing
from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.record_outcome import RecordReceipt, SettleMessage
from onema.domain.records import Job
from onema.engine.gateway import Gateway


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


class Settlements:
    """Handles the jobs of messages whose receipt is not waited for any more."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, job: Job) -> None:
        await self._gateway.execute(
            SettleMessage(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                account=job.account,
                message=job.message,
                lease=job.lease,
            )
        )
