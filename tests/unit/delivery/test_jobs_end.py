"""Jobs end by the number of their tries or leases, whatever they raise, and their messages and money with them."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from onema.delivery.dispatcher import JobDispatcher
from onema.delivery.failed_jobs import LEASES, RETRY_AFTER_SECONDS, TRIES, GivenUp
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.requeue_job import DropJob, RequeueJob
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import DeadJob, Job, JobKind, MessageState
from onema.domain.refusals import Refused
from onema.storage.contract import Unavailable
from onema.testing.conformance.storage import insert
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.delivering import build_dispatcher

from .conftest import LEASE_MS, LIFETIME_MS, PRICE, DeliveryRig

FOR_EVER = 2**63 - 1


class Broken(Exception):
    """What no handler expects."""


class BrokenCarrier(RecordingCarrier):
    """Raises before anything can be started."""

    def answer_seconds(self, payload: object) -> float:
        raise Broken


async def dead_jobs(rig: DeliveryRig, count: int) -> list[DeadJob]:
    """Once there are `count` of them."""
    while len(dead := list(await rig.storage.read_dead_jobs(FOR_EVER, 100))) < count:
        await rig.settled()
    return dead


async def told(rig: DeliveryRig, identifier: int, kind: JobKind, count: int) -> list[str]:
    """What the message's story says of its jobs, once it says it `count` times."""
    while (
        len(found := [one.data for one in (await rig.story(identifier)).events if one.kind == kind]) < count
    ):
        await rig.settled()
    return found


async def start(
    rig: DeliveryRig, carrier: RecordingCarrier, callbacks: Callable[[Job], Awaitable[None]], dead: list[str]
) -> JobDispatcher:
    dispatcher = build_dispatcher(
        rig.gateway,
        rig.committer,
        rig.storage,
        rig.keyring,
        {carrier.name: carrier},
        callbacks,
        concurrency=8,
        lease_ms=LEASE_MS,
        receipt_lifetime_ms=LIFETIME_MS,
        poll_seconds=0.005,
        on_dead=dead.append,
    )
    await carrier.start(dispatcher.wake)
    await dispatcher.start()
    rig.dispatchers.append(dispatcher)
    return dispatcher


async def no_callbacks(job: Job) -> None:
    raise AssertionError(job)


async def test_an_sms_whose_job_always_raises_fails_and_its_money_is_back(rig: DeliveryRig) -> None:
    """After six tries with growing pauses, each of which its story tells."""
    carrier, dead = BrokenCarrier("first"), list[str]()
    await rig.configure(carrier)
    await start(rig, carrier, no_callbacks, dead)
    identifier = await rig.send(time_alive=100_000_000)
    for tries, pause in enumerate(RETRY_AFTER_SECONDS, start=1):
        assert (await told(rig, identifier, JobKind.SMS, tries))[-1] == "it failed (Broken); will try again"
        rig.clock.advance(pause)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert (await told(rig, identifier, JobKind.SMS, TRIES))[-1] == "it failed (Broken); given up"
    assert (message.held, message.charged, await rig.balance()) == (0, 0, 0)
    (job,) = await dead_jobs(rig, 1)
    assert (job.kind, job.message, job.leases, job.reason) == (
        "sms",
        identifier,
        TRIES,
        "it failed (Broken)",
    )
    # Where it raised, and none of its words.
    assert job.fault.startswith("Broken at test_jobs_end.py:")
    assert " answer_seconds < attempt.py:" in job.fault
    await rig.until(lambda: dead == ["sms"])
    assert await rig.storage.read([(Job, identifier)]) == {}


async def lease_often(rig: DeliveryRig, identifier: int, *, in_flight: bool) -> None:
    """As workers do that die one after the other, the first of them when it has started an attempt."""

    async def lease() -> None:
        (job,) = await rig.storage.lease_jobs(rig.clock.now(), rig.clock.now(), 1)
        assert job.id == identifier

    await rig.committer.between_batches(lease)
    if in_flight:
        start = StartAttempt(
            job=identifier, lease=1, now=rig.clock.now(), lease_until=rig.clock.now(), carrier="first"
        )
        assert await rig.gateway.execute(start) == 1
    for _ in range(LEASES - 1):
        await rig.committer.between_batches(lease)


async def test_what_may_have_been_sent_is_unknown_when_its_job_is_given_up(rig: DeliveryRig) -> None:
    """It is not sent again: it waits for its receipt and settles."""
    carrier, dead = RecordingCarrier("first", idempotent=True), list[str]()
    await rig.configure(carrier)
    identifier = await rig.send()
    await lease_often(rig, identifier, in_flight=True)
    await start(rig, carrier, no_callbacks, dead)
    message = await rig.reaches(identifier, MessageState.UNKNOWN)
    assert message.held == PRICE
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.state, attempt.detail) == ("unknown", f"it was leased {LEASES} times")
    assert [(job.kind, job.leases) for job in await dead_jobs(rig, 1)] == [("sms", LEASES + 1)]
    rig.clock.advance(LIFETIME_MS / 1000 + 1)
    # Its lease number went on growing with the job, so this settles by the same rule.
    message = await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert (message.held, await rig.balance()) == (0, 0)
    assert carrier.sent == []


async def test_what_was_never_started_has_failed_when_its_job_is_given_up(rig: DeliveryRig) -> None:
    """A job that ends its worker each time cannot tell anything by itself."""
    carrier, dead = RecordingCarrier("first"), list[str]()
    await rig.configure(carrier)
    identifier = await rig.send()
    await lease_often(rig, identifier, in_flight=False)
    await start(rig, carrier, no_callbacks, dead)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert (message.held, await rig.balance(), carrier.sent) == (0, 0, [])
    await rig.until(lambda: dead == ["sms"])


async def test_a_job_whose_message_cannot_be_ended_ends_alone(rig: DeliveryRig) -> None:
    """The store may hold what no rule foresees; the job is kept for somebody to look at, and is not tried for ever."""
    carrier, dead = RecordingCarrier("first"), list[str]()
    await rig.configure(carrier)
    identifier = await rig.send()
    await lease_often(rig, identifier, in_flight=False)
    message = await rig.message(identifier)
    await rig.storage.begin([])
    strange = msgspec.structs.replace(message, state="no such state")
    await rig.storage.commit(10**18, {strange.key: strange}, [])
    await start(rig, carrier, no_callbacks, dead)
    (job,) = await dead_jobs(rig, 1)
    assert job.message == identifier
    await rig.until(lambda: dead == ["sms"])
    assert await rig.storage.read([(Job, identifier)]) == {}


def a_callback(rig: DeliveryRig, message: int) -> Job:
    now = rig.clock.now()
    return Job(
        rig.gateway.next_id(), JobKind.CALLBACK, AccountId(1), MessageId(message), now, 0, 0, False, b""
    )


async def test_a_callback_that_always_raises_ends_after_six_tries(rig: DeliveryRig) -> None:
    """With the same pauses as one that nobody answers; its message, which has its end, stays as it is."""
    carrier, dead, tried = RecordingCarrier("first"), list[str](), list[int]()
    await rig.configure(carrier)

    async def broken(job: Job) -> None:
        tried.append(job.attempt)
        raise Broken

    await start(rig, carrier, broken, dead)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    await insert(rig.storage, a_callback(rig, identifier), batch=10**18)
    for tries, pause in enumerate(RETRY_AFTER_SECONDS, start=1):
        await told(rig, identifier, JobKind.CALLBACK, tries)
        rig.clock.advance(pause)
    assert (await told(rig, identifier, JobKind.CALLBACK, TRIES))[-1] == "it failed (Broken); given up"
    assert tried == list(range(TRIES))
    assert (await rig.message(identifier)).charged == PRICE
    await rig.until(lambda: dead == ["callback"])


async def test_a_callback_that_was_given_up_can_be_tried_again(rig: DeliveryRig) -> None:
    """By hand, as a new job; nothing else can, and nothing twice."""
    carrier, dead = RecordingCarrier("first"), list[str]()
    await rig.configure(carrier)
    refusing = True
    sent = asyncio.Event()

    async def callbacks(job: Job) -> None:
        if refusing:
            raise GivenUp("HTTP 400")
        sent.set()
        await rig.gateway.execute(
            FinishJob(job=job.id, lease=job.lease, id=rig.gateway.next_id(), note="delivered")
        )

    await start(rig, carrier, callbacks, dead)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    await insert(rig.storage, a_callback(rig, identifier), batch=10**18)
    (job,) = await dead_jobs(rig, 1)
    assert job.reason == "HTTP 400"
    refusing = False
    await rig.gateway.execute(requeue(rig, job))
    await sent.wait()
    assert (await told(rig, identifier, JobKind.CALLBACK, 3)) == [
        "HTTP 400; given up",
        "to be tried again, by hand",
        "delivered",
    ]
    with pytest.raises(Refused, match=r"no job .* was given up"):
        await rig.gateway.execute(requeue(rig, job))


def requeue(rig: DeliveryRig, job: DeadJob) -> RequeueJob:
    return RequeueJob(
        dead=job.id,
        account=job.account,
        message=job.message,
        id=rig.gateway.next_id(),
        now=rig.clock.now(),
    )


async def test_a_message_that_was_given_up_is_never_sent_again(rig: DeliveryRig) -> None:
    """Its code is old, and its money is back."""
    dead = DeadJob(5, 4, JobKind.SMS, AccountId(1), MessageId(4), 6, 6, "it failed")
    await insert(rig.storage, dead, batch=10**18)
    with pytest.raises(Refused, match="is never sent again"):
        await rig.gateway.execute(requeue(rig, dead))


async def test_a_settlement_that_was_given_up_alone_can_be_tried_again(rig: DeliveryRig) -> None:
    """Its message still waits and its money is held; once it has its end, there is nothing to settle."""
    carrier = RecordingCarrier("first", Outcome(kind=OutcomeKind.SUBMITTED))
    await rig.configure(carrier, capture_on="delivered")
    await start(rig, carrier, no_callbacks, [])
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.SENT)
    dead = DeadJob(
        5, identifier, JobKind.SETTLE, AccountId(1), MessageId(identifier), 101, 1, "it was leased 100 times"
    )
    with pytest.raises(Refused, match="no job 5 that was given up"):
        await rig.gateway.execute(requeue(rig, dead))
    await insert(rig.storage, dead, batch=10**18)
    with pytest.raises(Refused, match="has a job again"):
        await rig.gateway.execute(requeue(rig, dead))
    await rig.storage.begin([])
    await rig.storage.commit(10**18 + 1, {(Job, identifier): None}, [])
    await rig.gateway.execute(requeue(rig, dead))
    message = await rig.reaches(identifier, MessageState.UNCONFIRMED)
    assert (message.held, await rig.balance()) == (0, 0)
    await insert(rig.storage, dead, batch=10**18 + 2)
    with pytest.raises(Refused, match="nothing to settle"):
        await rig.gateway.execute(requeue(rig, dead))


async def test_a_job_that_was_given_up_can_be_dropped(rig: DeliveryRig) -> None:
    """Its message's story keeps that there was one."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await start(rig, carrier, no_callbacks, [])
    identifier = await rig.send()
    await insert(
        rig.storage,
        DeadJob(5, 4, JobKind.CALLBACK, AccountId(1), MessageId(identifier), 6, 6, "HTTP 400"),
        batch=10**18,
    )
    await rig.gateway.execute(DropJob(dead=5, id=rig.gateway.next_id()))
    assert await told(rig, identifier, JobKind.CALLBACK, 1) == ["dropped, by hand"]
    assert await rig.storage.read_dead_jobs(FOR_EVER, 1) == []
    with pytest.raises(Refused, match="no job 5 that was given up"):
        await rig.gateway.execute(DropJob(dead=5, id=rig.gateway.next_id()))


async def test_a_store_that_is_away_is_no_fault_of_a_job(rig: DeliveryRig) -> None:
    """Nothing could be written down, so nothing counts: the lease brings the job back."""
    carrier, dead, tried = RecordingCarrier("first"), list[str](), list[int]()
    await rig.configure(carrier)

    async def away(job: Job) -> None:
        tried.append(job.lease)
        raise Unavailable("no connection")

    await start(rig, carrier, away, dead)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    await insert(rig.storage, a_callback(rig, identifier), batch=10**18)
    for lease in (1, 2, 3):
        await rig.until(lambda lease=lease: len(tried) >= lease)  # type: ignore[misc]  # mypy cannot see the default
        rig.clock.advance(LEASE_MS / 1000)
    assert tried[:3] == [1, 2, 3]
    assert await rig.storage.read_dead_jobs(FOR_EVER, 1) == []
    assert [one for one in (await rig.story(identifier)).events if one.kind == JobKind.CALLBACK] == []
