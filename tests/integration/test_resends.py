"""What is kept of a code that was sent again is the same over both stores, whichever process does the next step."""

import asyncio

import msgspec

from onema.domain.codes.verification import PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.record_receipt import ReceiptResult
from onema.domain.delivery.start_resend import StartResend
from onema.domain.ids import MessageId
from onema.domain.records import Job, JobKind
from onema.domain.values.phone import Phone

from .receiving_node import ACCOUNT, CARRIER, LIFETIME_MS, PRICE, ReceivingNode
from .test_receipts import StartNode, open_store, start_node

__all__ = ["open_store", "start_node"]

DELIVERED = OutcomeKind.DELIVERED


async def plan_for_silence(node: ReceivingNode) -> None:
    """Send again 30 s without a receipt."""
    account = node.gateway.directory.accounts[ACCOUNT].document
    documents = (
        msgspec.structs.replace(account, resends=1),
        doc.Carrier(name=CARRIER, type="test"),
        doc.Carrier(name="other", type="test"),
        doc.Route(channel="sms", carrier=CARRIER, resend_after=30),
        doc.Route(channel="sms", carrier="other", priority=1),
    )
    await node.gateway.execute(Configure(entropy=bytes(32), documents=documents))


async def send_again(node: ReceivingNode, job: Job) -> int:
    number: int = await node.gateway.execute(
        StartResend(
            id=node.gateway.next_id(),
            now=node.clock.now(),
            job=job.id,
            lease=job.lease,
            account=ACCOUNT,
            message=job.message,
            phone=Phone("+84901888484"),
            purpose=PURPOSE,
            lease_until=node.clock.now() + 30_000,
            carrier="other",
            why="nothing was heard",
        )
    )
    return number


async def test_another_process_sends_it_again_and_receipts_of_both_come_to_any(start_node: StartNode) -> None:
    """At once, on two processes, and twice: the books are right, and both attempts have their ends."""
    one, two = await start_node(), await start_node()
    await plan_for_silence(one)
    await two.committer.refresh_directory()
    message = await one.submit("ref-1")
    assert await two.storage.lease_jobs(one.clock.now(), one.clock.now() + 1, 10, {JobKind.RESEND}) == []
    one.clock.advance(31)
    now = one.clock.now()
    (job,) = await two.storage.lease_jobs(now, now + 60_000, 10, {JobKind.RESEND})
    assert job.payload
    assert await send_again(two, job) == 2
    assert await send_again(one, job) == 0, "the attempt has begun, whoever asks"
    await two.gateway.execute(
        RecordOutcome(
            id=two.gateway.next_id(),
            now=now,
            account=ACCOUNT,
            message=MessageId(message),
            attempt=2,
            outcome=Outcome(kind=OutcomeKind.SUBMITTED, references=("ref-2",)),
            receipt_until=now + LIFETIME_MS,
            carrier="other",
        )
    )
    (waiting,) = (await one.storage.read([(Job, message)])).values()
    assert isinstance(waiting, Job)
    assert (waiting.kind, waiting.payload) == (JobKind.SETTLE, b"")
    await asyncio.gather(
        *(node.hear("ref-1", DELIVERED) for node in (one, two)),
        *(node.hear("ref-2", DELIVERED, carrier="other") for node in (one, two)),
    )
    assert sorted(one.results + two.results) == sorted(
        [ReceiptResult.COUNTED, ReceiptResult.NOTED, ReceiptResult.REPEATED, ReceiptResult.REPEATED]
    )
    story = await one.story(message)
    assert (story.message.state, story.message.charged, story.message.resends) == ("delivered", 2 * PRICE, 1)
    assert [(one.state, one.paid) for one in story.attempts] == [("delivered", 0), ("delivered", PRICE)]
    assert {entry.kind for entry in story.ledger} == {"hold", "capture", "resend 2"}
    assert await one.storage.ledger_sum(ACCOUNT) == -2 * PRICE
    assert await one.storage.read([(Job, message)]) == {}
