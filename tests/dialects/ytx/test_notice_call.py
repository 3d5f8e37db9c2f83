"""NoticeCall: a registered text, read out.

docs/vendors/ytx.md#noticecall; clients: github.com searches for templateNoticeCall, seen 2026-11. The vendor's page is
http://console.ytx.net/FileDetails/FileNotice.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onema.dialects.ytx.routes import MOST_PHONES, YtxApi
from onema.dialects.ytx.wire import message_of, rate_of
from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import CallPayload
from onema.domain.records import Channel
from onema.speech.message import MAX_RATE, MIN_RATE

from ..running_core import RunningCore
from .test_fuzz import JSON, LENIENT, has_the_vendors_shape
from .vendor_client import APPID, APPLICATION, PHONE, VendorClient, changed, error_body, members, status_code

NOTICE = "call/NoticeCall.wx"
MEMBERS: dict[str, object] = {
    "action": "templateNoticeCall",
    "isdtmfcallback": "1",
    "dst": PHONE,
    "appid": APPID,
    "templateId": "2821",
    "dstclid": "01053924437",
    "datas": ["一号鸟舍", "温度过高"],
}
"""As yzbcore sends it."""
OTHER_PHONE = "13800138000"


@pytest.fixture
async def shop(core: RunningCore, api: YtxApi) -> RunningCore:
    """The shop's texts: one with two places, one with a code, one without places, and one for SMS alone."""

    def template(text: str, name: str, *, spoken: bool = True) -> doc.Template:
        return doc.Template(account="shop", brandname="Shop", text=text, name=name, spoken=spoken)

    await core.configure(
        doc.Brandname(account="shop", name="Shop"),
        template("{P2,30}报警：{P2,40}", "2821"),
        template("您的验证码是{P1,10}，{P1,4}分钟内有效", "9"),
        template("系统恢复", "2750"),
        template("只发短信", "1", spoken=False),
    )
    return core


async def ask(client: VendorClient, **changes: object) -> Any:
    return members(await client.post(NOTICE, changed(MEMBERS, changes)))


async def placed(client: VendorClient, core: RunningCore, **changes: object) -> CallPayload:
    answer = await ask(client, **changes)
    assert answer["statusCode"] == "0", answer
    message = message_of(answer["requestId"])
    assert message is not None
    return await core.queued_call(message)


async def test_a_text_is_read_out_with_the_values_in_its_places(
    client: VendorClient, shop: RunningCore
) -> None:
    """The answer is that of every function, with 03 for this one."""
    answer = await ask(client)
    assert list(answer) == ["statusCode", "statusMsg", "requestId"]
    assert (answer["statusCode"], answer["statusMsg"]) == ("0", "提交成功")
    assert answer["requestId"].endswith("0300")
    message = message_of(answer["requestId"])
    assert message is not None
    call = await shop.queued_call(message)
    assert (call.spoken_text, call.code) == ("一号鸟舍报警：温度过高", "")
    assert (call.phone, call.voice, call.times, call.rate) == ("+8613911281234", "zh", 2, 1.0)
    kept = await shop.message("shop", message)
    assert (kept.channel, kept.application, kept.category) == (Channel.CALL, "codes", "notice keys")


# YunXunSDKPy, the Python client of the Lenovo alarm, the Go client with a code, the Java client with a Long.
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time": 3, "dstclid": None, "speed": 5, "isdtmfcallback": ...}, "一号鸟舍报警：温度过高"),
        (
            {"datas": ["联想监控中心通知", "您的单据号为：REQ00012345"]},
            "联想监控中心通知报警：您的单据号为：REQ00012345",
        ),
        ({"templateId": "9", "datas": ["66537", "2"], "dstclid": ...}, "您的验证码是66537，2分钟内有效"),
        ({"templateId": 2750, "datas": ..., "isdtmfcallback": ...}, "系统恢复"),
    ],
)
async def test_public_clients_are_answered(
    client: VendorClient, shop: RunningCore, changes: dict[str, object], said: str
) -> None:
    """Chinese in UTF-8, ids as texts and numbers, absent and null members."""
    assert (await placed(client, shop, **changes)).spoken_text == said


async def test_whose_keys_are_told_is_kept_with_the_call(client: VendorClient, shop: RunningCore) -> None:
    """As a text or a number; anything else asks for none."""
    for asked, category in (
        ("1", "notice keys"),
        (1, "notice keys"),
        ("0", "notice"),
        (..., "notice"),
        ([], "notice"),
    ):
        await placed(client, shop, isdtmfcallback=asked)
        assert (await shop.messages("shop"))[0].category == category


@pytest.mark.parametrize(("time", "times"), [("1", 1), (2, 2), ("3", 3), (..., 2), (None, 2)])
async def test_it_is_read_out_as_often_as_asked(
    client: VendorClient, shop: RunningCore, time: object, times: int
) -> None:
    """Twice where nothing is said."""
    assert (await placed(client, shop, time=time)).times == times


@pytest.mark.parametrize(
    ("speed", "rate"), [("1", 0.6), (4, 0.9), (5, 1.0), ("9", 1.4), (..., 1.0), ("", 1.0)]
)
async def test_speed_is_a_tenth_for_each_step(
    client: VendorClient, shop: RunningCore, speed: object, rate: float
) -> None:
    """5 is normal, and the default."""
    assert (await placed(client, shop, speed=speed)).rate == rate


def test_every_speed_can_be_spoken() -> None:
    """1 to 9."""
    rates = [rate_of(speed) for speed in range(1, 10)]
    assert all(rate is not None and MIN_RATE <= rate <= MAX_RATE for rate in rates)


# 4196379448, Java: a comment says that several numbers are joined by bars.
async def test_several_phones_are_called_under_one_request(client: VendorClient, shop: RunningCore) -> None:
    """Each has a call of its own, all accepted together."""
    answer = await ask(client, dst=f"{PHONE}|{OTHER_PHONE}")
    calls = await shop.messages("shop")
    assert [call.phone for call in calls] == ["+8613800138000", "+8613911281234"]
    assert {call.together for call in calls} == {message_of(answer["requestId"])}
    assert (await ask(client, dst=f"{PHONE}|12"))["statusCode"] == "-102"
    assert len(await shop.messages("shop")) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dst": ...}, "-2"),
        ({"templateId": None}, "-2"),
        ({"action": "noticeCall"}, "-3"),
        ({"dst": "12"}, "-102"),
        ({"dst": [PHONE]}, "-102"),
        ({"dst": f"{PHONE}|"}, "-102"),
        ({"dst": f"{PHONE},{OTHER_PHONE}"}, "-102"),
        ({"dst": "|".join([PHONE] * (MOST_PHONES + 1))}, "-101"),
        ({"dst": "+84901888484"}, "-1"),
        ({"templateId": "1"}, "-101"),
        ({"templateId": "3"}, "-101"),
        ({"templateId": []}, "-101"),
        ({"datas": ["one"]}, "-101"),
        ({"datas": ["x" * 31, "y"]}, "-101"),
        ({"datas": "one,two"}, "-101"),
        ({"datas": [None, "x"]}, "-101"),
        ({"time": 4}, "-101"),
        ({"time": "0"}, "-101"),
        ({"speed": 0}, "-101"),
        ({"speed": "10"}, "-101"),
        ({"speed": 5.5}, "-101"),
        ({"appid": "f" * 32}, "-205"),
    ],
)
async def test_what_cannot_be_read_out_is_refused_in_the_vendors_codes(
    client: VendorClient, shop: RunningCore, changes: dict[str, object], code: str
) -> None:
    """Nobody is called."""
    assert (await ask(client, **changes))["statusCode"] == code
    assert await shop.messages("shop") == []


async def test_an_application_without_voice_codes_reads_nothing_out(
    client: VendorClient, shop: RunningCore
) -> None:
    """The function is off."""
    await shop.configure(replace(APPLICATION, voice_code=False))
    response = await client.post(NOTICE, changed(MEMBERS, {}))
    assert response.body == error_body("-205", "应用验证失败")


async def test_a_price_that_is_missing_is_told(client: VendorClient, shop: RunningCore) -> None:
    """As for a code."""
    await shop.configure(doc.Tariff(name="default"))
    assert status_code(await client.post(NOTICE, changed(MEMBERS, {}))) == "-1"


@LENIENT
@given(
    asked=st.fixed_dictionaries(
        {},
        optional={name: st.just(value) | JSON for name, value in {**MEMBERS, "time": 2, "speed": 5}.items()},
    )
)
async def test_any_members_get_an_answer(
    client: VendorClient, core: RunningCore, shop: RunningCore, asked: dict[str, object]
) -> None:
    """Signed well, so that all of them are looked at."""
    assert has_the_vendors_shape(await client.post(NOTICE, json.dumps(asked).encode()))
