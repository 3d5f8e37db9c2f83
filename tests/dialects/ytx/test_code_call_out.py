"""CodeCallOut: a call that reads a code out.

http://console.ytx.net/FileDetails/FileCodeCallOut and docs/vendors/ytx.md#codecallout.
"""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.dialects.ytx.wire import message_of_request_id, request_id
from onema.domain.codes.call_with_code import longest_call
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId, compose_id, time_of_id
from onema.domain.records import Channel, MessageState

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    ACCOUNT_SID,
    APPID,
    APPLICATION,
    CALL_MEMBERS,
    CALL_OUT,
    CLIENT_IP,
    PHONE,
    Headers,
    VendorClient,
    authorization,
    changed,
    error_body,
    milliseconds_at,
    placed_message,
    sign,
    stamp_at,
    status_code,
)


# The document's sample: strings in this order. github.com/megatontech/yzbcore, yzbcore/Socket/CALL.cs, reads UTF-8.
async def test_an_accepted_call_gets_the_vendors_exact_body(client: VendorClient, core: RunningCore) -> None:
    """Member order, types and spacing are the vendor's."""
    response = await client.call()
    month = stamp_at(core.clock.now())[:6]
    expected = rf'\{{"statusCode":"0","statusMsg":"提交成功","requestId":"{month}[0-9]{{19}}0200"\}}'
    assert re.fullmatch(expected, response.body.decode())
    assert (response.status, response.content_type) == (200, b"application/json; charset=utf-8")


async def test_the_request_id_spells_the_message_that_was_queued(
    client: VendorClient, core: RunningCore
) -> None:
    """What an integrator quotes finds the message's story."""
    message = await core.message("shop", await client.place())
    assert (message.dialect, message.channel, message.application) == ("ytx", Channel.CALL, "codes")
    assert (message.phone, message.client_ip) == ("+8613911281234", CLIENT_IP)
    assert (message.state, message.verification, message.sender) == (MessageState.ACCEPTED, 0, "")


# Samples of github.com/fanshuai/kubrick, server/voice/ytxz/ytx_apis.py: yyyyMM, 19 digits, function, node.
def test_a_request_ids_month_is_chinas() -> None:
    """An hour before midnight in UTC is the next month there."""
    message = compose_id(milliseconds_at("20200501070000"), 7, 3)
    assert request_id(MessageId(message)) == f"202005{message}0200"
    assert request_id(MessageId(compose_id(milliseconds_at("20200430235959"), 7, 3))).startswith("202004")


@given(message=st.integers(10**18, 2**63 - 1))
def test_a_request_id_leads_back_to_its_message(message: int) -> None:
    """29 digits, and the way back."""
    spelled = request_id(MessageId(message))
    assert re.fullmatch("[0-9]{29}", spelled)
    assert message_of_request_id(spelled) == message
    assert time_of_id(message_of_request_id(spelled)) == time_of_id(message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016010000000205",
        "1" * 29,
        f"{request_id(MessageId(10**18))}0",
        f"x{request_id(MessageId(10**18))[1:]}",
        "١" * 29,
    ],
)
def test_what_is_no_request_id_of_ours_is_refused(text: str) -> None:
    """Also one of the right length whose month is not its message's."""
    with pytest.raises(ValueError, match="not a requestId"):
        message_of_request_id(text)


# The document: letters and digits, shorter than 20. Its type there is long, which would lose leading zeros.
@pytest.mark.parametrize(
    ("given_code", "spoken"),
    [
        ("158456", "158456"),
        ("000123", "000123"),
        ("0", "0"),
        (158456, "158456"),
        (0, "0"),
        ("aB3xYz", "aB3xYz"),
        ("1" * 19, "1" * 19),
        (int("9" * 19), "9" * 19),
    ],
)
async def test_a_code_is_spoken_as_it_was_sent(client: VendorClient, given_code: object, spoken: str) -> None:
    """Leading zeros and letters are kept; a JSON number is its digits."""
    assert (await client.placed(code=given_code)).code == spoken


@pytest.mark.parametrize(
    "given_code",
    ["1" * 20, "12-34", "12 34", "12.5", "一二三", "１２３", 10**19, -5, 12.5, True, ["1"], {"a": 1}, "1\n"],
)
async def test_a_code_that_cannot_be_spoken_is_a_bad_value(client: VendorClient, given_code: object) -> None:
    """-101, and no call."""
    assert (await client.call(code=given_code)).body == error_body("-101", "参数不合法")


# The document: at most 3, sent as "3"; github.com/kerbalwzy/YunXunSDKPy sends 3. That none is two is a choice.
@pytest.mark.parametrize(
    ("time", "times"),
    [(..., 2), (None, 2), ("", 2), ("1", 1), ("2", 2), ("3", 3), (1, 1), (3, 3)],
)
async def test_time_is_how_often_the_code_is_read_out(client: VendorClient, time: object, times: int) -> None:
    """As a string or a number."""
    assert (await client.placed(time=time)).times == times


@pytest.mark.parametrize("time", ["0", "4", 0, 4, -1, "three", "2.5", 2.5, True, [1], " 2", "٢"])
async def test_any_other_time_is_a_bad_value(client: VendorClient, time: object) -> None:
    """-101, rather than a number of our choice."""
    assert (await client.call(time=time)).body == error_body("-101", "参数不合法")


# The document: one mobile, or one landline with its area code.
@pytest.mark.parametrize(
    ("dst", "phone"),
    [
        ("13911281234", "+8613911281234"),
        (13911281234, "+8613911281234"),
        ("+8613911281234", "+8613911281234"),
        ("008613911281234", "+8613911281234"),
        ("139-1128-1234", "+8613911281234"),
        ("01053189990", "+861053189990"),
        ("010-53189990", "+861053189990"),
    ],
)
async def test_a_phone_may_be_written_in_many_ways(client: VendorClient, dst: object, phone: str) -> None:
    """National numbers are Chinese."""
    assert (await client.placed(dst=dst)).phone == phone


@pytest.mark.parametrize(
    "dst", ["153****2082", "53189990", "12345", "13911281234,13911281235", True, [PHONE]]
)
async def test_what_is_no_phone_is_refused(client: VendorClient, dst: object) -> None:
    """-102, also for several numbers in one."""
    assert (await client.call(dst=dst)).body == error_body("-102", "电话号码不合法")


async def test_an_accounts_country_is_that_of_its_national_numbers(
    client: VendorClient, core: RunningCore
) -> None:
    """An account in Vietnam calls Vietnamese numbers with this API too."""
    await core.configure(msgspec.structs.replace(ACCOUNT, country="VN"))
    assert (await client.placed(dst="0901888484")).phone == "+84901888484"


# The document: dstclid is "not open yet".
@pytest.mark.parametrize("dstclid", [None, "01053189990", "", 7])
async def test_dstclid_changes_nothing(client: VendorClient, dstclid: object) -> None:
    """The caller number is the carrier's, or the pool's."""
    assert (await client.placed(dstclid=dstclid)).caller == ""


async def test_the_voice_is_mandarin_unless_the_application_says_otherwise(
    client: VendorClient, core: RunningCore
) -> None:
    """And so is its sentence."""
    assert (await client.placed()).voice == "zh"
    await core.configure(msgspec.structs.replace(APPLICATION, voice="en", sentence="Your code is"))
    payload = await client.placed()
    assert (payload.voice, payload.sentence, payload.rate) == ("en", "Your code is", 1.0)


async def test_a_call_holds_the_price_of_its_longest_duration(
    client: VendorClient, core: RunningCore
) -> None:
    """Every started minute of what it may take at most."""
    await client.place(code="1" * 19, time=3)
    minutes = -(-longest_call(None, 19, 3, 1.0) // 60)
    assert minutes > 1
    assert await core.balance("shop") == -minutes * 600


async def test_an_application_with_a_pool_calls_from_its_hotlines(
    client: VendorClient, core: RunningCore
) -> None:
    """Each in turn, evenly."""
    numbers = ["01053189990", "01053189991", "01053189992"]
    await core.configure(
        doc.HotlinePool(name="beijing"),
        *(doc.Hotline(pool="beijing", number=number) for number in numbers),
        msgspec.structs.replace(APPLICATION, pool="beijing"),
    )
    callers = [(await client.placed()).caller for _ in range(9)]
    assert {number: callers.count(number) for number in numbers} == dict.fromkeys(numbers, 3)


# The document has no key for a repeated request, so one that is left out would be a call that nobody gets.
async def test_a_request_that_is_sent_twice_calls_twice(client: VendorClient, core: RunningCore) -> None:
    """Two answers, two calls."""
    assert await client.place() != await client.place()
    assert len(await core.messages("shop")) == 2


# Each is sent by a public client: docs/vendors/ytx.md#every-request.
@pytest.mark.parametrize(
    "headers",
    [
        ((b"content-type", b"application/json;charset=utf-8"),),
        ((b"content-type", b"application/json;charset=utf-8;"), (b"accept", b"application/json;")),
        ((b"content-type", b"application/json"), (b"accept", b"application/json")),
        ((b"content-type", b"application/x-www-form-urlencoded; charset=UTF-8"),),
        ((b"content-type", b"application/x-www-from-urlencoded"),),
        ((b"content-type", b"text/plain"), (b"expect", b"100-continue")),
        (),
    ],
)
async def test_the_body_is_json_whatever_it_is_called(
    client: VendorClient, core: RunningCore, headers: Headers
) -> None:
    """The official .NET helper posts it as a form."""
    stamp = stamp_at(core.clock.now())
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}",
        f"Sign={sign(stamp)}".encode(),
        body=changed(CALL_MEMBERS, {}),
        headers=(*headers, (b"authorization", authorization(stamp).encode())),
    )
    assert status_code(response) == "0"


@pytest.mark.parametrize(
    "path",
    [
        f"/201512/sid/{ACCOUNT_SID}/call/CodeCallOut.wx",
        f"/201612/sid/{ACCOUNT_SID}/call/CodeCallOut.wx",
        f"/201512/SID/{ACCOUNT_SID}/call/codecallout.wx",
        f"/201512//sid/{ACCOUNT_SID}/call/CodeCallOut.wx/",
    ],
)
async def test_the_path_is_read_with_tolerance(client: VendorClient, core: RunningCore, path: str) -> None:
    """Either version, any case, slashes that a base URL left behind."""
    stamp = stamp_at(core.clock.now())
    response = await client.ask(
        path,
        f"Sign={sign(stamp)}".encode(),
        body=changed(CALL_MEMBERS, {}),
        headers=((b"authorization", authorization(stamp).encode()),),
    )
    assert status_code(response) == "0"


# github.com/kerbalwzy/YunXunSDKPy, yunxunSDK/core.py and mixins.py: requests, json.dumps, hexdigest.
async def test_the_python_sdks_request_is_served(client: VendorClient, core: RunningCore) -> None:
    """Its bytes: a number for time, null for dstclid, the sign in lower case."""
    stamp = stamp_at(core.clock.now())
    body = (
        b'{"action": "callOutCode", "dst": "13911281234", "appid": "ff8080813fc70a7b013fc72312324213", '
        b'"code": "003399", "time": 3, "dstclid": null}'
    )
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/call/CodeCallOut.wx",
        b"Sign=" + sign(stamp).encode(),
        body=body,
        headers=(
            (b"user-agent", b"python-requests/2.20.0"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"accept", b"application/json"),
            (b"connection", b"keep-alive"),
            (b"content-type", b"application/json;charset=utf-8"),
            (b"authorization", authorization(stamp).encode()),
            (b"content-length", b"%d" % len(body)),
        ),
    )
    assert json.loads(response.body)["statusMsg"] == "提交成功"
    message = await core.message("shop", placed_message(response))
    assert message.phone == "+8613911281234"


# The official CommenHelper.cs, as embedded in github.com/megatontech/yzbcore; the document's .NET sample.
async def test_the_official_net_helpers_request_is_served(client: VendorClient, core: RunningCore) -> None:
    """Its bytes: a form's content type, the sign in upper case, no Accept."""
    stamp = stamp_at(core.clock.now())
    body = (
        b'{"action":"callOutCode","dst":"13911281234","appid":"ff8080813fc70a7b013fc72312324213",'
        b'"code":"158456","time":"3"} '
    )
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/call/CodeCallOut.wx",
        b"Sign=" + sign(stamp).upper().encode(),
        body=body,
        headers=(
            (b"content-type", b"application/x-www-form-urlencoded; charset=UTF-8"),
            (b"authorization", authorization(stamp).encode()),
            (b"content-length", b"%d" % len(body)),
            (b"expect", b"100-continue"),
            (b"connection", b"Keep-Alive"),
        ),
    )
    assert "提交成功".encode() in response.body


# The sample's content-length of 139 is 24 more than its printed body: exactly `"dstclid":"01053189990",`.
async def test_the_documents_sample_request_is_served(client: VendorClient) -> None:
    """The printed body with the dstclid that its length tells of."""
    body = (
        b'{"action":"callOutCode","dst":"13911281234","dstclid":"01053189990",'
        b'"appid":"ff8080813fc70a7b013fc72312324213","code":"158456","time":"3"}'
    )
    assert status_code(await client.post(CALL_OUT, body)) == "0"
    assert APPID.encode() in body


async def test_a_plus_that_was_lost_on_the_way_reaches_nobody_else(
    client: VendorClient, core: RunningCore
) -> None:
    """A space before what is a number of the United States and one of China: neither is called."""
    assert await client.status(dst=" 13012345678") == "-102"
    assert await core.messages("shop") == []


@pytest.mark.parametrize("dst", ["4001234567", "8001234567", "95123"])
async def test_no_call_is_placed_to_a_service_number(
    client: VendorClient, core: RunningCore, dst: str
) -> None:
    """400 numbers share the cost, 800 numbers are free, and 95123 is no number: no message, no hold."""
    assert await client.status(dst=dst) == "-102"
    assert await core.messages("shop") == []
    assert await core.balance("shop") == 0
