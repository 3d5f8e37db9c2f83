"""What was registered about a message reaches its carrier."""

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.payload import SmsPayload, open_payload, seal_payload
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import MessageState
from onema.domain.values.phone import Phone
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig


async def test_a_carrier_is_told_what_was_registered(rig: DeliveryRig) -> None:
    """By template, brandname and account, and by the carrier itself, which is furthest from the message."""
    carrier = RecordingCarrier("first")
    await rig.configure(
        carrier,
        more=(
            doc.Account(name="acme", wallet="postpaid", windows=(), registered={"entity_id": "1101"}),
            doc.Template(
                account="acme", brandname="Acme", text="{OTP} is your code", registered={"dlt_id": "1107"}
            ),
            doc.Carrier(name="first", type="test", registered={"tm_chain": "1302", "dlt_id": "9"}),
        ),
    )
    await rig.start(carrier)
    await rig.reaches(await rig.send(), MessageState.DELIVERED)
    assert carrier.sent[0].facts == {"tm_chain": "1302", "entity_id": "1101", "dlt_id": "1107"}


async def test_a_call_is_told_what_its_carrier_registered(rig: DeliveryRig) -> None:
    """Calls have no texts to be registered."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier, more=(doc.Carrier(name="first", type="test", registered={"trunk": "7"}),))
    await rig.start(carrier)
    await rig.reaches(await rig.call(), MessageState.DELIVERED)
    assert carrier.sent[0].facts == {"trunk": "7"}


class PayloadOf010(msgspec.Struct, frozen=True, tag="sms", array_like=True):
    """As release 0.1.0 had it."""

    phone: str
    sender: str
    text: str
    valid_until: int
    purpose: str = ""


KEYRING = Keyring(b"k" * 32)


def test_a_job_of_0_1_0_is_opened() -> None:
    """It was accepted before there were facts."""
    before = PayloadOf010("+84901888484", "Acme", "1234", 5, "otp")
    sealed = KEYRING.seal(msgspec.msgpack.encode(before), nonce=b"n" * NONCE_BYTES, bound_to="job:7")
    assert open_payload(sealed, MessageId(7), KEYRING) == SmsPayload(
        Phone("+84901888484"), "Acme", "1234", 5, "otp"
    )


def test_0_1_0_opens_a_job_with_facts() -> None:
    """Both run on one store while it is upgraded."""
    now = SmsPayload(Phone("+84901888484"), "Acme", "1234", 5, "otp", {"entity_id": "1101"})
    sealed = seal_payload(now, MessageId(7), KEYRING, b"n" * NONCE_BYTES)
    plain = KEYRING.open(sealed, bound_to="job:7")
    assert msgspec.msgpack.decode(plain, type=PayloadOf010).purpose == "otp"


async def test_a_carrier_that_asks_for_what_is_missing_is_passed_over(rig: DeliveryRig) -> None:
    """The attempt says why the next one was chosen."""
    asking, other = RecordingCarrier("asking"), RecordingCarrier("other")
    await rig.configure(asking, other, more=(doc.Carrier(name="asking", type="test", needs=("dlt_id",)),))
    await rig.start(asking, other)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.carrier, asking.sent) == ("other", [])
    assert attempt.why.endswith("skipped asking (needs dlt_id)")


async def test_a_message_whose_carriers_ask_for_more_meanwhile_fails_and_costs_nothing(
    rig: DeliveryRig,
) -> None:
    """It was accepted before; the story says what is missing."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    identifier = await rig.send()
    needs = doc.Carrier(name="first", type="test", needs=("dlt_id",))
    await rig.gateway.execute(Configure(entropy=b"e" * 32, documents=(needs,)))
    await rig.start(carrier)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert message.reason == "no carrier takes this number (first: needs dlt_id)"
    assert (await rig.balance(), carrier.sent) == (0, [])
