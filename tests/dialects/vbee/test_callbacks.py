"""The webhook, which is of our own design: the vendor's payload is not known.

docs/vendors/vbee.md#the-webhook; the vendor's "Webhook API" page was found nowhere.
"""

import hmac
import json

import msgspec
import pytest

from onema.dialects.vbee.callbacks import VbeeCallbacks
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Call, MessageState

from ..running_core import RunningCore
from .vendor_client import API_SECRET, CREDENTIAL, VendorClient

URL = "https://shop.example/webhook"
ENDED_AT = 1_790_000_042_500


CALL = Call(
    account=AccountId(1),
    message=MessageId(7),
    attempt=2,
    carrier="trunk",
    state="ended",
    started_at=1,
    ring_ms=4_250,
    talk_ms=17_500,
    keys="1",
)


async def test_a_call_that_ended_is_told_in_sorted_snake_case(
    client: VendorClient, core: RunningCore
) -> None:
    """Byte for byte; the phone is told in E.164 as the vendor's other answers do."""
    message = await client.message_of(await client.call())
    ended = msgspec.structs.replace(
        message,
        state=MessageState.DELIVERED,
        reason="answered",
        ending=Ending.ANSWERED,
        charged=6_005_000,
        ended_at=ENDED_AT,
    )
    told = VbeeCallbacks(core.gateway).render(ended, URL, CALL)
    expected = (
        f'{{"calls":2,"contact_id":"{message.reference}","ended_at":"2026-09-21T14:14:02.500Z","keys":"1",'
        '"phone_number":"+84901888484","price":600.5,"ring_seconds":4.25,"state":"answered","talk_seconds":17.5}'
    )
    assert (told.method, told.url, told.body.decode()) == ("POST", URL, expected)
    assert list(json.loads(told.body)) == sorted(json.loads(told.body))


async def test_the_body_is_signed_with_the_applications_secret(
    client: VendorClient, core: RunningCore
) -> None:
    """As a receiver computes it; with both while a client moves from one pair of keys to the next."""
    message = await client.message_of(await client.call())
    told = VbeeCallbacks(core.gateway).render(message, URL, CALL)
    expected = "sha256=" + hmac.digest(API_SECRET.encode(), told.body, "sha256").hex()
    assert dict(told.headers) == {
        b"content-type": b"application/json; charset=utf-8",
        b"x-onema-signature": expected.encode(),
    }
    others: tuple[doc.AnyDocument, ...] = (
        msgspec.structs.replace(CREDENTIAL, key="next", secret="another secret"),
        msgspec.structs.replace(CREDENTIAL, key="retired", secret="retired secret", state="inactive"),
        msgspec.structs.replace(CREDENTIAL, key="elsewhere", secret="elsewhere", application="other"),
        doc.Application(account="shop", name="other"),
    )
    await core.configure(*others)
    told = VbeeCallbacks(core.gateway).render(message, URL, CALL)
    of_next = "sha256=" + hmac.digest(b"another secret", told.body, "sha256").hex()
    header = dict(told.headers)[b"x-onema-signature"].decode()
    assert sorted(header.split(",")) == sorted((expected, of_next))


async def test_without_keys_it_is_told_unsigned(client: VendorClient, core: RunningCore) -> None:
    """Whatever became of the configuration, and where nothing was heard of a call."""
    message = await client.message_of(await client.call())
    await core.configure(remove=((CREDENTIAL.kind, CREDENTIAL.identity),))
    told = VbeeCallbacks(core.gateway).render(message, URL)
    assert [name for name, _ in told.headers] == [b"content-type"]
    members = json.loads(told.body)
    assert (members["calls"], members["keys"], members["ring_seconds"], members["talk_seconds"]) == (
        0,
        "",
        0,
        0,
    )


# Named after the flags of the vendor's `re_call`: is_busy, is_failed, is_no_answer, is_voice_mail.
@pytest.mark.parametrize(
    ("state", "ending", "word"),
    [
        (MessageState.DELIVERED, Ending.ANSWERED, "answered"),
        (MessageState.DELIVERED, Ending.HUNG_UP, "answered"),
        (MessageState.DELIVERED, "", "answered"),
        (MessageState.UNDELIVERED, Ending.BUSY, "busy"),
        (MessageState.UNDELIVERED, Ending.DECLINED, "busy"),
        (MessageState.UNDELIVERED, Ending.NO_ANSWER, "no_answer"),
        (MessageState.UNDELIVERED, Ending.VOICEMAIL, "voice_mail"),
        (MessageState.DELIVERED, Ending.VOICEMAIL, "voice_mail"),
        (MessageState.UNDELIVERED, Ending.SWITCHED_OFF, "failed"),
        (MessageState.UNDELIVERED, "", "failed"),
        (MessageState.FAILED, Ending.CARRIER_DOWN, "failed"),
        (MessageState.FAILED, "", "failed"),
        (MessageState.UNCONFIRMED, "", "unknown"),
        (MessageState.REFUSED, "", "failed"),
        (MessageState.ACCEPTED, "", "failed"),
    ],
)
async def test_how_a_call_ended_is_told_in_one_word(
    client: VendorClient, core: RunningCore, state: MessageState, ending: str, word: str
) -> None:
    """A word for every ending; rendering fails for none."""
    message = await client.message_of(await client.call())
    told = VbeeCallbacks(core.gateway).render(
        msgspec.structs.replace(message, state=state, ending=ending), URL
    )
    assert json.loads(told.body)["state"] == word
