"""Two processes that go on with one code's plan at once send one message, over both stores."""

import asyncio
from typing import Any

import pytest

from onema.delivery.next_channels import NextChannels
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.channel_plan import HowToSend, Step, progress_of
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_more import NewMessage, SendMore
from onema.domain.codes.start_verification import PLAN_ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import PURPOSE
from onema.domain.delivery.payload import SmsPayload, open_payload
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import Channel, Job, JobKind, LiveVerification, Message
from onema.domain.refusals import Refused
from onema.domain.values.phone import Phone

from .receiving_node import ACCOUNT, PRICE, ReceivingNode
from .test_receipts import StartNode, open_store, start_node

__all__ = ["open_store", "start_node"]

PHONE = Phone("+84901888484")
THREE_SMS = (Step(Channel.SMS), Step(Channel.SMS, 30_000), Step(Channel.SMS, 30_000))


async def begin(node: ReceivingNode) -> int:
    """A code whose plan has three SMS."""
    gateway = node.gateway
    how = HowToSend(
        steps=THREE_SMS,
        dialect="native",
        home_country="VN",
        client_ip="203.0.113.7",
        application="",
        reference="",
        category=PURPOSE,
        brandname="Acme",
        text="{OTP} is your code",
        job=gateway.next_id(),
    )
    new = NewMessage(
        account=ACCOUNT,
        id=MessageId(gateway.next_id()),
        now=gateway.now(),
        entropy=gateway.token(PLAN_ENTROPY_BYTES),
        phone=PHONE,
    )
    await gateway.execute(new.by(Channel.SMS, how, NewCode("0123456789", 6, 300_000, how=how)))
    return new.id


async def live(node: ReceivingNode) -> LiveVerification | None:
    key = (LiveVerification, ACCOUNT, PHONE, PURPOSE)
    row = (await node.storage.read([key])).get(key)
    return row if isinstance(row, LiveVerification) else None


async def messages(node: ReceivingNode) -> list[Message]:
    return sorted(await node.storage.read_messages(ACCOUNT, 2**63 - 1, 100), key=lambda one: one.id)


async def asking(node: ReceivingNode, verification: int, *, by_next: bool) -> SendMore:
    """What one client asks for that wants more, as things are now."""
    row = await live(node)
    progress = progress_of(row)
    assert row is not None
    assert progress is not None
    return SendMore(
        account=ACCOUNT,
        id=MessageId(node.gateway.next_id()),
        now=node.gateway.now(),
        entropy=node.gateway.token(NONCE_BYTES),
        phone=PHONE,
        purpose=PURPOSE,
        verification=verification,
        plan=row.plan,
        next=by_next,
        step=progress.step + by_next,
    )


async def answered(node: ReceivingNode, command: SendMore) -> Any:
    """The refusal where it is refused."""
    try:
        return await node.gateway.execute(command)
    except Refused as refused:
        return refused.refusal


async def code_in(node: ReceivingNode, message: int) -> str:
    job = (await node.storage.read([(Job, message)]))[Job, message]
    assert isinstance(job, Job)
    payload = open_payload(job.payload, MessageId(message), Keyring(b"k" * 32))
    assert isinstance(payload, SmsPayload)
    return payload.text[:6]


async def test_one_due_job_sends_once_whoever_has_it(start_node: StartNode) -> None:
    """Twice at each of two processes, one of which was taken for dead; the books are right."""
    one, two = await start_node(), await start_node()
    verification = await begin(one)
    await two.committer.refresh_directory()
    one.clock.advance(30)
    now = one.clock.now()
    (slow,) = await one.storage.lease_jobs(now, now, 10, {JobKind.NEXT_CHANNEL})
    (quick,) = await two.storage.lease_jobs(now, now + 30_000, 10, {JobKind.NEXT_CHANNEL})
    handlers = [(NextChannels(node.gateway, node.storage), job) for node, job in ((one, slow), (two, quick))]
    await asyncio.gather(*(handler(job) for handler, job in handlers * 2))
    sent = await messages(one)
    assert [one.verification for one in sent] == [verification] * 2
    assert len({await code_in(one, message.id) for message in sent}) == 1
    assert await one.storage.ledger_sum(ACCOUNT) == -2 * PRICE
    (job,) = (await one.storage.read([(Job, quick.id)])).values()
    assert isinstance(job, Job)
    assert job.due_at == now + 30_000


@pytest.mark.parametrize("by_next", [True, False])
async def test_clients_that_ask_at_once_get_one_more(start_node: StartNode, by_next: bool) -> None:
    """At two processes, while the plan's job goes on: one of all of them sends."""
    one, two = await start_node(), await start_node()
    verification = await begin(one)
    await two.committer.refresh_directory()
    one.clock.advance(30)
    now = one.clock.now()
    (job,) = await one.storage.lease_jobs(now, now + 30_000, 10, {JobKind.NEXT_CHANNEL})
    handler = NextChannels(two.gateway, two.storage)
    asked = [(node, await asking(node, verification, by_next=by_next)) for node in (one, two, one, two)]
    found = await asyncio.gather(*(answered(*one) for one in asked), handler(job))
    assert sum(isinstance(one, Accepted) for one in found) <= 1
    sent = await messages(one)
    assert len(sent) == 2
    assert await one.storage.ledger_sum(ACCOUNT) == -2 * PRICE
    progress = progress_of(await live(one))
    assert progress is not None
    assert (progress.messages, progress.message) == (2, sent[-1].id)


async def test_a_right_check_and_the_next_channel_come_at_once(start_node: StartNode) -> None:
    """The code is right once, and what was sent for it is one message or two, which are paid for."""
    one, two = await start_node(), await start_node()
    await begin(one)
    await two.committer.refresh_directory()
    (first,) = await messages(one)
    code = await code_in(one, first.id)
    one.clock.advance(30)
    now = one.clock.now()
    (job,) = await one.storage.lease_jobs(now, now + 30_000, 10, {JobKind.NEXT_CHANNEL})
    checks = [
        node.gateway.execute(
            CheckCode(account=ACCOUNT, id=node.gateway.next_id(), now=now, phone=PHONE, code=code)
        )
        for node in (one, two, one)
    ]
    found = await asyncio.gather(*checks, NextChannels(two.gateway, two.storage)(job))
    assert sorted(check.value for check in found[:3]) == sorted(
        [Check.RIGHT.value, Check.NOTHING_TO_CHECK.value, Check.NOTHING_TO_CHECK.value]
    )
    assert await live(one) is None
    assert await one.storage.ledger_sum(ACCOUNT) == -len(await messages(one)) * PRICE
    one.clock.advance(60)
    now = one.clock.now()
    for due in await one.storage.lease_jobs(now, now + 30_000, 10, {JobKind.NEXT_CHANNEL}):
        await NextChannels(one.gateway, one.storage)(due)
    assert len(await messages(one)) <= 2
    assert await one.storage.read([(Job, job.id)]) == {}
