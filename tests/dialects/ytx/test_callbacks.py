"""The CDR push.

docs/vendors/ytx.md#the-cdr-push; a receiver: github.com/megatontech/yzbcore,
yzbcore/Controllers/app/CallCallbackController.cs.
"""

import json

import msgspec
import pytest

from onema.delivery.callback_contract import CallbackRequest, NotTold
from onema.dialects.ytx.callbacks import YtxCallbacks
from onema.dialects.ytx.routes import YtxApi
from onema.dialects.ytx.wire import request_id
from onema.dialects.ytx.words import CALL_STATES
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_news import CallNews, Told
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Call, Channel, Message, MessageState

from ..running_core import RunningCore
from .vendor_client import APPID, APPLICATION, VendorClient, milliseconds_at, push

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
    pushed = push(core, ended(message, MessageState.DELIVERED, periods=1), URL)
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
    pushed = push(core, ended(await placed(client, core), MessageState.FAILED, "busy"), URL)
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
    pushed = push(core, ended(await placed(client, core), state, ending), URL)
    (record,) = json.loads(pushed.body)["cdr"]
    assert record["stateDesc"] == words
    assert (words in FAILED_WORDS) == (words != "应答|正常")


async def test_a_push_outlives_its_application(client: VendorClient, core: RunningCore, api: YtxApi) -> None:
    """Whatever became of the configuration, rendering does not fail; the same push can be made again."""
    message = ended(await placed(client, core), MessageState.DELIVERED)
    free = msgspec.structs.replace(message, unit_price=0)
    assert push(core, free, URL) == push(core, free, URL)
    await core.configure(
        remove=(("credential", f"ytx/{client.account_sid}"), (APPLICATION.kind, "shop/codes"))
    )
    (record,) = json.loads(push(core, message, URL).body)["cdr"]
    assert record["appid"] == ""


@pytest.mark.parametrize("state", MessageState)
async def test_no_state_makes_rendering_fail(
    client: VendorClient, core: RunningCore, state: MessageState
) -> None:
    """Also those in which no call ends today."""
    assert push(core, ended(await placed(client, core), state), URL).body


STARTED = milliseconds_at(START)


def call_of(message: Message, ending: str = "") -> Call:
    return Call(
        account=message.account,
        message=message.id,
        attempt=1,
        carrier="trunk",
        state="ended",
        started_at=STARTED,
        ending=ending,
    )


def told(core: RunningCore, message: Message, news: CallNews, ending: str = "") -> CallbackRequest | NotTold:
    return YtxCallbacks(core.gateway).render_call(message, call_of(message, ending), news, URL)


def state_told(core: RunningCore, message: Message, news: CallNews, ending: str = "") -> dict[str, str]:
    pushed = told(core, message, news, ending)
    assert isinstance(pushed, CallbackRequest)
    members: dict[str, str] = json.loads(pushed.body)
    return members


# kubrick's receiver: {"requestid","dsc","state","stateDesc","timestamp"}, the state one of four words.
async def test_a_call_state_is_pushed_in_the_vendors_members(client: VendorClient, core: RunningCore) -> None:
    """Byte for byte; all of them strings."""
    message = await placed(client, core)
    pushed = told(core, message, CallNews(1, CallState.RINGING, STARTED + 3_000))
    assert isinstance(pushed, CallbackRequest)
    assert (pushed.method, pushed.url, pushed.body.decode()) == (
        "POST",
        URL,
        f'{{"requestid":"{request_id(message.id)}","dsc":"13911281234","state":"alerting",'
        '"stateDesc":"振铃","timestamp":"2027-04-01 18:30:03"}',
    )
    assert dict(pushed.headers) == {b"content-type": b"application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("state", "ending", "words"),
    [
        (CallState.CALLING, "", ("callout", "呼叫中")),
        (CallState.RINGING, "", ("alerting", "振铃")),
        (CallState.ANSWERED, "", ("answer", "应答")),
        (CallState.ENDED, "", ("disconnect", "挂断")),
        (CallState.ENDED, Ending.BUSY, ("disconnect", "用户正忙")),
        (CallState.ENDED, Ending.ANSWERED, ("disconnect", "应答|正常")),
    ],
)
async def test_every_state_of_a_call_has_the_vendors_word(
    client: VendorClient, core: RunningCore, state: CallState, ending: str, words: tuple[str, str]
) -> None:
    """How it ended is told with the last, in the words of the record."""
    members = state_told(core, await placed(client, core), CallNews(1, state, STARTED), ending)
    assert (members["state"], members["stateDesc"]) == words


async def test_every_state_and_every_key_is_asked_for() -> None:
    """What this API tells of calls."""
    assert YtxCallbacks.told_of_calls == Told(frozenset(CallState), keys=True)
    assert set(CALL_STATES) == set(CallState)


async def test_keys_are_told_to_who_asked_for_them(client: VendorClient, core: RunningCore) -> None:
    """All that were pressed so far; the end of a call with keys is an end."""
    message = await placed(client, core)
    pressed = CallNews(1, CallState.ANSWERED, STARTED, "1#")
    assert told(core, message, pressed) == NotTold("nobody asked for its keys")
    notice = msgspec.structs.replace(message, category="notice keys")
    members = state_told(core, notice, pressed)
    assert (members["state"], members["stateDesc"]) == ("dtmf", "1#")
    assert members["requestid"] == request_id(message.id, "03")
    assert told(core, msgspec.structs.replace(message, category="notice"), pressed) == NotTold(
        "nobody asked for its keys"
    )
    assert state_told(core, notice, CallNews(1, CallState.ENDED, STARTED, "1#"))["state"] == "disconnect"


# The document's question 3: the sandbox has no setting for pushes.
async def test_a_sandbox_is_told_nothing(client: VendorClient, core: RunningCore) -> None:
    """Neither states nor records, nor the end of an SMS; a production application is told."""
    message = ended(await placed(client, core), MessageState.DELIVERED)
    await core.configure(msgspec.structs.replace(APPLICATION, environment="sandbox"))
    renderer = YtxCallbacks(core.gateway)
    nothing = NotTold("its application is a sandbox's")
    assert renderer.render(message, URL) == nothing
    assert renderer.render(msgspec.structs.replace(message, channel=Channel.SMS), URL) == nothing
    assert told(core, message, CallNews(1, CallState.RINGING, STARTED)) == nothing
    await core.configure(APPLICATION)
    assert isinstance(renderer.render(message, URL), CallbackRequest)


async def test_phones_of_one_request_are_told_under_its_id(client: VendorClient, core: RunningCore) -> None:
    """Each with its own number."""
    message = await placed(client, core)
    second = msgspec.structs.replace(
        message, id=message.id + 1, together=message.id, phone="+8613800138000", category="notice"
    )
    members = state_told(core, second, CallNews(1, CallState.ANSWERED, STARTED))
    assert (members["requestid"], members["dsc"]) == (request_id(message.id, "03"), "13800138000")
