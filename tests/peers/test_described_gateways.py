"""A gateway as docs/carriers/http.md describes it, run: Kannel between us and a simulated SMSC."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from onema.channels.contract import Carrier, Outgoing, Receipt, Webhook
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.engine.ports import SystemClock
from onema.http.messages import Request
from onema.testing.running_server import DEADLINE_SECONDS
from onema.testing.smsc.smsc import Smsc
from onema.wiring.carriers import CARRIER_TYPES, Surroundings, problems_of
from tests.docs.described_gateways import described_gateway
from tests.peers.kannel import kannel

LONG = "Mã xác thực của bạn là 482913. " * 5
NOW = SystemClock().now


class Far:
    """What stands around the carrier: its webhook on a port, and the receipts that came by it."""

    def __init__(self) -> None:
        self.webhook: Webhook | None = None
        self.heard: list[Receipt] = []
        self._news = asyncio.Event()

    async def receipts(self, receipt: Receipt) -> None:
        self.heard.append(receipt)
        self._news.set()

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        path, _, query = target.partition(b"?")
        assert self.webhook is not None
        answer = await self.webhook(Request(method.decode(), path.decode(), query, (), b"", "127.0.0.1"))
        writer.write(b"HTTP/1.0 %d X\r\nContent-Length: 0\r\n\r\n" % answer.status)
        writer.close()


@pytest.fixture
async def far() -> Far:
    return Far()


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with Smsc() as smsc:
        yield smsc
        smsc.forget_receipts()


@pytest.fixture
async def carrier(far: Far, smsc: Smsc, tmp_path: Path) -> AsyncIterator[Carrier]:
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with kannel(smsc.port, tmp_path) as kannel_port:
        document = described(kannel_port, port)
        far.webhook = CARRIER_TYPES["http"].webhook(document, far.receipts)  # type: ignore[misc]  # it has one
        around = Surroundings(receipts=far.receipts, inbox=None, calls=None, speaker=None, now=NOW)  # type: ignore[arg-type]  # a sender takes the clock only
        carrier = CARRIER_TYPES["http"].make(document, around)
        await carrier.start(lambda: None)
        yield carrier
        await carrier.stop()
    server.close()


def described(kannel_port: int, port: int) -> doc.Carrier:
    """As the page has it, but for ports and the login of the tests' Kannel."""
    settings: dict[str, Any] = described_gateway("kannel")
    settings["url"] = settings["url"].replace(":13013", f":{kannel_port}")
    settings["public_url"] = f"http://127.0.0.1:{port}"
    settings["receipt_token"] = "atokenofthetestsown"
    settings["query"][0]["value"] = "tests"
    settings["secrets"][0]["value"] = "tests"
    document = doc.Carrier(name="kannel", type="http", settings=settings)
    assert list(problems_of(document)) == []
    return document


def outgoing(phone: str, text: str = "482913 is your code", message: int = 4711) -> Outgoing:
    payload = SmsPayload(Phone(phone), "Acme", text, NOW() + 300_000)
    return Outgoing(AccountId(1), MessageId(message), 1, payload)


async def test_texts_leave_over_kannel_and_receipts_come_back(far: Far, smsc: Smsc, carrier: Carrier) -> None:
    """Also one of several parts outside the GSM alphabet, and one that does not arrive."""
    ends = {
        "+84901888484": ("482913 & <is> your+code%", OutcomeKind.DELIVERED),
        "+84901888485": (LONG, OutcomeKind.DELIVERED),
        "+84990000002": ("482914 is your code", OutcomeKind.UNDELIVERED),
    }
    names = {}
    for number, (phone, (text, _)) in enumerate(ends.items()):
        outcome = await carrier.send(outgoing(phone, text, 4711 + number))
        assert outcome.kind is OutcomeKind.SUBMITTED, outcome
        assert outcome.detail == "HTTP 202 0: Accepted for delivery"
        names[outcome.references] = phone
    await far.hears(3)
    assert {names[one.reference,]: one.outcome.kind for one in far.heard} == {
        phone: kind for phone, (_, kind) in ends.items()
    }
    assert {sms.phone: sms.text for sms in smsc.messages} == {
        phone: text for phone, (text, kind) in ends.items() if kind is OutcomeKind.DELIVERED
    }


async def test_what_kannel_refuses_goes_to_another_carrier(far: Far, smsc: Smsc, tmp_path: Path) -> None:
    """A wrong login is about us and not about the message."""
    async with kannel(smsc.port, tmp_path) as port:
        document = described(port, 1)
        document.settings["secrets"][0]["value"] = "wrong"
        around = Surroundings(receipts=far.receipts, inbox=None, calls=None, speaker=None, now=NOW)  # type: ignore[arg-type]  # a sender takes the clock only
        carrier = CARRIER_TYPES["http"].make(document, around)
        await carrier.start(lambda: None)
        outcome = await carrier.send(outgoing("+84901888484"))
        await carrier.stop()
    assert (outcome.kind, outcome.word) == (OutcomeKind.TEMPORARY, "the carrier is down")
    assert outcome.detail.startswith("HTTP 403 Authorization failed")
