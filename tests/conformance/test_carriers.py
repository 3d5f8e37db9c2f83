"""Every carrier of this program, and the doubles of carriers, through the suite for carriers."""

from collections.abc import AsyncIterator, Callable

import pytest

from onema.channels.contract import Outgoing, Webhook
from onema.channels.handset.calls import HandsetCalls
from onema.channels.handset.carrier import HandsetCarrier
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload
from onema.domain.values.phone import Phone as PhoneNumber
from onema.http.messages import Request
from onema.testing.conformance.carrier import CarrierConformance, FarEnd, Sink, WebhookConformance
from onema.testing.recording_carrier import RecordingCarrier
from onema.testing.webhook_carrier import Report, WebhookCarrier, receive_reports, signed
from onema.wiring.carriers import CARRIER_TYPES

from .http_vendors import UPSTREAMS

SECRET = "webhook-secret"


def sms(phone: str, text: str = "482913 is your code") -> SmsPayload:
    return SmsPayload(PhoneNumber(phone), "Acme", text, 0)


class Scripted(FarEnd):
    """Behind a carrier whose answers are written: each `payload` writes the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.carrier: RecordingCarrier = RecordingCarrier("scripted")

    def payload(self, ending: OutcomeKind) -> Payload | None:
        self.carrier.answers_with(Outcome(kind=ending))
        return sms("+84901888484")

    def left(self) -> int:
        may_have = [
            one
            for one in self.carrier.answered
            if one.kind not in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
        ]
        return len(may_have)

    def hold_answers(self) -> bool:
        self.carrier.gate.clear()
        return True


class TestRecordingCarrier(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> FarEnd:
        return Scripted()


class Reporting(Scripted):
    """Behind a carrier that reports to a webhook, as on another node: only the sink is shared."""

    def __init__(self) -> None:
        super().__init__()
        self.carrier = WebhookCarrier("scripted")
        self._webhook = receive_reports("scripted", SECRET, self.receipts)

    def payload(self, ending: OutcomeKind) -> Payload | None:
        if ending is OutcomeKind.DELIVERED:
            return None
        self.carrier.answers_with(
            Outcome(kind=OutcomeKind.DELIVERED if ending is OutcomeKind.SUBMITTED else ending)
        )
        return sms("+84901888484", "x" * 400)

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        request = signed(Report(reference, word), SECRET, "scripted")
        while (await self._webhook(request)).status != 200:
            pass
        return True


class TestWebhookCarrier(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> FarEnd:
        return Reporting()


class Mute:
    def seconds(self, call: CallPayload) -> float:
        raise ValueError("there is no such voice")


class Phone(FarEnd):
    """Behind the handset: its scripted numbers, and an inbox that keeps each message once."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[int] = set()
        self.carrier = HandsetCarrier("handset", self, HandsetCalls(lambda: 0), Mute(), self.receipts, 0.0)

    async def receive(self, outgoing: Outgoing) -> None:
        self._shown.add(outgoing.message)

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        if outcome.shown:
            self._shown.add(outgoing.message)

    def payload(self, ending: OutcomeKind) -> Payload | None:
        if ending is OutcomeKind.PERMANENT:
            return CallPayload(PhoneNumber("+84901888484"), "", "gone", "4711", None, 1, 1.0, 60, 0)
        numbers = {OutcomeKind.DELIVERED: "+84901888484", OutcomeKind.SUBMITTED: "+84990000004"}
        return sms(numbers[ending]) if ending in numbers else None

    def left(self) -> int:
        return len(self._shown)


class TestHandset(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[FarEnd]:
        phone = Phone()
        yield phone
        await phone.carrier.stop()


def test_every_type_of_carrier_goes_through_the_suite() -> None:
    """Whoever adds one adds it here."""
    assert set(CARRIER_TYPES) == {"handset", *(one.name for one in UPSTREAMS)}


class TestWebhook(WebhookConformance):
    @pytest.fixture
    def sink(self) -> Sink:
        return Sink()

    @pytest.fixture
    def webhook(self, sink: Sink) -> Webhook:
        return receive_reports("scripted", SECRET, sink)

    @pytest.fixture
    def signed(self) -> Callable[[str], Request]:
        return lambda reference: signed(Report(reference, OutcomeKind.DELIVERED), SECRET, "scripted")
