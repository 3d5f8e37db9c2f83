"""Nothing was heard of a code: send it once more by another carrier, if it is still of use and is paid for."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.silence import WITHOUT_CHECK, no_more, watch_of
from onema.domain.ids import AccountId, MessageId
from onema.domain.money import low_balance, wallet
from onema.domain.records import (
    Attempt,
    AttemptState,
    EntryKind,
    Event,
    Job,
    Key,
    LiveVerification,
    Message,
    MessageState,
    Wallet,
)
from onema.domain.refusals import Refused
from onema.domain.state_machines import ATTEMPT, JOB, LEDGER, MESSAGE, NEW, JobState, job_state
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone


class StartResend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Start the next attempt of a leased job that watches a message, and take its price; or, without a `carrier` (`why`
    says why there is none), or when its code was used or is worth nothing any more, when the account allows or can pay
    no more, send nothing again and wait for receipts alone.

    Result: the attempt's number, or 0; then nothing may be sent.
    """

    id: int
    now: int
    job: int
    lease: int
    account: AccountId
    message: MessageId
    phone: Phone
    purpose: str
    lease_until: int = 0
    carrier: str = ""
    why: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (Wallet, self.account),
            *low_balance.keys(context.directory.accounts[self.account]),
            (LiveVerification, self.account, self.phone, self.purpose),
            (Message, self.account, self.message),
            (Job, self.job),
        )

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease or job_state(job) is not JobState.WATCHED:
            return Decision(0)
        message = world.get(Message, self.account, self.message)
        if message is None or self._was_heard_of(message, job):
            JOB.move(job_state(job), JobState.DONE, self)
            return Decision(0, deletes=(job.key,))
        if why := self._why_not(world, context, message):
            return self._ended(message, job, why)
        account = context.directory.accounts[self.account]
        number = job.attempt + 1
        try:
            balance, entry = wallet.pay_resend(world, account, message.id, number, message.price, self.now)
        except Refused as refused:
            return self._ended(message, job, refused.refusal.value)
        LEDGER.move(NEW, EntryKind.RESEND, self)
        JOB.move(job_state(job), JobState.IN_FLIGHT, self)
        attempt = Attempt(
            account=self.account,
            message=message.id,
            number=number,
            carrier=self.carrier,
            caller="",
            state=ATTEMPT.move(NEW, AttemptState.STARTED, self),
            carrier_reference="",
            detail="",
            started_at=self.now,
            ended_at=0,
            why=self.why,
            paid=message.price,
        )
        again = msgspec.structs.replace(
            message, resends=message.resends + 1, charged=Minor(message.charged + message.price)
        )
        started = msgspec.structs.replace(
            job, due_at=self.lease_until, attempt=number, in_flight=True, carrier=""
        )
        low = low_balance.noticed(world, account, balance.balance, message.id, self.now)
        return Decision(number, puts=(balance, again, started, *low), inserts=(attempt, entry))

    def _was_heard_of(self, message: Message, job: Job) -> bool:
        """Its receipt came meanwhile, and that was all that was waited for."""
        if MessageState(message.state) not in MESSAGE.final:
            return False
        watch = watch_of(job)
        return message.state != MessageState.DELIVERED or watch is None or watch.without != WITHOUT_CHECK

    def _why_not(self, world: World, context: Context, message: Message) -> str:
        if not self.carrier:
            return self.why
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        if live is None or live.verification != message.verification:
            return "its code is not waited for any more"
        if not live.attempts_left or self.now >= live.expires_at:
            return "its code is not waited for any more"
        if message.resends >= context.directory.accounts[self.account].document.resends:
            return "the account pays for no more"
        return ""

    def _ended(self, message: Message, job: Job, why: str) -> Decision:
        event = Event(self.account, message.id, self.id, "not sent again", why)
        watch = watch_of(job)
        if MessageState(message.state) in MESSAGE.final or watch is None:
            JOB.move(job_state(job), JobState.DONE, self)
            return Decision(0, inserts=(event,), deletes=(job.key,))
        JOB.move(job_state(job), JobState.AWAITING_RECEIPT, self)
        return Decision(0, puts=(no_more(job, watch),), inserts=(event,))
