"""The webhook, which is of our own design: the vendor's payload is not known.

docs/vendors/vbee.md#the-webhook; the vendor's "Webhook API" page was found nowhere.
"""

import json

import msgspec
import pytest

from onema.dialects.vbee.callbacks import VbeeCallbacks
from onema.domain.delivery.outcome import Ending
from onema.domain.records import MessageState

from .vendor_client import VendorClient

URL = "https://shop.example/webhook"
ENDED_AT = 1_790_000_042_500


async def test_a_call_that_ended_is_told_in_sorted_snake_case(client: VendorClient) -> None:
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
    told = VbeeCallbacks().render(ended, URL)
    expected = (
        f'{{"contact_id":"{message.reference}","ended_at":"2026-09-21T14:14:02.500Z",'
        '"phone_number":"+84901888484","price":600.5,"state":"answered"}'
    )
    assert (told.method, told.url, told.body.decode()) == ("POST", URL, expected)
    assert dict(told.headers) == {b"content-type": b"application/json; charset=utf-8"}
    assert list(json.loads(told.body)) == sorted(json.loads(told.body))


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
    client: VendorClient, state: MessageState, ending: str, word: str
) -> None:
    """A word for every ending; rendering fails for none."""
    message = await client.message_of(await client.call())
    told = VbeeCallbacks().render(msgspec.structs.replace(message, state=state, ending=ending), URL)
    assert json.loads(told.body)["state"] == word
