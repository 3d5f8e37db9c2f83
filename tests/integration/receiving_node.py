"""Nodes that take carriers' receipts, over either store."""

from onema.channels.contract import Receipt
from onema.delivery.receipts import Receipts
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.outcome import Outcome, OutcomeKind, storable
from onema.domain.delivery.record_outcome import RecordOutcome, SettleMessage
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import Job
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource, SystemEntropy
from onema.storage.contract import Storage, Story
from onema.testing.fake_clock import FakeClock

PRICE = 8_500_000
ACCOUNT = AccountId(1)
LIFETIME_MS = 3 * 86_400_000
CARRIER = "trunk"


class ReceivingNode:
    """One process's core. `results` are what became of its receipts, in order."""

    def __init__(self, storage: Storage, clock: FakeClock, number: int) -> None:
        self.storage = storage
        self.clock = clock
        ids = IdSource(clock, number)
        self.committer = Committer(
            storage,
            Keyring(b"k" * 32),
            clock,
            ids,
            batch_limit=64,
            lease_ms=30_000,
            observer=Unobserved(),
        )
        self.gateway = Gateway(self.committer, clock, ids, SystemEntropy())
        self.results: list[str] = []
        self.receipts = Receipts(self.gateway, storage, lambda carrier, result: self.results.append(result))

    async def configure(self, capture_on: str) -> None:
        """One account that may send whatever it likes."""
        documents = (
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
            doc.Account(name="acme", wallet="postpaid", windows=(), capture_on=capture_on),  # type: ignore[arg-type]  # one of the two
            doc.Brandname(account="acme", name="Acme"),
            doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
        )
        await self.gateway.execute(Configure(entropy=bytes(32), documents=documents))

    async def start_sending(self) -> int:
        """A message whose first attempt has begun."""
        message = self.gateway.next_id()
        await self.gateway.execute(
            SendCode(
                account=ACCOUNT,
                id=MessageId(message),
                now=self.clock.now(),
                entropy=self.gateway.token(ENTROPY_BYTES),
                dialect="native",
                phone=Phone("+84901888484"),
                home_country="VN",
                client_ip="203.0.113.7",
                brandname="Acme",
                text="{OTP} is your code",
                code=NewCode("0123456789", 6, 300_000),
            )
        )
        now = self.clock.now()
        start = StartAttempt(job=message, lease=0, now=now, lease_until=now + 30_000, carrier=CARRIER)
        assert await self.gateway.execute(start) == 1
        return message

    async def end_sending(self, message: int, outcome: Outcome) -> None:
        now = self.clock.now()
        await self.gateway.execute(
            RecordOutcome(
                id=self.gateway.next_id(),
                now=now,
                account=ACCOUNT,
                message=MessageId(message),
                attempt=1,
                outcome=storable(outcome),
                receipt_until=now + LIFETIME_MS,
                carrier=CARRIER,
            )
        )

    async def submit(self, *references: str, parts: int = 0) -> int:
        """A message that the carrier took and gave these names."""
        message = await self.start_sending()
        await self.end_sending(
            message, Outcome(kind=OutcomeKind.SUBMITTED, references=references, parts=parts)
        )
        return message

    async def hear(self, reference: str, kind: OutcomeKind, reason: str = "", carrier: str = CARRIER) -> str:
        """Take a receipt; what became of it."""
        await self.receipts(Receipt(carrier, reference, Outcome(kind=kind, reason=reason)))
        return self.results[-1]

    async def settle(self, message: int) -> None:
        """As if no receipt had come for as long as one is waited for."""
        self.clock.advance(LIFETIME_MS / 1000)
        job = (await self.storage.read([(Job, message)]))[Job, message]
        assert isinstance(job, Job)
        await self.gateway.execute(
            SettleMessage(
                id=self.gateway.next_id(),
                now=self.clock.now(),
                account=ACCOUNT,
                message=MessageId(message),
                lease=job.lease,
            )
        )

    async def story(self, message: int) -> Story:
        story = await self.storage.read_story(ACCOUNT, MessageId(message))
        assert story is not None
        return story

    async def state(self, message: int) -> str:
        return (await self.story(message)).message.state
