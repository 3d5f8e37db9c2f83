import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec
import pytest

from onema.channels.contract import Carrier, Receipt
from onema.channels.own_codes import OwnCodes
from onema.delivery.attempt import Prepare, nothing_to_prepare
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.dispatcher import JobDispatcher, JobHandler
from onema.delivery.receipts import Receipts
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.call_news import Tells
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import Job, JobKind, Key, Message, Wallet
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.ports import IdSource, SystemEntropy
from onema.storage.contract import Story
from onema.telemetry.metrics import Metrics
from onema.testing.fake_clock import FakeClock
from onema.testing.memory_storage import MemoryStorage
from onema.wiring.delivering import build_dispatcher
from onema.wiring.tracing import Untraced

PRICE = 8_500_000
LIFETIME_MS = 60_000
LEASE_MS = 30_000
ACCOUNT = AccountId(1)
DEADLINE_SECONDS = 20.0
"""After which what a test waits for is not going to happen."""


GIVEN = GivenCode("123456")


class Nothing(msgspec.Struct, frozen=True):
    """A command that changes nothing."""

    def keys(self, context: Context) -> Iterable[Key]:
        return ()

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(True)


async def no_callbacks(job: object) -> None:
    raise AssertionError(f"no callback is configured: {job}")


class DeliveryRig:
    """The core over a store in memory, with carriers that a test scripts. They are handed to after `start`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.storage = MemoryStorage()
        self.keyring = Keyring(b"k" * 32)
        self.metrics = Metrics()
        ids = IdSource(self.clock, 1)
        self.committer = Committer(
            self.storage,
            self.keyring,
            self.clock,
            ids,
            batch_limit=512,
            lease_ms=LEASE_MS,
            observer=self.metrics,
        )
        self.gateway = Gateway(self.committer, self.clock, ids, SystemEntropy())
        self.dispatchers: list[JobDispatcher] = []
        self.watches: list[CarrierWatch] = []
        """Each dispatcher's."""
        self.running: list[dict[str, Carrier]] = []
        """The carriers that run beside each dispatcher, by name."""
        self.heard: list[str] = []
        """What became of each receipt."""
        self._receipts = Receipts(
            self.gateway, self.storage, lambda carrier, result: self.heard.append(result)
        )
        self.closing = contextlib.AsyncExitStack()

    async def configure(
        self, *carriers: Carrier, capture_on: str = "submitted", more: Iterable[doc.AnyDocument] = ()
    ) -> None:
        """An account with money, and a route to each carrier in this order; `more` takes the place of some of it."""
        documents: list[doc.AnyDocument] = [
            doc.Tariff(
                name="default",
                rates=(
                    doc.Rate(channel="sms", price="850"),
                    doc.Rate(channel="call", price="400", period=60),
                ),
            ),
            doc.Account(name="acme", wallet="postpaid", windows=(), capture_on=capture_on),  # type: ignore[arg-type]  # one of the two
            doc.Brandname(account="acme", name="Acme"),
            doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
            doc.Application(account="acme", name="app"),
        ]
        for priority, carrier in enumerate(carriers):
            documents.append(
                doc.Carrier(name=carrier.name, type="test", own_codes=isinstance(carrier, OwnCodes))
            )
            documents.append(doc.Route(channel="sms", carrier=carrier.name, priority=priority))
            documents.append(doc.Route(channel="call", carrier=carrier.name, priority=priority))
        keyed = {(one.kind, one.identity): one for one in (*documents, *more)}
        await self.gateway.execute(
            Configure(entropy=secrets.token_bytes(32), documents=tuple(keyed.values()))
        )

    async def start(
        self,
        *carriers: Carrier,
        concurrency: int = 10,
        kinds: frozenset[JobKind] = frozenset(JobKind),
        on_shown: Callable[[], None] = lambda: None,
        callbacks: JobHandler = no_callbacks,
        tells: Tells | None = None,
        prepare: Prepare = nothing_to_prepare,
        traces: Untraced | None = None,
    ) -> JobDispatcher:
        watch = CarrierWatch(self.clock.now)
        self.watches.append(watch)
        self.running.append({carrier.name: carrier for carrier in carriers})
        dispatcher = build_dispatcher(
            self.gateway,
            self.committer,
            self.storage,
            self.keyring,
            self.running[-1],
            callbacks,
            watch=watch,
            kinds=kinds,
            concurrency=concurrency,
            lease_ms=LEASE_MS,
            receipt_lifetime_ms=LIFETIME_MS,
            poll_seconds=0.005,
            on_shown=on_shown,
            on_named=self._receipts.named,
            tells=tells,
            prepare=prepare,
            traces=traces,
        )
        for carrier in carriers:
            if not carrier.ready and not getattr(carrier, "starts", 0):
                await carrier.start(dispatcher.wake)
        watch.on_usable = dispatcher.wake
        await dispatcher.start()
        self.dispatchers.append(dispatcher)
        return dispatcher

    async def send(
        self, phone: str = "+84901888484", time_alive: int = 300_000, account: int = ACCOUNT
    ) -> int:
        identifier = self.gateway.next_id()
        await self.gateway.execute(
            SendCode(
                account=AccountId(account),
                id=MessageId(identifier),
                now=self.clock.now(),
                entropy=secrets.token_bytes(ENTROPY_BYTES),
                dialect="test",
                phone=Phone(phone),
                home_country="VN",
                client_ip="127.0.0.1",
                brandname="Acme",
                text="{OTP} is your code",
                code=NewCode("0123456789", 6, time_alive),
            )
        )
        return identifier

    async def call(self, code: NewCode | GivenCode = GIVEN) -> int:
        identifier = self.gateway.next_id()
        await self.gateway.execute(
            CallWithCode(
                account=ACCOUNT,
                application="app",
                id=MessageId(identifier),
                now=self.clock.now(),
                entropy=secrets.token_bytes(ENTROPY_BYTES),
                dialect="test",
                phone=Phone("+84901888484"),
                home_country="VN",
                client_ip="127.0.0.1",
                code=code,
                voice="en",
                pool_required=False,
            )
        )
        return identifier

    async def hear(self, receipt: Receipt) -> str:
        """Take a carrier's receipt; what became of it."""
        await self._receipts(receipt)
        return self.heard[-1]

    async def message(self, identifier: int) -> Message:
        return (await self.story(identifier)).message

    async def story(self, identifier: int) -> Story:
        story = await self.storage.read_story(ACCOUNT, MessageId(identifier))
        assert story is not None
        return story

    async def balance(self) -> int:
        wallet = (await self.storage.read([(Wallet, ACCOUNT)])).get((Wallet, ACCOUNT))
        return wallet.balance if isinstance(wallet, Wallet) else 0

    async def reaches(self, identifier: int, state: str) -> Message:
        """Wait until the message is in `state`; every change comes with a batch, so batches are waited for."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (message := await self.message(identifier)).state != state:
                await self.settled()
        return message

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so; what makes it so is done between batches."""
        async with asyncio.timeout(10):
            while not condition():
                await self.settled()

    async def job(self, identifier: int) -> Job:
        """The message's job."""
        job = (await self.storage.read([(Job, identifier)]))[Job, identifier]
        assert isinstance(job, Job)
        return job

    async def was_left(self, identifier: int, carrier: str) -> None:
        """Wait until the message's job was left for this carrier, or for these, with commas between them."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await self.job(identifier)).carrier != carrier:
                await self.settled()

    async def until_leased(self, identifier: int, lease: int) -> None:
        """Wait until the message's job was leased so often, and was left again."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (job := await self.job(identifier)).lease < lease or job.due_at > self.clock.now():
                await self.settled()

    async def settled(self) -> None:
        """Until what waits now is committed."""
        await self.committer.execute(Nothing())


@pytest.fixture
async def rig() -> AsyncIterator[DeliveryRig]:
    rig = DeliveryRig()
    await rig.committer.start()
    yield rig
    for dispatcher in rig.dispatchers:
        await dispatcher.stop(1.0)
    await rig.closing.aclose()
    await rig.committer.stop()
