import asyncio
import secrets
from collections.abc import Iterable
from typing import Any

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.payload import SmsPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job, Wallet
from onema.domain.refusals import Refused
from onema.domain.values.money import Minor, parse_amount
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource, SystemClock
from onema.storage.postgres import PostgresStorage

PRICE = parse_amount("500")
PER_PHONE = 5
ACCOUNT = AccountId(1)


class Node:
    """One process's committer over PostgreSQL; several share a database."""

    def __init__(
        self, storage: PostgresStorage, number: int, patience: float = 0.0, keyring: Keyring | None = None
    ) -> None:
        self.storage = storage
        self.clock = SystemClock()
        self.ids = IdSource(self.clock, number)
        self.keyring = keyring or Keyring(b"k" * 32)
        self.committer = Committer(
            storage,
            self.keyring,
            self.clock,
            self.ids,
            batch_limit=64,
            lease_ms=30_000,
            observer=Unobserved(),
            patience=patience,
        )

    async def configure(self) -> None:
        """One account that may send PER_PHONE codes to a phone, each for PRICE."""
        documents = (
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="500"),)),
            doc.Account(
                name="acme",
                countries=("*",),
                windows=(doc.WindowLimit(per="phone", seconds=600, limit=PER_PHONE),),
            ),
            doc.Brandname(account="acme", name="ACME"),
            doc.Template(account="acme", brandname="ACME", text="{P1,10} is your code"),
        )
        await self.committer.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))

    async def top_up(self, amount: int, reference: str = "first", account: str = "acme") -> Any:
        return await self.committer.execute(
            TopUpWallet(
                id=self.ids.next(),
                now=self.clock.now(),
                account=account,
                reference=reference,
                amount=Minor(amount),
            )
        )

    async def send(self, phone: str) -> Accepted:
        sent: Accepted = await self.committer.execute(
            SendCode(
                account=ACCOUNT,
                id=MessageId(self.ids.next()),
                now=self.clock.now(),
                entropy=secrets.token_bytes(ENTROPY_BYTES),
                dialect="native",
                phone=Phone(phone),
                home_country="VN",
                client_ip="203.0.113.7",
                brandname="ACME",
                text="{OTP} is your code",
                code=NewCode("0123456789", 6, 300_000),
            )
        )
        return sent

    async def check(self, phone: str, code: str) -> Check:
        checked: Check = await self.committer.execute(
            CheckCode(
                account=ACCOUNT, id=self.ids.next(), now=self.clock.now(), phone=Phone(phone), code=code
            )
        )
        return checked

    async def sent_code(self, message: int) -> str:
        """The code in a message that is still to be delivered."""
        job = (await self.storage.read([(Job, message)]))[(Job, message)]
        assert isinstance(job, Job)
        payload = open_payload(job.payload, MessageId(message), self.keyring)
        assert isinstance(payload, SmsPayload)
        return payload.text.split()[0]

    async def balance(self) -> int:
        wallet = (await self.storage.read([(Wallet, ACCOUNT)])).get((Wallet, ACCOUNT))
        return wallet.balance if isinstance(wallet, Wallet) else 0


async def accepted(sends: Iterable[Any]) -> list[Accepted]:
    """Those of many parallel sends that were accepted; the others must have been refused."""
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(result, Accepted | Refused) for result in results), results
    return [result for result in results if isinstance(result, Accepted)]
