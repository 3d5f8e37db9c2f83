"""What the simulated phone does with an SMS, number by number (docs/handset.md)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from onema.channels.contract import Outgoing, Receipt
from onema.channels.handset.calls import HandsetCalls
from onema.channels.handset.carrier import HandsetCarrier
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import CallPayload, SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone as PhoneNumber

DELIVERED, UNDELIVERED, SUBMITTED = OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED, OutcomeKind.SUBMITTED


class Mute:
    def seconds(self, call: CallPayload) -> float:
        raise ValueError("there is no such voice")


class Phone:
    """The carrier's surroundings: what it showed, with its outcome or by itself, and the receipts that came."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.receipts: asyncio.Queue[OutcomeKind] = asyncio.Queue()
        self.named: list[tuple[str, str]] = []
        self.carrier = HandsetCarrier("handset", self, HandsetCalls(lambda: 0), Mute(), self.report, 0.0)

    async def receive(self, outgoing: Outgoing) -> None:
        self.received.append(outgoing.message)

    async def report(self, receipt: Receipt) -> None:
        assert (receipt.carrier, receipt.reference) in self.named, "its outcome says so too"
        await self.receipts.put(receipt.outcome.kind)

    async def send(self, phone: str) -> OutcomeKind:
        payload = SmsPayload(PhoneNumber(phone), "Acme", "482913 is your code", 0)
        outgoing = Outgoing(AccountId(1), MessageId(7), 1, payload)
        outcome = await self.carrier.send(outgoing)
        if outcome.shown:
            self.received.append(outgoing.message)
        self.named += [(self.carrier.name, reference) for reference in outcome.references]
        return outcome.kind


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    phone = Phone()
    yield phone
    await phone.carrier.stop()


@pytest.mark.parametrize("block", ["+8499000000", "+861990000000"])
@pytest.mark.parametrize("digit", [1, 5, 6, 7, 8])
async def test_most_scripted_phones_receive_sms_at_once(phone: Phone, block: str, digit: int) -> None:
    """Those that are scripted for calls too."""
    assert (await phone.send(f"{block}{digit}"), phone.received) == (DELIVERED, [7])


async def test_any_other_number_just_works(phone: Phone) -> None:
    """Delivered at once."""
    assert (await phone.send("+84901888484"), phone.received) == (DELIVERED, [7])


async def test_an_sms_is_reported_undelivered(phone: Phone) -> None:
    """The carrier takes it, then says that it did not arrive; the phone shows nothing."""
    assert await phone.send("+84990000002") is SUBMITTED
    assert await phone.receipts.get() is UNDELIVERED
    assert phone.received == []


async def test_a_slow_sms_arrives_before_its_receipt(phone: Phone) -> None:
    """Taken at once, shown and reported later."""
    assert (await phone.send("+84990000003"), phone.received) == (SUBMITTED, [])
    assert await phone.receipts.get() is DELIVERED
    assert phone.received == [7]


async def test_a_receipt_gets_lost(phone: Phone) -> None:
    """The phone shows the SMS, and nobody ever says so."""
    assert (await phone.send("+84990000004"), phone.received) == (SUBMITTED, [7])
    assert phone.receipts.empty()


async def test_what_cannot_be_spoken_does_not_ring(phone: Phone) -> None:
    """A voice that is gone fails the call for good, before it may have left us."""
    call = CallPayload(PhoneNumber("+84901888484"), "", "gone", "4711", None, 1, 1.0, 60, 0)
    outcome = await phone.carrier.send(Outgoing(AccountId(1), MessageId(7), 1, call))
    assert (outcome.kind, phone.received) == (OutcomeKind.PERMANENT, [])
    assert "4711" not in outcome.reason + outcome.detail
