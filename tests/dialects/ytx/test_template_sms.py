"""TemplateSMS, and the push that tells what became of an SMS.

docs/vendors/ytx.md#templatesms; clients: github.com searches for TemplateSMS.wx, seen 2026-11.
"""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from onema.dialects.ytx.routes import MOST_PHONES, YtxApi
from onema.dialects.ytx.wire import message_of, request_id
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId
from onema.domain.records import Message, MessageState

from ..running_core import RunningCore
from .vendor_client import (
    APPID,
    APPLICATION,
    VendorClient,
    changed,
    error_body,
    members,
    milliseconds_at,
    push,
    status_code,
)

SEND = "sms/TemplateSMS.wx"
MEMBERS: dict[str, object] = {
    "action": "templateSms",
    "appid": APPID,
    "mobile": "13911281234",
    "templateId": "1",
    "datas": ["0001", "1"],
}
"""As a public Java client sends it."""
TEXT = "您的验证码是{P1,10}，{P1,4}分钟内有效"
OTHER_PHONE = "13800138000"


@pytest.fixture
async def shop(core: RunningCore, api: YtxApi) -> RunningCore:
    """The shop may send texts 1 and 1243, of which the second has no places."""
    await core.configure(
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="0.05"),)),
        doc.Brandname(account="shop", name="Shop"),
        doc.Template(account="shop", brandname="Shop", text=TEXT, name="1"),
        doc.Template(account="shop", brandname="Shop", text="您好", name="1243"),
        doc.Template(account="shop", brandname="Shop", text="nobody can ask for this one"),
    )
    return core


async def send(client: VendorClient, **changes: object) -> Any:
    return members(await client.post(SEND, changed(MEMBERS, changes)))


async def test_a_text_is_sent_with_the_values_in_its_places(client: VendorClient, shop: RunningCore) -> None:
    """In order; the answer's members are strings, and its requestId is the message's, of the vendor's form."""
    answer = await send(client)
    assert list(answer) == ["statusCode", "statusMsg", "requestId"]
    assert (answer["statusCode"], answer["statusMsg"]) == ("0", "提交成功")
    message = message_of(answer["requestId"])
    assert message is not None
    assert answer["requestId"].endswith("0100")
    assert (await shop.queued_sms(message)).text == "您的验证码是0001，1分钟内有效"
    stored = await shop.message("shop", message)
    assert (stored.application, stored.phone, stored.sender) == ("codes", "+8613911281234", "Shop")


# guiji's Java clients send the number 1243, or an Integer and no datas at all.
@pytest.mark.parametrize("changes", [{"templateId": 1243, "datas": ...}, {"templateId": "1243", "datas": []}])
async def test_a_text_without_places_takes_no_values(
    client: VendorClient, shop: RunningCore, changes: dict[str, object]
) -> None:
    """Absent, null or empty; its id may be a number."""
    for datas in (changes["datas"], None):
        assert (await send(client, **{**changes, "datas": datas}))["statusCode"] == "0"


async def test_values_may_be_numbers_and_what_nobody_knows_is_ignored(
    client: VendorClient, shop: RunningCore
) -> None:
    """As `spuid` and `sppwd`, which the vendor's staff hand out."""
    answer = await send(client, datas=[123456, "5"], spuid="x", sppwd="y")
    message = message_of(answer["requestId"])
    assert message is not None
    assert (await shop.queued_sms(message)).text == "您的验证码是123456，5分钟内有效"


async def test_several_phones_get_it_under_one_request(client: VendorClient, shop: RunningCore) -> None:
    """Each has a message of its own, all accepted together."""
    answer = await send(client, mobile=f"13911281234,{OTHER_PHONE}")
    messages = await shop.messages("shop")
    assert [message.phone for message in messages] == ["+8613800138000", "+8613911281234"]
    first = message_of(answer["requestId"])
    assert {message.together for message in messages} == {first}
    assert messages[1].id == first


async def test_of_several_phones_all_are_sent_to_or_none(client: VendorClient, shop: RunningCore) -> None:
    """One that is no number refuses the request."""
    answer = await send(client, mobile="13911281234,12")
    assert answer["statusCode"] == "-102"
    assert await shop.messages("shop") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mobile": ...}, "-2"),
        ({"templateId": ...}, "-2"),
        ({"action": "templateSMS"}, "-3"),
        ({"mobile": "12"}, "-102"),
        ({"mobile": ["13911281234"]}, "-102"),
        ({"mobile": "13911281234,"}, "-102"),
        ({"mobile": ",".join(["13911281234"] * (MOST_PHONES + 1))}, "-101"),
        ({"mobile": "+84901888484"}, "-1"),
        ({"templateId": "2"}, "-101"),
        ({"templateId": {}}, "-101"),
        ({"datas": ["0001"]}, "-101"),
        ({"datas": ["0001", "1", "x"]}, "-101"),
        ({"datas": ["too long a value", "1"]}, "-101"),
        ({"datas": ["two words", "1"]}, "-101"),
        ({"datas": ["{OTP}", "1"]}, "-101"),
        ({"datas": "0001,1"}, "-101"),
        ({"datas": [None, "1"]}, "-101"),
        ({"datas": [True, "1"]}, "-101"),
        ({"appid": "f" * 32}, "-205"),
    ],
)
async def test_what_cannot_be_sent_is_refused_in_the_vendors_codes(
    client: VendorClient, shop: RunningCore, changes: dict[str, object], code: str
) -> None:
    """Nobody gets anything, and nothing is charged."""
    assert (await send(client, **changes))["statusCode"] == code
    assert {message.state for message in await shop.messages("shop")} <= {"refused"}
    assert await shop.balance("shop") == 0


async def test_a_refusal_has_the_vendors_words(client: VendorClient, shop: RunningCore) -> None:
    """All three members, as strings."""
    response = await client.post(SEND, changed(MEMBERS, {"templateId": "2"}))
    assert (response.status, response.body.decode()) == (200, error_body("-101", "参数不合法").decode())


async def test_a_price_that_is_missing_is_told(client: VendorClient, shop: RunningCore) -> None:
    """As for a call."""
    await shop.configure(doc.Tariff(name="default"))
    assert (await send(client))["statusCode"] == "-1"


async def test_an_application_without_voice_codes_may_send(client: VendorClient, shop: RunningCore) -> None:
    """That switch is about calls; one that is switched off may do neither."""
    await shop.configure(replace(APPLICATION, voice_code=False))
    assert (await send(client))["statusCode"] == "0"
    assert status_code(await client.call()) == "-205"
    await shop.configure(replace(APPLICATION, state="inactive"))
    assert (await send(client))["statusCode"] == "-205"


async def test_a_text_of_a_brandname_that_is_gone_cannot_be_sent(
    client: VendorClient, shop: RunningCore
) -> None:
    """Expired, as it would be for a text that its client writes."""
    await shop.configure(doc.Brandname(account="shop", name="Shop", expires_at="2001-01-01"))
    assert (await send(client))["statusCode"] == "-101"


ENDED_AT = "20270401183000"


async def ended(client: VendorClient, core: RunningCore, state: MessageState) -> Message:
    message = message_of((await send(client))["requestId"])
    assert message is not None
    return replace(await core.message("shop", message), state=state, ended_at=milliseconds_at(ENDED_AT))


async def test_the_end_of_an_sms_is_pushed(client: VendorClient, shop: RunningCore) -> None:
    """In the members of the vendor's push about a call's state; all of them strings."""
    message = await ended(client, shop, MessageState.DELIVERED)
    pushed = push(shop, message, "https://shop.example/told?CallState")
    assert (pushed.method, pushed.url) == ("POST", "https://shop.example/told?CallState")
    assert pushed.body.decode() == (
        f'{{"requestid":"{request_id(message.id, "01")}","dsc":"13911281234","state":"delivered",'
        '"stateDesc":"发送成功","timestamp":"2027-04-01 18:30:00"}'
    )
    assert dict(pushed.headers) == {b"content-type": b"application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (MessageState.DELIVERED, ("delivered", "发送成功")),
        (MessageState.UNDELIVERED, ("undelivered", "发送失败")),
        (MessageState.FAILED, ("undelivered", "发送失败")),
        (MessageState.UNCONFIRMED, ("unknown", "未知")),
    ],
)
async def test_every_end_of_an_sms_has_a_word(
    client: VendorClient, shop: RunningCore, state: MessageState, told: tuple[str, str]
) -> None:
    """Also where nobody ever knows."""
    body = json.loads(push(shop, await ended(client, shop, state), "http://x/").body)
    assert (body["state"], body["stateDesc"]) == told


async def test_a_push_names_the_request_that_several_phones_share(
    client: VendorClient, shop: RunningCore
) -> None:
    """Each phone has a push of its own."""
    answer = await send(client, mobile=f"13911281234,{OTHER_PHONE}")
    bodies = [
        json.loads(push(shop, replace(message, state="failed"), "http://x/").body)
        for message in await shop.messages("shop")
    ]
    assert {body["requestid"] for body in bodies} == {answer["requestId"]}
    assert {body["dsc"] for body in bodies} == {"13911281234", OTHER_PHONE}


@pytest.mark.parametrize("function", ["01", "02"])
def test_support_finds_a_message_by_its_request_id(function: str) -> None:
    """Whatever function it names; another function's is none of ours."""
    spelled = request_id(MESSAGE, function)
    assert message_of(spelled) == MESSAGE
    assert message_of(spelled[:25] + "04" + spelled[27:]) is None


MESSAGE = MessageId(3_559_431_677_195_321_344)
