"""Every carrier of this program, and the doubles of carriers, through the suite for carriers."""

from collections.abc import AsyncIterator, Callable
from typing import ClassVar

import pytest

from onema.channels.contract import Outgoing, Webhook
from onema.channels.handset.calls import HandsetCalls
from onema.channels.handset.carrier import HandsetCarrier
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload
from onema.domain.values.phone import Phone as PhoneNumber
from onema.http.messages import Request
from onema.protocols.sip.called import Script
from onema.protocols.smpp.commands import DELIVER_SM
from onema.protocols.smpp.pdus import ShortMessage
from onema.protocols.smpp.receipts import SMSC_RECEIPT
from onema.testing.conformance.carrier import CarrierConformance, FarEnd, Sink, WebhookConformance
from onema.testing.recording_carrier import RecordingCarrier
from onema.testing.smsc.receipts import Receipt as SimulatedReceipt
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc
from onema.testing.webhook_carrier import Report, WebhookCarrier, receive_reports, signed
from onema.wiring.carriers import CARRIER_TYPES
from tests.sip import VOICES, FarPhones, sip_carrier
from tests.sip import call as spoken
from tests.smpp import smpp_carrier

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


class Network(FarEnd):
    """Behind binds to a simulated SMSC, whose numbers end in what becomes of their messages."""

    ENDINGS: ClassVar = {
        OutcomeKind.SUBMITTED: sms("+84901888480"),
        OutcomeKind.TEMPORARY: sms("+84901888481"),
        OutcomeKind.PERMANENT: sms("+84901888482"),
        OutcomeKind.UNKNOWN: sms("+84901888483"),
        # The second of its parts is refused.
        OutcomeKind.UNDELIVERED: sms("+84901888484", "x" * 200),
    }
    WORDS: ClassVar = {
        OutcomeKind.DELIVERED: "DELIVRD",
        OutcomeKind.UNDELIVERED: "UNDELIV",
        OutcomeKind.SUBMITTED: "ENROUTE",
        OutcomeKind.UNKNOWN: "BUFFRED",
    }

    def __init__(self, smsc: Smsc) -> None:
        super().__init__()
        self._smsc = smsc
        self.carrier = smpp_carrier(smsc.port, self.receipts, answer_seconds=0.3)

    def payload(self, ending: OutcomeKind) -> Payload | None:
        return self.ENDINGS.get(ending)

    def left(self) -> int:
        return len(self._smsc.messages)

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        smsc, before = self._smsc, self._smsc.counts.acknowledged
        text = f"id:{reference} sub:001 dlvrd:001 stat:{self.WORDS[word]} err:000 text:"
        body = ShortMessage(esm_class=SMSC_RECEIPT, short_message=text.encode()).encode()
        smsc._report("acme", SimulatedReceipt(DELIVER_SM, body, reference))
        await smsc.until(lambda: smsc.counts.acknowledged > before)
        return True

    def hold_answers(self) -> bool:
        self._smsc.script = script_of({"answer": "silence"})
        return True


class TestSmpp(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[FarEnd]:
        rules = [
            {"to": "*1", "then": {"answer": "ESME_RSYSERR"}},
            {"to": "*2", "then": {"answer": "ESME_RINVDSTADR"}},
            {"to": "*3", "then": {"answer": "silence"}},
            {"to": "*4", "skip": 1, "then": {"answer": "ESME_RINVDSTADR"}},
        ]
        async with Smsc(script_of({"receipt": "", "receipt_pause": 0.0, "rules": rules})) as smsc:
            network = Network(smsc)
            yield network
            await network.carrier.stop()


class Trunk(FarEnd):
    """Behind a trunk: phones whose numbers end in what becomes of their calls, most of them in a second."""

    NUMBERS: ClassVar = {
        OutcomeKind.DELIVERED: "+84901888480",
        OutcomeKind.TEMPORARY: "+84901888481",
        OutcomeKind.UNDELIVERED: "+84901888482",
    }

    def __init__(self, phones: FarPhones) -> None:
        super().__init__()
        self._phones = phones
        phones.scripts["+84901888481"] = Script(provisional=(), status=503)
        phones.scripts["+84901888482"] = Script(status=486)
        self.carrier = sip_carrier(phones, speaker=VOICES)

    def payload(self, ending: OutcomeKind) -> Payload | None:
        if ending is OutcomeKind.PERMANENT:
            return CallPayload(PhoneNumber("+84901888484"), "", "gone", "4711", None, 1, 1.0, 60, 0)
        number = self.NUMBERS.get(ending)
        return spoken(number, "7", max_seconds=1).payload if number else None

    def left(self) -> int:
        return sum(bool(one.call.script.provisional) for one in self._phones.calls)

    def hold_answers(self) -> bool:
        self._phones.default = Script(final_after=None)
        return True


class TestSip(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[FarEnd]:
        async with FarPhones() as phones:
            trunk = Trunk(phones)
            yield trunk
            await trunk.carrier.stop()


def test_every_type_of_carrier_goes_through_the_suite() -> None:
    """Whoever adds one adds it here; services that make codes have a suite of their own."""
    carrying = {name for name, one in CARRIER_TYPES.items() if not one.own_codes}
    assert carrying == {"handset", "sip", "smpp", *(one.name for one in UPSTREAMS)}


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
