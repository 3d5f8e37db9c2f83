"""Two committers on one database: a carrier with a total, and the messages that wait for it."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from onema.channels.contract import Share
from onema.delivery.capacity import Capacity
from onema.delivery.carriers import RunningCarriers
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.capacity import LEASE_SECONDS, RENEW_SECONDS
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, MessageState
from onema.engine.gateway import Gateway
from onema.engine.ports import SystemEntropy
from onema.storage.contract import Story
from onema.storage.postgres.wake_ups import Listener
from onema.testing.fake_clock import FakeClock
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.delivering import build_dispatcher

from .conftest import StartNode
from .node import ACCOUNT, PRICE, Node

PATIENCE_SECONDS = 20


class Deliverer:
    """One node that runs the carrier `smsc` and delivers. Its time passes only as the test says."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.clock = FakeClock()
        self.made: list[RecordingCarrier] = []
        self.died = False
        self.carriers = RunningCarriers(
            node.committer,
            self._make,
            lambda _: None,
            lambda carrier: Capacity(carrier, name, self.clock, self.clock.steady),
            self.clock.now,
        )

    def _make(self, document: doc.Carrier) -> RecordingCarrier:
        self.made.append(RecordingCarrier(document.name))
        return self.made[-1]

    async def die(self) -> None:
        """As if it were killed: it renews nothing and gives nothing back."""
        self.died = True
        for loop in self.carriers._loops:
            await loop.stop()
        await self.node.committer.stop()

    async def deliver(self) -> Listener:
        """Begin to deliver, as a server does: it polls far too seldom to be of use here, but is woken up."""
        node = self.node
        gateway = Gateway(node.committer, node.clock, node.ids, SystemEntropy())

        async def no_callbacks(job: Job) -> None:
            raise AssertionError(f"no callback is configured: {job}")

        self.dispatcher = build_dispatcher(
            gateway,
            node.committer,
            node.storage,
            node.keyring,
            self.carriers,
            no_callbacks,
            concurrency=10,
            lease_ms=60_000,
            receipt_lifetime_ms=60_000,
            poll_seconds=600,
        )
        self.carriers.on_ready = self.dispatcher.wake
        await self.dispatcher.start()
        return await node.storage.listen(lambda: None, self.dispatcher.wake)


@pytest.fixture
async def two(start_node: StartNode) -> AsyncIterator[list[Deliverer]]:
    """Both run; a total of one bind, and a route to it."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(1_000 * PRICE)
    documents = (doc.Carrier(name="smsc", type="test", capacity=1), doc.Route(channel="sms", carrier="smsc"))
    await nodes[0].committer.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))
    await nodes[1].committer.refresh_directory()
    two = [Deliverer(node, f"node {number}") for number, node in enumerate(nodes)]
    await asyncio.gather(*(one.carriers.start() for one in two))
    yield two
    for one in two:
        if not one.died:
            await one.carriers.stop()


async def story_of(node: Node, message: int) -> Story:
    story = await node.storage.read_story(AccountId(ACCOUNT), MessageId(message))
    assert story is not None
    return story


async def test_of_two_nodes_that_start_together_one_gets_it(two: list[Deliverer]) -> None:
    """However often both ask."""
    for _ in range(10):
        assert sorted(len(one.carriers) for one in two) == [0, 1]
        await asyncio.gather(*(one.carriers.renew() for one in two))
    (carrier,) = [carrier for one in two for carrier in one.made]
    assert carrier.share == Share(1)


async def test_the_other_node_takes_the_seat_of_one_that_died_after_its_lease(two: list[Deliverer]) -> None:
    """Its committer is gone in the middle of its life; nobody gives anything back."""
    dead, alive = sorted(two, key=lambda one: -len(one.carriers))
    await dead.die()
    passed = 0.0
    while not alive.carriers:
        assert passed <= LEASE_SECONDS + RENEW_SECONDS
        alive.clock.advance(RENEW_SECONDS)
        dead.clock.advance(RENEW_SECONDS)
        passed += RENEW_SECONDS
        await alive.carriers.renew()
    assert passed >= LEASE_SECONDS
    assert not dead.carriers


async def test_the_node_with_the_seat_sends_what_both_accepted(two: list[Deliverer]) -> None:
    """The other leaves its messages at once, without an attempt, and wakes it up."""
    holder, other = sorted(two, key=lambda one: -len(one.carriers))
    subscriptions = [await one.deliver() for one in two]
    sent = await asyncio.gather(*(two[number % 2].node.send(f"+8490{number:07}") for number in range(60)))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await holder.made[0].was_handed(60)
        for message in sent:
            story = await story_of(other.node, message.message)
            while story.message.state != MessageState.DELIVERED:
                story = await story_of(other.node, message.message)
            assert [attempt.number for attempt in story.attempts] == [1]
    assert other.made == []
    for one, subscription in zip(two, subscriptions, strict=True):
        await subscription.close()
        await one.dispatcher.stop(1.0)
