"""The CDR push.

docs/vendors/ytx.md#the-cdr-push; a receiver: github.com/megatontech/yzbcore,
yzbcore/Controllers/app/CallCallbackController.cs.
"""

import json

import msgspec
import pytest

from onema.dialects.ytx.callbacks import YtxCallbacks
from onema.dialects.ytx.routes import YtxApi
from onema.dialects.ytx.wire import request_id
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Message, MessageState

from ..running_core import RunningCore
from .vendor_client import APPID, APPLICATION, VendorClient, milliseconds_at

URL = "https://shop.example/cdr?Call"
START = "20270401183000"

# What clients redial on, as the receiver in yzbcore lists it.
FAILED_WORDS = ["未知", "关机", "空号", "停机", "正在通话中", "用户拒接", "无法拨通", "暂停服务", "用户正忙"]


async def placed(client: VendorClient, core: RunningCore) -> Message:
    core.clock.advance((milliseconds_at(START) - core.clock.now()) / 1000)
    return await core.message("shop", await client.place())


def ended(message: Message, state: MessageState, ending: str = "", periods: int = 0) -> Message:
    return msgspec.structs.replace(
        message,
        state=state,
        ending=ending,
        charged=periods * message.unit_price,
        held=0,
        ended_at=milliseconds_at(START) + 42_000,
        talked_ms=31_400 * periods,
    )


# That receiver: POST {"cdr":[{...}]}, all strings, `requestid` in lower case.
async def test_an_answered_call_is_pushed_in_the_vendors_shape(
    client: VendorClient, core: RunningCore
) -> None:
    """Byte for byte, in China's time."""
    message = await placed(client, core)
    pushed = YtxCallbacks(core.gateway).render(ended(message, MessageState.DELIVERED, periods=1), URL)
    expected = (
        f'{{"cdr":[{{"requestid":"{request_id(message.id)}","appid":"{APPID}","fid":"2",'
        '"tel":"13911281234","stime":"2027-04-01 18:30:00","etime":"2027-04-01 18:30:42",'
        '"duration":"32","oriamount":"0.06","stateDesc":"应答|正常"}]}'
    )
    assert (pushed.method, pushed.url, pushed.body.decode()) == ("POST", URL, expected)
    assert dict(pushed.headers) == {b"content-type": b"application/json; charset=utf-8"}


# System.Text.Json, which a receiver uses, refuses numbers where it expects strings.
async def test_every_member_is_a_string(client: VendorClient, core: RunningCore) -> None:
    """Also the amounts."""
    pushed = YtxCallbacks(core.gateway).render(
        ended(await placed(client, core), MessageState.FAILED, "busy"), URL
    )
    (record,) = json.loads(pushed.body)["cdr"]
    assert all(isinstance(value, str) for value in record.values())
    assert (record["duration"], record["oriamount"]) == ("0", "0.00")


@pytest.mark.parametrize(
    ("state", "ending", "words"),
    [
        (MessageState.DELIVERED, "", "应答|正常"),
        (MessageState.DELIVERED, Ending.ANSWERED, "应答|正常"),
        (MessageState.DELIVERED, Ending.HUNG_UP, "应答|正常"),
        (MessageState.UNDELIVERED, Ending.BUSY, "用户正忙"),
        (MessageState.UNDELIVERED, Ending.DECLINED, "用户拒接"),
        (MessageState.UNDELIVERED, Ending.NO_ANSWER, "无法拨通"),
        (MessageState.DELIVERED, Ending.VOICEMAIL, "无法拨通"),
        (MessageState.UNDELIVERED, Ending.SWITCHED_OFF, "关机"),
        (MessageState.UNDELIVERED, Ending.NOT_IN_SERVICE, "空号"),
        (MessageState.UNDELIVERED, Ending.SUSPENDED, "停机"),
        (MessageState.UNDELIVERED, "", "无法拨通"),
        (MessageState.FAILED, Ending.BLOCKED, "无法拨通"),
        (MessageState.FAILED, "", "无法拨通"),
        (MessageState.UNCONFIRMED, "", "未知"),
    ],
)
async def test_how_a_call_ended_is_told_in_words_that_receivers_know(
    client: VendorClient, core: RunningCore, state: MessageState, ending: str, words: str
) -> None:
    """A receiver redials when it reads one of nine words; what was not heard is always one of them."""
    pushed = YtxCallbacks(core.gateway).render(ended(await placed(client, core), state, ending), URL)
    (record,) = json.loads(pushed.body)["cdr"]
    assert record["stateDesc"] == words
    assert (words in FAILED_WORDS) == (words != "应答|正常")


async def test_a_push_outlives_its_application(client: VendorClient, core: RunningCore, api: YtxApi) -> None:
    """Whatever became of the configuration, rendering does not fail; the same push can be made again."""
    message = ended(await placed(client, core), MessageState.DELIVERED)
    free = msgspec.structs.replace(message, unit_price=0)
    assert api.callbacks.render(free, URL) == api.callbacks.render(free, URL)
    await core.configure(
        remove=(("credential", f"ytx/{client.account_sid}"), (APPLICATION.kind, "shop/codes"))
    )
    (record,) = json.loads(api.callbacks.render(message, URL).body)["cdr"]
    assert record["appid"] == ""


@pytest.mark.parametrize("state", MessageState)
async def test_no_state_makes_rendering_fail(
    client: VendorClient, core: RunningCore, state: MessageState
) -> None:
    """Also those in which no call ends today."""
    assert YtxCallbacks(core.gateway).render(ended(await placed(client, core), state), URL).body
