import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping

import pytest

from onema.delivery.callback_client import CallbackClient
from onema.delivery.callback_contract import CallbackRenderer, CallbackRequest
from onema.delivery.callbacks import CallbackSender
from onema.delivery.dispatcher import JobDispatcher
from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.callback_try import (
    AGAIN,
    DELIVERED,
    GIVEN_UP,
    REPLAYED,
    CallbackTry,
    callback_try,
)
from onema.domain.delivery.outcome import Ending
from onema.domain.delivery.replay_callback import ReplayCallback
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Call, JobKind, Message, MessageState
from onema.telemetry.redaction import RedactionFilter
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.delivering import build_dispatcher

from .conftest import LEASE_MS, LIFETIME_MS, DeliveryRig

PLACES = 10


class Receiver:
    """An integrator's web server that answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers = ""
        self.requests: list[str] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self._arrival = asyncio.Condition()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/told"

    async def stop(self) -> None:
        self._server.close()

    async def was_told(self, count: int) -> None:
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        async with self._arrival:
            self.requests.append(head.split(b"\r\n")[0].decode())
            self._arrival.notify_all()
        await self.answering.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        answer = f"HTTP/1.1 {status} Told\r\n{self.headers}content-length: 0\r\nconnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()


class Renderer:
    endings: Mapping[Ending, str] = {}  # never changed

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        return CallbackRequest("GET", f"{url}?state={message.state}")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def deliver_and_tell(
    rig: DeliveryRig, receiver: Receiver, renderer: CallbackRenderer | None = None
) -> int:
    """A message that is delivered, of an account that wants to be told."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    account = doc.Account(name="acme", wallet="postpaid", windows=(), callback_url=receiver.url)
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=(account,)))
    client = CallbackClient(seconds=LEASE_MS / 3000, now=rig.clock.now, private_targets=True)
    callbacks = CallbackSender(rig.gateway, rig.storage, {"test": renderer or Renderer()}, client)
    rig.closing.push_async_callback(client.close)
    dispatcher = build_dispatcher(
        rig.gateway,
        rig.committer,
        rig.storage,
        rig.keyring,
        {"first": carrier},
        callbacks,
        concurrency=PLACES,
        lease_ms=LEASE_MS,
        receipt_lifetime_ms=LIFETIME_MS,
        poll_seconds=0.005,
    )
    await carrier.start(dispatcher.wake)
    await dispatcher.start()
    rig.dispatchers.append(dispatcher)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    return identifier


async def notes(rig: DeliveryRig, identifier: int, count: int) -> list[str]:
    """What the message's story says of its callback, once it says it `count` times."""
    return [tried.result for tried in await tries(rig, identifier, count)]


async def tries(rig: DeliveryRig, identifier: int, count: int) -> list[CallbackTry]:
    while True:
        found = [tried for event in (await rig.story(identifier)).events if (tried := callback_try(event))]
        if len(found) >= count:
            return found
        await rig.settled()


async def test_a_final_state_is_told_once(rig: DeliveryRig, receiver: Receiver) -> None:
    """In the dialect's own shape, to the account's URL; the story keeps that it was."""
    identifier = await deliver_and_tell(rig, receiver)
    assert await notes(rig, identifier, 1) == ["delivered"]
    assert receiver.requests == ["GET /told?state=delivered HTTP/1.1"]


async def test_a_receiver_that_fails_is_told_again_later(rig: DeliveryRig, receiver: Receiver) -> None:
    """After the pauses that the vendors keep; nothing is lost in between."""
    receiver.statuses = [500, 302]
    identifier = await deliver_and_tell(rig, receiver)
    await receiver.was_told(1)
    for tries in (2, 3):
        await notes(rig, identifier, tries - 1)
        rig.clock.advance(RETRY_AFTER_SECONDS[tries - 2])
        await receiver.was_told(tries)
    assert await notes(rig, identifier, 3) == [
        "HTTP 500; will try again",
        "HTTP 302, and callbacks follow no redirect; will try again",
        "delivered",
    ]


async def test_each_try_is_kept_with_the_host_its_answer_and_how_long_it_took(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """And nothing else of the URL, which holds integrators' secrets."""
    receiver.url = receiver.url.replace("http://", "http://user:canary@") + "/canary?token=canary"
    receiver.statuses = [503]
    receiver.answering.clear()
    identifier = await deliver_and_tell(rig, receiver)
    await receiver.was_told(1)
    rig.clock.advance(0.25)
    receiver.answering.set()
    await tries(rig, identifier, 1)
    rig.clock.advance(RETRY_AFTER_SECONDS[0])
    assert await tries(rig, identifier, 2) == [
        CallbackTry("127.0.0.1", 503, 250, "HTTP 503", AGAIN),
        CallbackTry("127.0.0.1", 200, 0, "", DELIVERED),
    ]
    assert "canary" not in str((await rig.story(identifier)).events)


async def test_the_try_that_ends_a_callback_is_kept_too(rig: DeliveryRig, receiver: Receiver) -> None:
    """With its status; a host that nobody can reach has none."""
    receiver.statuses = [400]
    identifier = await deliver_and_tell(rig, receiver)
    assert await tries(rig, identifier, 1) == [
        CallbackTry("127.0.0.1", 400, 0, "HTTP 400", GIVEN_UP),
    ]


async def test_a_callback_is_told_again_when_somebody_asks(rig: DeliveryRig, receiver: Receiver) -> None:
    """As often as they ask: the receiver hears the same."""
    identifier = await deliver_and_tell(rig, receiver)
    await tries(rig, identifier, 1)
    for _ in range(2):
        await rig.gateway.execute(
            ReplayCallback(
                account=AccountId(1),
                message=MessageId(identifier),
                id=rig.gateway.next_id(),
                now=rig.clock.now(),
            )
        )
    await receiver.was_told(3)
    assert len(set(receiver.requests)) == 1
    assert sorted(await notes(rig, identifier, 5)) == [*[DELIVERED] * 3, *[REPLAYED] * 2]


async def test_receivers_that_do_not_answer_keep_no_code_waiting(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """More callbacks hang than there are places for messages; the next SMS goes out all the same."""
    receiver.answering.clear()
    await deliver_and_tell(rig, receiver)
    for number in range(2 * PLACES):
        await rig.reaches(await rig.send(f"+8490188{number:04d}"), MessageState.DELIVERED)
    assert receiver.requests
    receiver.answering.set()


async def test_a_receiver_that_is_gone_is_given_up_after_five_more_tries(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """The message's story says so."""
    await receiver.stop()
    identifier = await deliver_and_tell(rig, receiver)
    for tries, pause in enumerate(RETRY_AFTER_SECONDS, start=1):
        await notes(rig, identifier, tries)
        rig.clock.advance(pause)
    assert (await notes(rig, identifier, 6))[-1] == "no connection (ConnectionRefusedError); given up"


async def test_a_receiver_that_says_no_is_not_asked_again(rig: DeliveryRig, receiver: Receiver) -> None:
    """The same request would not be liked later either."""
    receiver.statuses = [400]
    identifier = await deliver_and_tell(rig, receiver)
    assert await notes(rig, identifier, 1) == ["HTTP 400; given up"]
    rig.clock.advance(RETRY_AFTER_SECONDS[-1])
    await rig.settled()
    assert len(receiver.requests) == 1


async def test_a_receiver_that_asks_for_a_longer_pause_gets_it(rig: DeliveryRig, receiver: Receiver) -> None:
    """A shorter one than ours makes no difference."""
    receiver.statuses, receiver.headers = [503], "retry-after: 100\r\n"
    identifier = await deliver_and_tell(rig, receiver)
    await notes(rig, identifier, 1)
    due = rig.clock.now() + 100_000
    assert await rig.storage.lease_callbacks(due - 1, due, 10, 10) == []
    assert len(await rig.storage.lease_callbacks(due, due, 10, 10)) == 1


OTHER = 2
MANY_PLACES = 40
"""A quarter of them are for callbacks."""


async def two_accounts(rig: DeliveryRig, receiver: Receiver, other: Receiver) -> RecordingCarrier:
    """acme, told at `receiver`, and another one, told at `other`."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    documents = (
        doc.Account(name="acme", wallet="postpaid", windows=(), callback_url=receiver.url),
        doc.Account(name="other", wallet="postpaid", windows=(), callback_url=other.url),
        doc.Brandname(account="other", name="Acme"),
        doc.Template(account="other", brandname="Acme", text="{OTP} is your code"),
    )
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))
    return carrier


async def start_dispatcher(
    rig: DeliveryRig, carrier: RecordingCarrier, kinds: frozenset[JobKind]
) -> JobDispatcher:
    client = CallbackClient(seconds=LEASE_MS / 3000, now=rig.clock.now, private_targets=True)
    rig.closing.push_async_callback(client.close)
    dispatcher = build_dispatcher(
        rig.gateway,
        rig.committer,
        rig.storage,
        rig.keyring,
        {"first": carrier},
        CallbackSender(rig.gateway, rig.storage, {"test": Renderer()}, client),
        kinds=kinds,
        concurrency=MANY_PLACES,
        lease_ms=LEASE_MS,
        receipt_lifetime_ms=LIFETIME_MS,
        poll_seconds=0.005,
    )
    await carrier.start(dispatcher.wake)
    await dispatcher.start()
    rig.dispatchers.append(dispatcher)
    return dispatcher


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def test_a_receiver_that_hangs_delays_no_other_accounts_callback(
    rig: DeliveryRig, receiver: Receiver, other: Receiver
) -> None:
    """Its account has far more to tell than there are places, and gets a fifth; the other's goes out at once."""
    receiver.answering.clear()
    carrier = await two_accounts(rig, receiver, other)
    await start_dispatcher(rig, carrier, frozenset(JobKind))
    for number in range(3 * MANY_PLACES):
        await rig.send(f"+8490188{number:04d}")
    await receiver.was_told(MANY_PLACES // 4 // 5)
    await rig.send(account=OTHER)
    async with asyncio.timeout(10):
        await other.was_told(1)
    assert len(receiver.requests) == MANY_PLACES // 4 // 5
    receiver.answering.set()


async def test_callbacks_that_wait_in_the_store_have_their_turns_too(
    rig: DeliveryRig, receiver: Receiver, other: Receiver
) -> None:
    """Left by a process that tells nobody: the youngest is of an account that has no other, and is not the last."""
    receiver.answering.clear()
    carrier = await two_accounts(rig, receiver, other)
    await start_dispatcher(rig, carrier, frozenset({JobKind.SMS}))
    for number in range(3 * MANY_PLACES):
        await rig.reaches(await rig.send(f"+8490188{number:04d}"), MessageState.DELIVERED)
    rig.clock.advance(1)
    identifier = await rig.send(account=OTHER)
    await carrier.was_handed(3 * MANY_PLACES + 1)
    await start_dispatcher(rig, carrier, frozenset({JobKind.CALLBACK}))
    async with asyncio.timeout(10):
        await other.was_told(1)
    receiver.answering.set()
    async with asyncio.timeout(20):
        await receiver.was_told(3 * MANY_PLACES)
    assert other.requests == ["GET /told?state=delivered HTTP/1.1"], identifier


async def test_the_log_names_the_message_and_nothing_of_the_url(
    rig: DeliveryRig, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole, so that it leads to the message's story."""
    caplog.set_level(logging.INFO, "onema")
    caplog.handler.addFilter(RedactionFilter())
    receiver.url += "/callback-canary"
    identifier = await deliver_and_tell(rig, receiver)
    await notes(rig, identifier, 1)
    (record,) = [record for record in caplog.records if record.msg == "callback ended"]
    assert str(vars(record)["message_id"]) == str(identifier)
    assert vars(record)["result"] == "delivered"
    assert "canary" not in str(vars(record))


async def test_a_callback_whose_turn_does_not_come_for_a_day_is_given_up(
    rig: DeliveryRig, receiver: Receiver, other: Receiver
) -> None:
    """Whoever keeps others of its own account waiting so long does not answer, and the queue must have an end."""
    carrier = await two_accounts(rig, receiver, other)
    await start_dispatcher(rig, carrier, frozenset({JobKind.SMS}))
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    rig.clock.advance(24 * 3_600 + 1)
    await start_dispatcher(rig, carrier, frozenset({JobKind.CALLBACK}))
    assert await notes(rig, identifier, 1) == ["its turn did not come within 24 hours; given up"]
    assert receiver.requests == []
