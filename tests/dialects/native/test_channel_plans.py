"""A code goes out by one channel after the other: `channels`, `next` and `resend` of docs/api.md."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from onema.delivery.next_channels import NextChannels
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import MessageId
from onema.domain.records import JobKind
from onema.domain.values.money import parse_amount
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import DOCUMENTS, VERIFICATIONS, create, get, post
from .test_verifications import VOICE, ask, check, code_of, named, sent_by_another_dialect

SMS_THEN_CALL = [{"channel": "sms"}, {"channel": "call", "after": 30}]
SMS_PRICE, CALL_PRICE = 850, 400


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS, *VOICE)
    return NativeApi(core.gateway, core.reads)


async def begin(api: NativeApi, **members: Any) -> str:
    """With the plan, if no other one is asked for."""
    asked = {"channels": SMS_THEN_CALL, "application": "codes"} | members
    return str((await ask(api, create(asked), 201))["id"])


async def shown(api: NativeApi, verification: str) -> dict[str, Any]:
    return await ask(api, get(f"{VERIFICATIONS}/{verification}"))


def more(verification: str, how: str) -> Request:
    return post(f"{VERIFICATIONS}/{verification}/{how}")


async def due_jobs_done(core: RunningCore) -> int:
    """Those that take plans on, as a process that delivers does; how many there were."""
    now = core.clock.now()
    jobs = await core.storage.lease_jobs(now, now + 30_000, 10, {JobKind.NEXT_CHANNEL})
    for job in jobs:
        await NextChannels(core.gateway, core.storage)(job)
    return len(jobs)


async def deliver(core: RunningCore, message: str) -> None:
    """As a carrier does that says at once that the phone has it."""
    job = await core.job(int(message))
    now = core.clock.now()
    await core.gateway.execute(
        StartAttempt(job=job.id, lease=job.lease, now=now, lease_until=now + 30_000, carrier="demo")
    )
    outcome = RecordOutcome(
        id=core.gateway.next_id(),
        now=now,
        account=job.account,
        message=MessageId(int(message)),
        attempt=1,
        outcome=Outcome(kind=OutcomeKind.DELIVERED),
        receipt_until=now + 60_000,
        carrier="demo",
    )
    assert await core.gateway.execute(outcome)


async def test_a_call_follows_an_sms_that_nobody_heard_of(api: NativeApi, core: RunningCore) -> None:
    """30 s later, not before, with the same code; both are paid for, and both are told."""
    verification = await begin(api)
    begun = await shown(api, verification)
    assert (begun["channel"], len(begun["messages"])) == ("sms", 1)
    assert begun["next_channel_at"] is not None
    core.clock.advance(29)
    assert await due_jobs_done(core) == 0
    core.clock.advance(1)
    assert await due_jobs_done(core) == 1
    told = await shown(api, verification)
    sms, call = told["messages"]
    assert (sms["channel"], call["channel"], told["next_channel_at"]) == ("sms", "call", None)
    assert (sms["id"], told["delivery"]["status"]) == (verification, "accepted")
    assert told["cost"]["held"] == str(SMS_PRICE + CALL_PRICE)
    assert await core.balance("shop") == parse_amount(f"-{SMS_PRICE + CALL_PRICE}")
    spoken = (await core.queued_call(int(call["id"]))).code
    assert spoken == await code_of(core, verification)
    lines = [(line["event"], line["message"]) for line in told["timeline"]]
    assert lines.index(("next channel", sms["id"])) > lines.index(("hold", sms["id"]))
    assert ("requested", call["id"]) in lines
    assert (await ask(api, check(verification, spoken)))["valid"] is True
    assert await due_jobs_done(core) == 0


@pytest.mark.parametrize("how", ["check", "cancel", "expiry", "receipt", "newer"])
async def test_a_plan_stops(api: NativeApi, core: RunningCore, how: str) -> None:
    """When the code was right, cancelled, expired or superseded, and when its message arrived."""
    verification = await begin(api, ttl=60)
    match how:
        case "check":
            await ask(api, check(verification, await code_of(core, verification)))
        case "cancel":
            await ask(api, post(f"{VERIFICATIONS}/{verification}/cancel"))
        case "expiry":
            core.clock.advance(60)
        case "receipt":
            await deliver(core, verification)
        case "newer":
            await begin(api, channels=[{"channel": "sms"}], reference="newer")
    core.clock.advance(30)
    assert await due_jobs_done(core) == 1
    assert len((await shown(api, verification))["messages"]) == 1
    core.clock.advance(60)
    assert await due_jobs_done(core) == 0


async def test_the_next_channel_can_be_had_now(api: NativeApi, core: RunningCore) -> None:
    """Then the plan waits from now on; after the last channel there is none, and nothing is sent by itself."""
    plan = [*SMS_THEN_CALL, {"channel": "sms", "after": 40, "without": "check"}]
    verification = await begin(api, channels=plan)
    core.clock.advance(10)
    sent = await ask(api, more(verification, "next"), 201)
    assert (sent["id"], sent["message"]["channel"]) == (verification, "call")
    core.clock.advance(30)
    assert await due_jobs_done(core) == 0, "it waits for 40 s after the call"
    await ask(api, more(verification, "next"), 201)
    found = await ask(api, more(verification, "next"), 422)
    assert found["type"] == "urn:onema:problem:no_next_channel"
    core.clock.advance(60)
    await due_jobs_done(core)
    told = await shown(api, verification)
    assert [one["channel"] for one in told["messages"]] == ["sms", "call", "sms"]


async def test_the_same_channel_sends_again_after_a_pause(api: NativeApi, core: RunningCore) -> None:
    """Before that it is a 429, which says how long to wait; any message's id stands for the verification."""
    verification = await begin(api, channels=[{"channel": "sms"}])
    core.clock.advance(10)
    response = await api.answer(more(verification, "resend"))
    assert (response.status, response.headers) == (429, ((b"retry-after", b"20"),))
    core.clock.advance(20)
    again = await ask(api, more(verification, "resend"), 201)
    message = again["message"]["id"]
    assert await code_of(core, message) == await code_of(core, verification)
    told = await shown(api, message)
    assert (told["id"], [one["id"] for one in told["messages"]]) == (verification, [verification, message])
    assert (await ask(api, check(message, await code_of(core, message))))["id"] == verification


async def test_a_plain_channel_is_a_plan_of_one(api: NativeApi, core: RunningCore) -> None:
    """It can be sent again, and has no next channel."""
    verification = str((await ask(api, create({}), 201))["id"])
    assert (await ask(api, more(verification, "next"), 422))["type"].endswith("no_next_channel")
    core.clock.advance(30)
    await ask(api, more(verification, "resend"), 201)


@pytest.mark.parametrize("how", ["next", "resend"])
async def test_under_one_key_one_more_is_sent(api: NativeApi, core: RunningCore, how: str) -> None:
    """Also by requests that come together, and after the code was used; each is answered as the first was."""
    verification = await begin(api)
    core.clock.advance(30)
    request = named(more(verification, how), b'"again-1"')
    answers = await asyncio.gather(*(api.answer(request) for _ in range(3)))
    await ask(api, check(verification, await code_of(core, verification)))
    answers.append(await api.answer(request))
    assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
    assert len((await shown(api, verification))["messages"]) == 2
    other = "resend" if how == "next" else "next"
    found = await ask(api, named(more(verification, other), b'"again-1"'), 422)
    assert found["type"] == "urn:onema:problem:idempotency_key_reused"


@pytest.mark.parametrize("how", ["next", "resend"])
async def test_nothing_is_sent_for_a_code_that_is_over(api: NativeApi, core: RunningCore, how: str) -> None:
    """A 409 says so."""
    verification = await begin(api)
    await ask(api, check(verification, await code_of(core, verification)))
    core.clock.advance(30)
    assert (await ask(api, more(verification, how), 409))["type"] == "urn:onema:problem:verification_over"
    assert len(await core.messages("shop")) == 1


async def test_more_is_limited_and_paid_for_as_the_first(api: NativeApi, core: RunningCore) -> None:
    """A window that is full and a wallet that is empty refuse it, and the code stays as it was."""
    verification = await begin(api)
    limited = doc.Account(
        name="shop",
        wallet="postpaid",
        country="VN",
        windows=(doc.WindowLimit(per="phone", seconds=600, limit=1),),
    )
    await core.configure(limited)
    core.clock.advance(30)
    await ask(api, more(verification, "resend"), 201)
    response = await api.answer(more(verification, "next"))
    assert response.status == 429
    assert dict(response.headers)[b"retry-after"] == b"600"
    await core.configure(msgspec.structs.replace(limited, windows=(), credit_limit="0"))
    assert (await ask(api, more(verification, "next"), 402))["type"].endswith("balance_too_low")
    assert (await ask(api, check(verification, await code_of(core, verification))))["valid"] is True


async def test_a_code_of_another_dialect_is_sent_once(api: NativeApi, core: RunningCore) -> None:
    """Nobody kept how."""
    verification = await sent_by_another_dialect(core)
    found = await ask(api, more(verification, "resend"), 422)
    assert found["type"] == "urn:onema:problem:not_sent_again"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"channel": "sms"}, "/channel"),
        ({"channels": [{"channel": "sms", "after": 5}]}, "/channels/0/after"),
        ({"channels": [{"channel": "sms"}, {"channel": "call"}]}, "/channels/1/after"),
        ({"channels": [{"channel": "sms"}, {"channel": "fax", "after": 9}]}, "/channels/1/channel"),
        ({"channels": [{"channel": "sms"}, {"channel": "sms", "after": 601}]}, "/channels/1/after"),
        ({"channels": [{"channel": "sms"}, {"channel": "sms", "after": 60}], "ttl": 60}, "/channels/1/after"),
        ({"channels": [{"channel": "sms", "wait": 3}]}, "/channels/0/wait"),
        ({"channels": [{"after": 3}]}, "/channels/0/channel"),
        ({"channels": [{"channel": "sms"}] * 6}, "/channels"),
    ],
)
async def test_a_plan_that_is_none_is_named(
    api: NativeApi, core: RunningCore, members: dict[str, Any], pointer: str
) -> None:
    """Before anything is sent, at the member that does not fit."""
    asked = {"channels": SMS_THEN_CALL, "application": "codes"} | members
    assert (await ask(api, create(asked), 400))["pointer"] == pointer
    assert await core.messages("shop") == []


async def test_a_channel_that_cannot_send_is_refused_at_once(api: NativeApi, core: RunningCore) -> None:
    """Not when its time has come and nobody is there to be told."""
    response = await api.answer(create({"channels": SMS_THEN_CALL}))
    assert (response.status, json.loads(response.body)["type"]) == (
        404,
        "urn:onema:problem:application_unknown",
    )
    assert await core.messages("shop") == []
