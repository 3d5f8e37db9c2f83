"""A carrier of the type `smpp` before a simulated SMSC, for tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from onema.channels.contract import Outgoing, Receipt, ReceiptSink
from onema.channels.sms_smpp.carrier import SmppCarrier
from onema.channels.sms_smpp.configuration import Settings
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of, settings_problems
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc

DEADLINE_SECONDS = 30.0
PHONE = "+84901888484"
NOW = 1_800_000_000_000


def smpp_settings(**settings: Any) -> Settings:
    """As a document's."""
    full = {"system_id": "acme", "password": "secret", "addresses": ["127.0.0.1"], **settings}
    document = doc.Carrier(name="telco", type="smpp", settings=full)
    assert not list(settings_problems(Settings, document))
    return settings_of(Settings, document)


def smpp_carrier(
    port: int, receipts: ReceiptSink, now: Callable[[], int] = lambda: NOW, **settings: Any
) -> SmppCarrier:
    """One that comes back at once, and speaks to the SMSC on this port."""
    full = {"addresses": [f"127.0.0.1:{port}"], "answer_seconds": 5.0, **settings}
    return SmppCarrier(
        "telco", smpp_settings(**full), receipts, now=now, steady=time.monotonic, chance=lambda: 0.0
    )


class Heard:
    """A sink that keeps what it hears."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []

    async def __call__(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)


def sms(
    text: str = "482913 is your code",
    phone: str = PHONE,
    *,
    sender: str = "Acme",
    message: int = 7,
    attempt: int = 1,
    valid_until: int = NOW + 300_000,
    facts: dict[str, str] | None = None,
) -> Outgoing:
    payload = SmsPayload(Phone(phone), sender, text, valid_until)
    return Outgoing(AccountId(1), MessageId(message), attempt, payload, facts or {})


@asynccontextmanager
async def before_an_smsc(
    receipts: ReceiptSink | None = None, script: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[tuple[SmppCarrier, Smsc]]:
    """A started carrier and its SMSC."""
    if script is None:
        script = {"receipt": ""}
    async with asyncio.timeout(DEADLINE_SECONDS), Smsc(script_of(script)) as smsc:
        carrier = smpp_carrier(smsc.port, receipts or Heard(), **settings)
        await carrier.start(lambda: None)
        try:
            yield carrier, smsc
        finally:
            await carrier.stop()
            smsc.forget_receipts()
