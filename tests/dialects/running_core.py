"""The real core, for tests of what is in front of it: a committer over SQLite, and nobody who delivers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from onema.domain.configuration.configure import Configure
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.documents import AnyDocument
from onema.domain.decision import Command
from onema.domain.delivery.payload import CallPayload, SmsPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job, Key, LiveVerification, Message, Row, Wallet
from onema.domain.values.money import parse_amount
from onema.engine.committer import Committer
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource, SystemEntropy
from onema.storage.contract import SentBetween, SentPage, Story, Unavailable
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.fake_clock import FakeClock

NODE = 7


class BreakableStorage(SqliteStorage):
    """SQLite, until `is_away` is set, or `is_unreadable`; reads wait while `reading` is not set."""

    is_away = False
    is_unreadable = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reading = asyncio.Event()
        self.reading.set()

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        await self.reading.wait()
        if self.is_unreadable:
            raise Unavailable("no connection")
        return await super().read(keys)

    async def read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        if self.is_unreadable:
            raise Unavailable("no connection")
        return await super().read_sent(account, sent)

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        if self.is_away:
            raise Unavailable("the disk is full")
        return await super().begin(keys)


class RunningCore:
    """Start it with `start`, stop it with `stop`. `gateway` is what a dialect gets."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.keyring = Keyring(bytes(range(32)))
        self.storage = BreakableStorage(folder / "onema.db")
        ids = IdSource(self.clock, NODE)
        self.committer = Committer(
            self.storage,
            self.keyring,
            self.clock,
            ids,
            batch_limit=500,
            lease_ms=30_000,
            observer=Unobserved(),
        )
        self.gateway = Gateway(self.committer, self.clock, ids, SystemEntropy())
        self.reads = CustomerReads(self.gateway, self.storage)

    async def start(self) -> None:
        await self.storage.open()
        await self.committer.start()

    async def stop(self) -> None:
        await self.committer.stop()
        await self.storage.close()

    async def configure(self, *documents: AnyDocument, remove: tuple[tuple[str, str], ...] = ()) -> None:
        """Put documents into the directory, as `onema apply` does."""
        command: Command = Configure(entropy=self.gateway.token(32), documents=documents, remove=remove)
        await self.gateway.execute(command)

    async def top_up(self, account: str, amount: str, reference: str = "first payment") -> None:
        command = TopUpWallet(
            id=self.gateway.next_id(),
            now=self.clock.now(),
            account=account,
            reference=reference,
            amount=parse_amount(amount),
        )
        await self.gateway.execute(command)

    def account(self, name: str) -> AccountView:
        return self.gateway.directory.account_named[name]

    async def balance(self, account: str) -> int:
        wallet = await self._row((Wallet, self.account(account).id))
        return wallet.balance if isinstance(wallet, Wallet) else 0

    async def message(self, account: str, message: int) -> Message:
        row = await self._row((Message, self.account(account).id, message))
        assert isinstance(row, Message)
        return row

    async def story(self, account: str, message: int) -> Story:
        story = await self.storage.read_story(AccountId(self.account(account).id), MessageId(message))
        assert story is not None
        return story

    async def messages(self, account: str) -> list[Message]:
        """All messages of the account, newest first."""
        return list(await self.storage.read_messages(AccountId(self.account(account).id), 2**63 - 1, 10_000))

    async def live(self, account: str, phone: str) -> LiveVerification:
        """The phone's current code."""
        row = await self._row((LiveVerification, self.account(account).id, phone, "code"))
        assert isinstance(row, LiveVerification)
        return row

    async def queued_sms(self, message: int) -> SmsPayload:
        """What waits to be delivered, code and all."""
        job = await self.job(message)
        payload = open_payload(job.payload, MessageId(message), self.keyring)
        assert isinstance(payload, SmsPayload)
        return payload

    async def queued_call(self, message: int) -> CallPayload:
        """What waits to be spoken, code and all."""
        job = await self.job(message)
        payload = open_payload(job.payload, MessageId(message), self.keyring)
        assert isinstance(payload, CallPayload)
        return payload

    async def job(self, message: int) -> Job:
        job = await self._row((Job, message))
        assert isinstance(job, Job)
        return job

    async def is_queued(self, message: int) -> bool:
        return await self._row((Job, message)) is not None

    async def _row(self, key: Key) -> Row | None:
        return (await self.storage.read([key])).get(key)
