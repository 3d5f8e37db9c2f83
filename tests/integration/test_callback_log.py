"""Callbacks are logged and told again over both stores, by whichever node."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from onema.administration.answers import Administration
from onema.administration.requests import KeptTry, ReadCallbacks, ReplayCallbacks
from onema.delivery.callback_client import CallbackClient, Told
from onema.delivery.callback_contract import CallbackRequest
from onema.delivery.callbacks import CallbackSender
from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.callback_try import AGAIN, REPLAYED, CallbackTry
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.domain.ids import MessageId
from onema.domain.records import Call, Message
from onema.domain.refusals import Refused
from onema.storage.contract import Storage
from onema.storage.postgres import PostgresStorage
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.fake_clock import FakeClock

from .receiving_node import ReceivingNode

HOST = "acme.example"


class ScriptedReceiver(CallbackClient):
    """An integrator that answers with `statuses` in turn, then 200."""

    def __init__(self, now: FakeClock) -> None:
        super().__init__(seconds=1, now=now.now)
        self.statuses: list[int] = []
        self.told: list[str] = []

    async def tell(self, request: CallbackRequest, *, as_event: bool = False) -> Told:
        self.told.append(request.url)
        status = self.statuses.pop(0) if self.statuses else 200
        problem = "" if status < 300 else f"HTTP {status}"
        return Told(problem, again=bool(problem), host=HOST, status=status)


class Renderer:
    endings: Mapping[Ending, str] = {}  # never changed

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        return CallbackRequest("GET", f"{url}&id={message.id}&state={message.state}")


class Telling:
    """Two nodes, of which the first has told an integrator of a message once."""

    def __init__(self, nodes: list[ReceivingNode], clock: FakeClock) -> None:
        self.clock = clock
        self.node, self.other = nodes
        self.receiver = ScriptedReceiver(clock)
        self.send = CallbackSender(
            self.node.gateway, self.node.storage, {"native": Renderer()}, self.receiver
        )
        self.administration = Administration(self.other.gateway, self.other.storage)

    async def deliver(self, reference: str) -> int:
        message = await self.node.submit(reference)
        await self.node.hear(reference, OutcomeKind.DELIVERED)
        return message

    async def tell(self) -> int:
        """Send every callback that is due; how many."""
        now = self.clock.now()
        jobs = await self.node.storage.lease_callbacks(now, now + 30_000, 10, 10)
        for job in jobs:
            await self.send(job)
        return len(jobs)

    async def log(self) -> list[CallbackTry]:
        """Newest first, page by page."""
        await self.other.committer.refresh_directory()
        page, found = (
            await self.administration.answer(ReadCallbacks(account="acme", limit=1)),
            list[KeptTry](),
        )
        while True:
            found += page.tries
            if page.next is None:
                return [one.tried for one in found]
            page = await self.administration.answer(ReadCallbacks(account="acme", before=page.next, limit=1))


@pytest.fixture(params=["sqlite", "postgres"])
async def telling(request: pytest.FixtureRequest, tmp_path: Path, dsn: str) -> AsyncIterator[Telling]:
    """Both nodes use one file; a server has a connection for each."""
    stores: list[Storage] = [SqliteStorage(tmp_path / "onema.db")]
    if request.param == "postgres":
        stores = [PostgresStorage(dsn), PostgresStorage(dsn)]
    for storage in stores:
        await storage.open()
    clock = FakeClock()
    nodes = [ReceivingNode(stores[number % len(stores)], clock, number + 1) for number in range(2)]
    for node in nodes:
        await node.committer.start()
    await nodes[0].configure("delivered")
    account = doc.Account(name="acme", wallet="postpaid", windows=(), callback_url=f"https://{HOST}/?token=x")
    await nodes[0].gateway.execute(Configure(entropy=bytes(32), documents=(account,)))
    await nodes[1].committer.refresh_directory()
    yield Telling(nodes, clock)
    for node in nodes:
        await node.committer.stop()
    for storage in stores:
        await storage.close()


async def test_tries_are_logged_and_a_message_is_told_of_again(telling: Telling) -> None:
    """Asked of one node, told by the other, with the same content; the log has all of it."""
    telling.receiver.statuses = [500]
    message = await telling.deliver("ref-1")
    assert await telling.tell() == 1
    telling.clock.advance(RETRY_AFTER_SECONDS[0])
    assert await telling.tell() == 1
    assert await telling.tell() == 0
    replayed = ReplayCallbacks(messages=(MessageId(message),))
    assert await telling.administration.answer(replayed) == 1
    telling.clock.advance(1)
    assert await telling.tell() == 1
    assert await telling.log() == [
        CallbackTry(HOST, 200),
        CallbackTry(then=REPLAYED),
        CallbackTry(HOST, 200),
        CallbackTry(HOST, 500, problem="HTTP 500", then=AGAIN),
    ]
    assert telling.receiver.told == [telling.receiver.told[0]] * 3


async def test_many_messages_are_told_of_again_but_for_those_without_an_end(telling: Telling) -> None:
    """The others are passed over; asked for alone, such a one is refused."""
    ended = [await telling.deliver(f"ref-{number}") for number in range(3)]
    assert await telling.tell() == 3
    sent = MessageId(await telling.node.submit("ref-9"))
    messages = (*map(MessageId, ended), sent)
    asked = ReplayCallbacks(messages=messages, account="acme", told_only=True)
    assert await telling.administration.answer(asked) == 3
    assert await telling.tell() == 3
    with pytest.raises(Refused, match="only the end of a message is told"):
        await telling.administration.answer(ReplayCallbacks(messages=(sent,), account="acme"))
    assert await telling.tell() == 0
