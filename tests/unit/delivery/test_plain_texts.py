"""Texts of the sender's own, from the command to the carrier."""

from typing import Any

from onema.delivery.sweeper import Sweeper
from onema.domain.codes.send_text import SendText
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import JobKind, MessageState
from onema.domain.values.phone import Phone
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import ACCOUNT, PRICE, DeliveryRig

WEEK_SECONDS = 7 * 86_400


async def send(rig: DeliveryRig, **changed: Any) -> int:
    identifier = rig.gateway.next_id()
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "id": MessageId(identifier),
        "now": rig.clock.now(),
        "entropy": rig.gateway.token(NONCE_BYTES),
        "dialect": "test",
        "phone": Phone("+84901888484"),
        "home_country": "VN",
        "client_ip": "127.0.0.1",
        "brandname": "Acme",
        "text": "4711 is your code",
    }
    await rig.gateway.execute(SendText(**asked | changed))
    return identifier


async def test_a_text_reaches_the_carrier_as_it_was_written(rig: DeliveryRig) -> None:
    """And is charged as every message is."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    message = await rig.reaches(await send(rig), MessageState.DELIVERED)
    payload = carrier.sent[0].payload
    assert isinstance(payload, SmsPayload)
    assert payload.text == "4711 is your code"
    assert (message.held, message.charged) == (0, PRICE)


async def test_a_text_for_later_is_sent_when_its_time_has_come(rig: DeliveryRig) -> None:
    """Not before, and though its hour would be long over."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    at = rig.clock.now() + WEEK_SECONDS * 1000
    later = await send(rig, send_at=at)
    # What is due now passes it by.
    await rig.reaches(await send(rig), MessageState.DELIVERED)
    assert (await rig.message(later)).state == MessageState.ACCEPTED
    assert len(carrier.sent) == 1
    rig.clock.advance(WEEK_SECONDS)
    await rig.reaches(later, MessageState.DELIVERED)


async def test_a_text_for_later_is_not_taken_for_one_that_a_clock_ahead_put_off(rig: DeliveryRig) -> None:
    """A process that starts looks for such jobs, and would send it at once."""
    await rig.configure()
    later = await send(rig, send_at=rig.clock.now() + WEEK_SECONDS * 1000)
    sweeper = Sweeper(
        rig.committer, rig.storage, rig.clock, keep_inbox=1, keep_inbox_ms=1, keep_messages_ms=1
    )
    assert await sweeper.look_at_the_clock() == 0
    job = await rig.job(later)
    assert (job.kind, job.due_at) == (JobKind.SCHEDULED, rig.clock.now() + WEEK_SECONDS * 1000)
