"""A code that a carrier makes and checks, from the request to the right answer, over the real core."""

import asyncio

import pytest

from onema.channels.contract import Carrier
from onema.channels.own_codes import OwnCodes
from onema.delivery.code_checks import CodeChecks
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.codes.verification import ATTEMPTS
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId
from onema.domain.records import MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.recording_carrier import RecordingCarrier
from onema.testing.scripted_verifier import ScriptedVerifier

from .conftest import ACCOUNT, DeliveryRig

PHONE = Phone("+84901888484")
TEMPORARY = Outcome(kind=OutcomeKind.TEMPORARY, reason="busy")


class Service:
    """The core with a service that makes codes, before a carrier of ours where there is one."""

    def __init__(self, rig: DeliveryRig, verifier: ScriptedVerifier, *others: RecordingCarrier) -> None:
        self.rig = rig
        self.verifier = verifier
        carriers: list[Carrier] = [OwnCodes(verifier), *others]
        self._carriers = {carrier.name: carrier for carrier in carriers}
        self._checks = CodeChecks(rig.gateway, rig.storage, lambda: self._carriers)

    async def start(self) -> None:
        await self.rig.configure(*self._carriers.values())
        await self.rig.start(*self._carriers.values())

    async def sent(self) -> str:
        """The reference of a new code."""
        identifier = await self.rig.send()
        await self.rig.reaches(identifier, MessageState.SENT)
        return (await self.rig.story(identifier)).attempts[-1].carrier_reference

    async def check(self, code: str, *, as_number: bool = False) -> Check:
        gateway = self.rig.gateway
        return await self._checks.check(
            CheckCode(
                account=AccountId(ACCOUNT),
                id=gateway.next_id(),
                now=gateway.now(),
                phone=PHONE,
                code=code,
                as_number=as_number,
            )
        )


async def a_service(rig: DeliveryRig, *others: RecordingCarrier, **scripted: object) -> Service:
    service = Service(rig, ScriptedVerifier("service", rig.clock.now, **scripted), *others)  # type: ignore[arg-type]  # as the test says
    await service.start()
    return service


async def test_the_carriers_code_is_right_once(rig: DeliveryRig) -> None:
    """What it sends is its own; what we made is never said to it, nor right."""
    service = await a_service(rig)
    reference = await service.sent()
    (asked,) = service.verifier.asked
    assert (asked.phone, asked.channel) == (PHONE, "sms")
    assert await service.check("000000") is Check.WRONG
    code = service.verifier.code_of(reference)
    assert await service.check(code, as_number=True) is Check.RIGHT
    assert await service.check(code) is Check.NOTHING_TO_CHECK
    assert service.verifier.checked == [(reference, "000000"), (reference, code)]


async def test_no_more_checks_are_forwarded_at_once_than_tries_are_left(rig: DeliveryRig) -> None:
    """However many arrive together; the right one among them is right."""
    service = await a_service(rig)
    code = service.verifier.code_of(await service.sent())
    service.verifier.gate.clear()
    tries = [asyncio.create_task(service.check(typed)) for typed in ("1", code, *("2" * 20))]
    await service.verifier.was_checked(ATTEMPTS)
    service.verifier.gate.set()
    found = await asyncio.gather(*tries)
    assert len(service.verifier.checked) == ATTEMPTS
    assert found.count(Check.RIGHT) == 1
    assert found.count(Check.EXHAUSTED) == len(tries) - ATTEMPTS


@pytest.mark.parametrize("answer", [Verdict.NO_ANSWER, ConnectionError("refused: 000000")])
async def test_a_check_without_an_answer_may_be_tried_again(
    rig: DeliveryRig, answer: Verdict | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs no try, and what was typed is in no log."""
    service = await a_service(rig, verdicts=(answer,) * (ATTEMPTS + 1))
    reference = await service.sent()
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(Refused) as refused:
            await service.check("000000")
        assert refused.value.refusal is Refusal.CARRIER_UNAVAILABLE
    assert await service.check(service.verifier.code_of(reference)) is Check.RIGHT
    assert "000000" not in caplog.text


async def test_a_carrier_that_takes_too_long_has_not_answered(rig: DeliveryRig) -> None:
    """A person is waiting."""
    service = await a_service(rig, check_seconds=0.0)
    await service.sent()
    service.verifier.gate.clear()
    with pytest.raises(Refused) as refused:
        await service.check("000000")
    assert refused.value.refusal is Refusal.CARRIER_UNAVAILABLE


async def test_a_code_of_ours_is_sent_where_the_service_cannot(rig: DeliveryRig) -> None:
    """And checked here."""
    ours = RecordingCarrier("ours")
    service = await a_service(rig, ours, outcomes=(TEMPORARY,))
    identifier = await rig.send()
    while (await rig.story(identifier)).attempts[:1] == [] or (await rig.story(identifier)).attempts[
        0
    ].state != "temporary":
        await rig.settled()
    rig.clock.advance(10)
    await rig.reaches(identifier, MessageState.DELIVERED)
    payload = ours.sent[0].payload
    assert isinstance(payload, SmsPayload)
    assert await service.check(payload.text.removesuffix(" is your code")) is Check.RIGHT
    assert service.verifier.checked == []


async def test_a_code_that_was_replaced_meanwhile_is_cancelled(rig: DeliveryRig) -> None:
    """While the service was sending it, the person asked for another."""
    service = await a_service(rig)
    service.verifier.send_gate.clear()
    first = await rig.send()
    await service.verifier.was_asked(1)
    second = await rig.send()
    await service.verifier.was_asked(2)
    service.verifier.send_gate.set()
    for identifier in (first, second):
        await rig.reaches(identifier, MessageState.SENT)
    old, new = [(await rig.story(one)).attempts[-1].carrier_reference for one in (first, second)]
    assert service.verifier.cancelled == [old]
    assert await service.check(service.verifier.code_of(new)) is Check.RIGHT


async def test_a_given_code_passes_the_service_by(rig: DeliveryRig) -> None:
    """Calls here carry one; the service would say another."""
    ours = RecordingCarrier("ours")
    service = await a_service(rig, ours)
    identifier = await rig.call()
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert len(ours.sent) == 1
    assert service.verifier.asked == []
