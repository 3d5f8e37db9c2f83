"""A supervisor's switchboard and its workers' memberships, over real lines in one process."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from onema.channels.handset.calls import CallState, HandsetCalls
from onema.channels.handset.scripted_numbers import Script
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MessageId
from onema.domain.values.phone import Phone
from onema.node.line import Line, LineClosed
from onema.node.membership import Membership
from onema.node.messages import ReadReadiness
from onema.node.node_calls import NodeCalls
from onema.node.switchboard import Switchboard
from onema.telemetry.metrics import Metrics
from onema.testing.running_server import comes_true

CALL = CallPayload(Phone("+84901888484"), "+842471000001", "en", "123456", None, 1, 1.0, 60, 0)
LONG = 3600.0


async def line_pair() -> tuple[Line, Line]:
    ours, theirs = socket.socketpair()
    return await Line.over(ours), await Line.over(theirs)


class Worker:
    """What wiring makes of a membership."""

    def __init__(self, number: int, theirs: Line, ours: Line, switchboard: Switchboard) -> None:
        self.is_ready = True
        self.metrics = Metrics()
        self.own_calls = HandsetCalls(lambda: 1_000, ring_seconds=30.0)
        self.membership = Membership(theirs)
        self.calls: NodeCalls = self.membership.join(
            lambda: self.is_ready, self.metrics.render, self.own_calls
        )
        self.tasks = [
            asyncio.create_task(theirs.run(self.membership.answer, self.membership.hear)),
            asyncio.create_task(ours.run(switchboard.answer, lambda news: switchboard.hear(number, news))),
        ]
        self._theirs = theirs

    async def die(self) -> None:
        self._theirs.close()
        await asyncio.gather(*self.tasks)

    def watch(self) -> None:
        """Open a page that stays."""
        self.tasks.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        while True:
            await self.calls.changed(5.0)

    def place(self, number: int = 7) -> asyncio.Task[Outcome]:
        return asyncio.create_task(self.own_calls.place(MessageId(number), CALL, LONG, Script.DELIVERED))

    async def sees(self, call: int, state: CallState | None) -> None:
        """Wait until this worker's page shows the call in this state, or not at all."""
        async with asyncio.timeout(10):
            while (found := self.calls.states.get(call)) is not None or state is not None:
                if found is not None and found.state is state:
                    return
                await self.calls.changed(0.05)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Node:
    def __init__(self) -> None:
        self.switchboard = Switchboard(2)
        self.workers: list[Worker] = []

    async def add(self, number: int) -> Worker:
        ours, theirs = await line_pair()
        worker = Worker(number, theirs, ours, self.switchboard)
        self.workers.append(worker)
        self.switchboard.join(number, ours)
        return worker


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    yield node
    for worker in node.workers:
        await worker.end()


async def test_a_node_is_ready_when_all_its_workers_are(node: Node) -> None:
    """Whoever is asked; one that is missing counts as not ready."""
    first = await node.add(1)
    assert not await first.membership.ready()
    second = await node.add(2)
    assert await first.membership.ready()
    assert await second.membership.ready()
    second.is_ready = False
    assert not await first.membership.ready()


async def test_every_worker_gives_the_metrics_of_all(node: Node) -> None:
    """The same, and they go on when a worker dies and another takes its number."""
    first, second = await node.add(1), await node.add(2)
    first.metrics.command("send", "done", 3)
    second.metrics.command("send", "done", 4)
    line = b'onema_commands_total{kind="send",result="done"} 7.0'
    assert line in await first.membership.metrics()
    assert line in await second.membership.metrics()
    await second.die()
    node.switchboard.leave(2)
    text = await first.membership.metrics()
    assert line in text
    assert b"onema_ready 0.0" in text
    await node.add(2)
    text = await first.membership.metrics()
    assert line in text
    assert b"onema_ready 1.0" in text
    assert b"onema_worker_restarts_total 1.0" in text


async def test_a_worker_that_hangs_holds_up_neither_metrics_nor_the_probe(node: Node) -> None:
    """Whoever is asked says within seconds what the others count, and that the node is not ready."""
    first = await node.add(1)
    first.metrics.command("send", "done", 3)
    ours, theirs = await line_pair()
    running = asyncio.create_task(ours.run(node.switchboard.answer, lambda _: None))
    node.switchboard.join(2, ours)
    text = await first.membership.metrics()
    assert b'onema_commands_total{kind="send",result="done"} 3.0' in text
    assert b"onema_ready 0.0" in text
    theirs.close()
    await running


async def test_a_call_rings_at_another_workers_page_and_is_steered_from_there(node: Node) -> None:
    """Answered, given keys and hung up where the browser is, not where the call is."""
    first, second = await node.add(1), await node.add(2)
    first.watch()
    await comes_true(lambda: _is(second.own_calls.watched_elsewhere))
    call = second.place()
    await first.sees(7, CallState.RINGING)
    assert await first.calls.answer(7)
    await first.sees(7, CallState.TALKING)
    assert await first.calls.press(7, "5")
    assert await first.calls.decline(7)
    outcome = await call
    assert (outcome.kind, outcome.ending) == (OutcomeKind.DELIVERED, Ending.HUNG_UP)
    await first.sees(7, CallState.ENDED)
    assert first.calls.states[7].digits == "5"
    assert not await first.calls.answer(7)


async def test_a_call_is_taken_at_once_when_no_worker_shows_a_page(node: Node) -> None:
    """Also after one was open at another worker."""
    first, second = await node.add(1), await node.add(2)
    await first.calls.changed(0.01)
    await comes_true(lambda: _is(second.own_calls.watched_elsewhere))
    await comes_true(lambda: _is(not second.own_calls.watched_elsewhere))
    assert (await second.place()).seconds == LONG


async def test_a_worker_that_comes_later_learns_what_rings(node: Node) -> None:
    """A browser that reconnects to it sees the call."""
    first = await node.add(1)
    first.watch()
    await asyncio.sleep(0)
    call = first.place()
    second = await node.add(2)
    await second.sees(7, CallState.RINGING)
    assert await second.calls.decline(7)
    assert (await call).ending is Ending.DECLINED


async def test_the_calls_of_a_worker_that_died_are_gone(node: Node) -> None:
    """Nobody can answer them any more."""
    first, second = await node.add(1), await node.add(2)
    first.watch()
    await comes_true(lambda: _is(second.own_calls.watched_elsewhere))
    call = second.place()
    await first.sees(7, CallState.RINGING)
    await second.die()
    node.switchboard.leave(2)
    await first.sees(7, None)
    assert not await first.calls.answer(7)
    call.cancel()


async def test_a_worker_whose_supervisor_is_gone_is_not_ready(node: Node) -> None:
    """It has heard the end of its line, and asks nobody any more."""
    first = await node.add(1)
    await first.die()
    assert not await first.membership.ready()
    assert not await first.calls.answer(7)
    with pytest.raises(LineClosed):
        await first.membership.metrics()


async def test_an_end_that_is_too_busy_to_answer_counts_as_closed() -> None:
    """A worker that hangs must not hang the probe that would tell."""
    ours, theirs = await line_pair()
    running = asyncio.create_task(ours.run(Membership(ours).answer, lambda _: None))
    with pytest.raises(LineClosed):
        await ours.ask(ReadReadiness(), 0.01)
    theirs.close()
    await running
    with pytest.raises(LineClosed):
        await ours.ask(ReadReadiness())


async def test_what_is_no_message_ends_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """Another version at the other end is told to the operator, and nothing waits for it."""
    ours, theirs = await line_pair()
    running = asyncio.create_task(ours.run(Membership(ours).answer, lambda _: None))
    theirs.send_orders(b'{"type":"sung"}')
    await running
    assert "restart the server" in caplog.text
    with pytest.raises(LineClosed):
        await ours.ask(ReadReadiness())
    theirs.close()


async def _is(condition: bool) -> bool:
    return condition
