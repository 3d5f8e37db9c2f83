"""CallCdr: the pull of records, and what it has in common with the push.

docs/vendors/ytx.md#callcdr; a client: github.com/fanshuai/kubrick, server/voice/ytxz/ytx_apis.py, which names
https://console.ytx.net/FileDetails/FileGetCallCdr.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onema.dialects.ytx.call_records import (
    MOST_RECORDS,
    NEWEST_MS,
    UNDER_WAY_MS,
    Record,
    pushed_record,
    record_of,
)
from onema.dialects.ytx.wire import request_id
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId, first_id_at
from onema.domain.records import Channel, Message, MessageState
from onema.domain.values.phone import Phone

from ..running_core import RunningCore
from .test_fuzz import JSON, LENIENT, has_the_vendors_shape
from .vendor_client import (
    APPID,
    APPLICATION,
    VendorClient,
    changed,
    error_body,
    members,
    milliseconds_at,
    push,
)

CALL_CDR = "call/CallCdr.wx"
BY_ID: dict[str, object] = {
    "action": "getCdrByResId",
    "appid": APPID,
    "fid": "2",
    "lastresid": "0",
    "limit": 1,
}
BY_TIME: dict[str, object] = {"action": "getCdrByTime", "appid": APPID, "pdate": "20270401", "ptime": "18"}
START = milliseconds_at("20270401183000")


def call(number: int, minute: float = 0, **changes: Any) -> Message:
    """The shop's call of this number, asked for so many minutes after START."""
    row = Message(
        account=1,  # type: ignore[arg-type]  # the shop's, told by `keep`
        id=MessageId(first_id_at(START + round(minute * 60_000)) + number),
        dialect="ytx",
        channel=Channel.CALL,
        phone=Phone("+8613911281234"),
        sender="",
        application="codes",
        reference="",
        client_ip="",
        verification=0,
        code_expires_at=0,
        segments=0,
        period=60,
        unit_price=600,  # type: ignore[arg-type]  # 0.06
        price=600,  # type: ignore[arg-type]
        held=0,  # type: ignore[arg-type]
        charged=600,  # type: ignore[arg-type]
        talked_ms=31_400,
        state=MessageState.DELIVERED,
        reason="",
        ended_at=START + round(minute * 60_000) + 42_000,
        ending=Ending.ANSWERED,
    )
    return replace(row, **changes)


async def keep(core: RunningCore, *calls: Message, at: float = 60) -> None:
    """They are in the store, and it is so many minutes after START."""
    core.clock.advance((START - core.clock.now()) / 1000 + at * 60)
    account = core.account("shop").id
    await core.storage.begin([])
    await core.storage.commit(1, {}, [replace(one, account=account) for one in calls])


async def ask(client: VendorClient, asked: dict[str, object], **changes: object) -> Any:
    return members(await client.post(CALL_CDR, changed(asked, changes)))


async def ids(client: VendorClient, asked: dict[str, object], **changes: object) -> list[str]:
    return [record["requestid"] for record in (await ask(client, asked, **changes))["cdr"]]


async def test_a_record_has_the_members_of_the_push_and_numbers_where_it_has_numbers(
    client: VendorClient, core: RunningCore
) -> None:
    """Byte for byte; kubrick multiplies `duration` and `oriamount`."""
    await keep(core, call(1))
    response = await client.post(CALL_CDR, changed(BY_ID, {}))
    assert (response.status, response.body.decode()) == (
        200,
        f'{{"cdr":[{{"requestid":"{request_id(call(1).id)}","appid":"{APPID}","fid":2,"tel":"13911281234",'
        '"stime":"2027-04-01 18:30:00","etime":"2027-04-01 18:30:42","duration":32,"oriamount":0.06,'
        '"stateDesc":"应答|正常"}]}',
    )


def test_push_and_pull_tell_the_same() -> None:
    """Number for string; but for trailing zeros of an amount."""
    pushed = json.loads(pushed_record(call(1), APPID))["cdr"][0]
    pulled = record_of(call(1), APPID)
    assert list(pushed) == list(Record.__struct_fields__)
    assert pushed == {name: str(getattr(pulled, name)) for name in pushed}


async def test_the_push_is_made_of_the_same_record(core: RunningCore, client: VendorClient) -> None:
    """Of an account that is gone the appid is empty."""
    pushed = json.loads(push(core, call(1, account=9), "http://x/").body)
    assert pushed["cdr"] == [record_of(call(1), "").pushed("0.06")]


async def test_asking_on_from_the_last_record_reads_each_call_once(
    client: VendorClient, core: RunningCore
) -> None:
    """In order, so many at once; nothing at the end."""
    calls = [call(number, minute=number) for number in range(5)]
    await keep(core, *reversed(calls))
    told, last = list[str](), "0"
    while found := await ids(client, BY_ID, lastresid=last, limit="2"):
        told += found
        last = found[-1]
    assert told == [request_id(one.id) for one in calls]


async def test_limit_0_is_the_record_itself(client: VendorClient, core: RunningCore) -> None:
    """As kubrick asks for one; of an id that is no call's there is none."""
    calls = [call(number, minute=number) for number in range(3)]
    await keep(core, *calls)
    wanted = request_id(calls[1].id)
    assert await ids(client, BY_ID, lastresid=wanted, limit=0) == [wanted]
    assert await ids(client, BY_ID, lastresid=request_id(call(9).id), limit=0) == []


async def test_a_call_under_way_ends_the_list(client: VendorClient, core: RunningCore) -> None:
    """Who asks on would never hear of it otherwise; after a while it holds up nobody, and nobody knows how it went."""
    under_way = call(2, minute=2, state=MessageState.SENT, ending="", ended_at=0, talked_ms=0, charged=0)
    await keep(core, call(1), under_way, call(3, minute=3), at=4)
    assert await ids(client, BY_ID, limit=9) == [request_id(call(1).id)]
    assert await ids(client, BY_ID, lastresid=request_id(under_way.id), limit=0) == [request_id(under_way.id)]
    core.clock.advance(UNDER_WAY_MS / 1000)
    told = (await ask(client, BY_ID, limit=9))["cdr"]
    assert [(record["etime"], record["stateDesc"]) for record in told][1] == ("", "未知")
    assert len(told) == 3


async def test_what_was_just_asked_for_is_in_no_list(client: VendorClient, core: RunningCore) -> None:
    """Another process may still be writing an earlier one."""
    await keep(core, call(1), at=NEWEST_MS / 2 / 60_000)
    assert await ids(client, BY_ID) == []
    core.clock.advance(NEWEST_MS / 1000)
    assert await ids(client, BY_ID) == [request_id(call(1).id)]


async def test_phones_of_one_request_are_never_parted(client: VendorClient, core: RunningCore) -> None:
    """They share a requestid, so who asks on from it would miss the rest; others in between come after them."""
    first = call(1)
    together = [replace(call(number), together=first.id, category="notice") for number in (1, 3, 4)]
    await keep(core, *together, call(2), call(5))
    asked = {**BY_ID, "fid": ...}
    shared = request_id(first.id, "03")
    assert await ids(client, asked, limit=1) == [shared] * 3
    assert await ids(client, asked, lastresid=shared, limit=1) == [request_id(call(2).id)]
    assert await ids(client, asked, lastresid=request_id(call(2).id), limit=1) == [request_id(call(5).id)]


async def test_the_function_says_which_calls(client: VendorClient, core: RunningCore) -> None:
    """Codes 2, notices 3; none for what there is not, such as the vendor's double calls."""
    await keep(core, call(1), call(2, category="notice"), call(3, category="notice keys"))
    told = {fid: len(await ids(client, BY_ID, fid=fid, limit=9)) for fid in ("2", "3", "4", "", "x")}
    assert told == {"2": 1, "3": 2, "4": 0, "": 3, "x": 0}
    assert [record["fid"] for record in (await ask(client, BY_ID, fid=..., limit=9))["cdr"]] == [2, 3, 3]


async def test_only_the_applications_own_calls_are_told(client: VendorClient, core: RunningCore) -> None:
    """And no SMS, nor what came in through another API."""
    others = [
        call(1, application="other"),
        call(2, channel=Channel.SMS),
        call(3, dialect="vbee"),
    ]
    await keep(core, *others, call(4))
    assert await ids(client, BY_ID, limit=9) == [request_id(call(4).id)]


async def test_calls_of_another_application_do_not_hide_its_own(
    client: VendorClient, core: RunningCore
) -> None:
    """However many there are before."""
    await keep(core, *(call(number, application="other") for number in range(1_500)), call(1_501))
    assert await ids(client, BY_ID, limit=9) == [request_id(call(1_501).id)]


@pytest.mark.parametrize("date", ["20270401", "2027-04-01"])
async def test_an_hour_has_the_calls_that_were_asked_for_in_it(
    client: VendorClient, core: RunningCore, date: str
) -> None:
    """China's time, from its first moment to before the next one's; also those that ended later."""
    calls = [call(number, minute) for number, minute in enumerate((-30.01, -30, 0, 29.99, 30))]
    await keep(core, *calls)
    assert await ids(client, BY_TIME, pdate=date) == [request_id(one.id) for one in calls[1:4]]
    assert await ids(client, BY_TIME, ptime=19) == [request_id(calls[4].id)]
    assert await ids(client, BY_TIME, ptime="03") == []


@pytest.mark.parametrize(
    ("asked", "changes", "code"),
    [
        (BY_ID, {"lastresid": ...}, "-2"),
        (BY_ID, {"limit": None}, "-2"),
        (BY_TIME, {"pdate": ""}, "-2"),
        (BY_TIME, {"ptime": ...}, "-2"),
        (BY_ID, {"appid": ...}, "-2"),
        (BY_ID, {"action": "getCdr"}, "-3"),
        (BY_ID, {"action": ["getCdrByResId"]}, "-3"),
        (BY_ID, {"limit": 0}, "-101"),
        (BY_ID, {"limit": -1}, "-101"),
        (BY_ID, {"limit": "many"}, "-101"),
        (BY_ID, {"limit": 1.5}, "-101"),
        (BY_ID, {"lastresid": "1"}, "-101"),
        (BY_ID, {"lastresid": "20200437752594783293931520401"}, "-101"),
        (BY_TIME, {"ptime": "24"}, "-101"),
        (BY_TIME, {"pdate": "20270230"}, "-101"),
        (BY_TIME, {"pdate": "1.4.2027"}, "-101"),
        (BY_ID, {"appid": "f" * 32}, "-205"),
    ],
)
async def test_what_is_no_question_is_refused_in_the_vendors_codes(
    client: VendorClient, asked: dict[str, object], changes: dict[str, object], code: str
) -> None:
    """In the usual three strings."""
    response = await client.post(CALL_CDR, changed(asked, changes))
    assert has_the_vendors_shape(response)
    assert members(response)["statusCode"] == code


async def test_a_large_limit_is_as_much_as_is_told(client: VendorClient, core: RunningCore) -> None:
    """Nobody is refused for it."""
    await keep(core, *(call(number) for number in range(MOST_RECORDS + 3)))
    assert len(await ids(client, BY_ID, limit=999_999_999)) == MOST_RECORDS


async def test_years_without_calls_are_empty(client: VendorClient) -> None:
    """Also those before there were ids, and those behind the last."""
    for date in ("00010101", "19691231", "99991231"):
        assert await ids(client, BY_TIME, pdate=date) == []


async def test_a_store_that_is_away_is_told(client: VendorClient, core: RunningCore) -> None:
    """-100 under status 200, as for calls."""
    core.storage.is_unreadable = True
    response = await client.post(CALL_CDR, changed(BY_ID, {}))
    assert response.body == error_body("-100", "异常错误")


async def test_an_application_without_voice_codes_may_read(client: VendorClient, core: RunningCore) -> None:
    """What it called before."""
    await keep(core, call(1))
    await core.configure(replace(APPLICATION, voice_code=False))
    assert len(await ids(client, BY_ID)) == 1


@LENIENT
@given(
    asked=st.fixed_dictionaries(
        {"action": st.sampled_from(["getCdrByResId", "getCdrByTime"]), "appid": st.just(APPID)},
        optional={
            name: JSON | st.text("0123456789-", max_size=30)
            for name in ("fid", "lastresid", "limit", "pdate", "ptime")
        },
    )
)
async def test_any_members_get_an_answer(
    client: VendorClient, core: RunningCore, asked: dict[str, object]
) -> None:
    """Records, or an error in the vendor's shape."""
    response = await client.post(CALL_CDR, json.dumps(asked).encode())
    assert members(response) == {"cdr": []} or has_the_vendors_shape(response)


def test_an_amount_without_a_fraction_is_a_whole_number() -> None:
    """As JSON has it."""
    assert record_of(call(1, charged=10_000), APPID).oriamount == 1
