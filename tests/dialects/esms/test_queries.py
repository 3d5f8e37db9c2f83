"""What clients ask: balance, sender names, texts, what became of a message, what one would cost.

https://developers.esms.vn/esms-api/ham-truy-xuat-va-dang-ky and docs/vendors/esms.md#queries.
"""

import asyncio
import itertools
import json
import zlib
from typing import Any

import pytest
from msgspec.structs import replace

from onema.dialects.esms.query_wire import Totals, number, receivers, send_status, sent
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId, first_id_at
from onema.domain.records import Message, MessageState
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine import customer_reads

from ..running_core import RunningCore
from .test_callbacks import DELIVERED
from .vendor_client import API_KEY, KEYS, PHONE, SECRET_KEY, TEMPLATE, VendorClient, query_of

SERVICE = "/MainService.svc/json"
BAD_KEYS = {**KEYS, "SecretKey": "wrong"}
DAY_SECONDS = 86_400
LARGEST_INT32 = 2**31 - 1


async def get(client: VendorClient, operation: str, **parameters: str) -> bytes:
    return (await client.ask(f"{SERVICE}/{operation}", query_of({**KEYS, **parameters}))).body


async def post(client: VendorClient, operation: str, **members: object) -> bytes:
    body = json.dumps({**KEYS, **members}).encode()
    return (await client.ask(f"{SERVICE}/{operation}", method="POST", body=body)).body


async def test_the_balance_is_a_whole_number_in_the_vendors_form(
    client: VendorClient, core: RunningCore
) -> None:
    """No point and no exponent: a Go client reads it into an int32."""
    await core.top_up("shop", "36693")
    account = core.account("shop").id
    expected = b'{"Balance":36693,"CodeResponse":"100","UserID":%d}' % account
    assert await get(client, "GetBalance_json") == expected
    assert await post(client, "GetBalance_json/") == expected


@pytest.mark.parametrize(
    ("amount", "printed"),
    [(0, b"0"), (-17_500_0000, b"-17500"), (850_5000, b"850.5"), (2**53, b"900719925474.0992")],
)
def test_amounts_are_printed_exactly(amount: int, printed: bytes) -> None:
    """A postpaid account's may be negative; a fraction keeps its digits."""
    assert number(Minor(amount)) == printed


# Nine public clients ask in this form, which is on no page of the vendor any more.
@pytest.mark.parametrize("tail", ["", "/", "?n8n=nqdev"])
async def test_the_keys_may_stand_in_the_path(client: VendorClient, tail: str) -> None:
    """Names of the path in any case, doubled slashes and unknown parameters are nothing, as everywhere."""
    path, _, query = f"{SERVICE}//getBALANCE/{API_KEY}/{SECRET_KEY}{tail}".partition("?")
    response = await client.ask(path, query.encode())
    assert (response.status, json.loads(response.body)["CodeResponse"]) == (200, "100")


async def test_keys_in_the_path_keep_their_case(client: VendorClient) -> None:
    """A key in lower case is another key."""
    response = await client.ask(f"{SERVICE}/GetBalance/{API_KEY.lower()}/{SECRET_KEY}")
    assert json.loads(response.body)["CodeResponse"] == "101"


@pytest.mark.parametrize("path", ["GetBalance/only-one", "GetBalance/a/b/c", "GetTemplate/a/b", "GetNothing"])
async def test_other_paths_are_not_served(client: VendorClient, path: str) -> None:
    """404, as for every operation that there is not."""
    assert (await client.ask(f"{SERVICE}/{path}")).status == 404


# A C# client tries its keys with it; the WordPress plugin shows nothing unless the status is 200.
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("GetBalance_json", b'{"Balance":0,"CodeResponse":"101","ErrorMessage":"Authorize Failed"}'),
        ("GetListBrandname", b'{"CodeResult":"101","ErrorMessage":"Authorize Failed"}'),
        ("GetTemplate", b'{"CodeResult":"101","ErrorMessage":"Authorize Failed"}'),
        ("GetSendStatus", b'{"CodeResponse":"101","SMSID":"47756317-0cbe-494a-9d02-c85703a1baff20"}'),
        ("GetSmsReceiverStatus_get", b'{"CodeResult":"101","ErrorMessage":"Authorize Failed"}'),
        ("SummaryMultipleMessage_V4_get", b'{"CodeResult":"101","ErrorMessage":"Authorize Failed."}'),
        ("GetSmsSentData_V2", b'{"CodeResult":"101","ErrorMessage":"Authorize Failed."}'),
    ],
)
async def test_wrong_keys_are_answered_in_each_querys_own_form(
    client: VendorClient, operation: str, body: bytes
) -> None:
    """As the samples of the vendor's pages are, down to the dot of some."""
    query = query_of({**BAD_KEYS, "RefId": "47756317-0cbe-494a-9d02-c85703a1baff20"})
    response = await client.ask(f"{SERVICE}/{operation}", query)
    assert (response.status, response.body) == (200, body)


async def test_a_locked_account_is_refused_in_the_same_form(client: VendorClient, core: RunningCore) -> None:
    """143 with Balance 0, so that a client that reads a number finds one."""
    await core.configure(doc.Account(name="shop", wallet="postpaid", windows=(), state="inactive"))
    answer = json.loads(await get(client, "GetBalance_json"))
    assert (answer["Balance"], answer["CodeResponse"]) == (0, "143")


async def test_active_brandnames_are_listed(client: VendorClient, core: RunningCore) -> None:
    """Neither one that is switched off nor one that has expired."""
    await core.configure(
        doc.Brandname(account="shop", name="Off", state="inactive"),
        doc.Brandname(account="shop", name="Old", expires_at="2001-01-01"),
        doc.Brandname(account="shop", name="Cuahang"),
    )
    assert await get(client, f"GetListBrandname/{API_KEY}/{SECRET_KEY}") == (
        b'{"CodeResponse":"100","ListBrandName":[{"Brandname":"Baotrixemay","Type":2},{"Brandname":"Cuahang","Type":2}]}'
    )


async def test_templates_are_listed_as_they_are_registered(client: VendorClient, core: RunningCore) -> None:
    """A TypeScript client recognises a code's place by {OTP} alone."""
    await core.configure(replace(TEMPLATE, text="{P1,4} gone", state="inactive"))
    answer = await post(client, "GetTemplate/", Brandname="Baotrixemay", SmsType="2", OAId="")
    (found,) = json.loads(answer)["BrandnameTemplates"]
    assert list(found) == ["NetworkID", "TempContent", "TempId"]
    assert "{OTP}" in found["TempContent"]
    assert 0 < found["TempId"] <= LARGEST_INT32
    assert answer.endswith(b'],"CodeResult":"100","ErrorMessage":"success"}')


@pytest.mark.parametrize(("name", "own"), [("22575", True), ("otp", False), ("9" * 10, False)])
async def test_a_template_that_has_a_number_keeps_it(
    client: VendorClient, core: RunningCore, name: str, own: bool
) -> None:
    """As the operator gave it, where a client that reads 32 bits can."""
    await core.configure(replace(TEMPLATE, name=name))
    (found,) = json.loads(await get(client, "GetTemplate", Brandname="Baotrixemay"))["BrandnameTemplates"]
    assert (found["TempId"] == int(name, 36 if name == "otp" else 10)) is own
    assert found["TempId"] <= LARGEST_INT32


async def test_a_templates_number_stays(client: VendorClient, core: RunningCore) -> None:
    """Whatever is registered beside it later."""
    before = json.loads(await get(client, "GetTemplate", Brandname="Baotrixemay"))["BrandnameTemplates"]
    await core.configure(replace(TEMPLATE, text="A {OTP}"))
    after = json.loads(await get(client, "GetTemplate", Brandname="Baotrixemay"))["BrandnameTemplates"]
    assert len(after) == 2
    assert before[0] in after


@pytest.mark.parametrize("operation", ["GetTemplate", "SummaryMultipleMessage_V4_get"])
async def test_a_brandname_that_is_not_registered_is_104(client: VendorClient, operation: str) -> None:
    """The text is the one of the vendor's sample."""
    answer = await get(client, operation, Brandname="Nobody", SmsType="2", Phone=PHONE, Content="Xin chao")
    assert answer == b'{"CodeResult":"104","ErrorMessage":"Brand name code is not exist"}'


async def test_a_message_on_its_way_is_told_of(client: VendorClient) -> None:
    """A client that polls 0.35 s after the send must read neither 4 nor 5."""
    smsid = f"{await client.send():032x}"
    assert (
        await get(client, "GetSendStatus", RefId=smsid)
        == (
            b'{"CodeResponse":"100","SMSID":"%b","SendFailed":0,"SendStatus":2,"SendSuccess":0,"TotalPrice":850,'
            b'"TotalReceiver":1,"TotalSent":0}'
        )
        % smsid.encode()
    )
    assert await get(client, "GetSmsReceiverStatus_get", RefId=smsid) == (
        b'{"CodeResult":"100","ReceiverList":[{"IsSent":false,"NetworkName":"Mobifone","Phone":"0901888484","Retry":0,'
        b'"SentResult":false}]}'
    )


async def test_an_smsid_may_be_asked_for_as_a_guid(client: VendorClient) -> None:
    """And is answered as it was asked."""
    smsid = f"{await client.send():032x}"
    guid = "-".join((smsid[:8], smsid[8:12], smsid[12:16], smsid[16:20], smsid[20:]))
    answer = json.loads(await get(client, "GetSendStatus", RefId=guid))
    assert (answer["CodeResponse"], answer["SMSID"]) == ("100", guid)


async def test_a_refused_text_is_a_refused_message(client: VendorClient) -> None:
    """146 has an SMSID, and its status is the vendor's 4, which a client shows its user as an error."""
    smsid = json.loads(await client.gencode(message="{OTP} something else"))["SMSID"]
    answer = json.loads(await get(client, "GetSendStatus", RefId=smsid))
    assert (answer["SendStatus"], answer["SendFailed"], answer["TotalSent"]) == (4, 1, 0)


@pytest.mark.parametrize("operation", ["GetSendStatus", "GetSmsReceiverStatus_get"])
@pytest.mark.parametrize("named", ["nothing", "0" * 32, "f" * 32])
async def test_an_unknown_id_is_105(client: VendorClient, operation: str, named: str) -> None:
    """Also one that no SMSID of ours can be."""
    answer = json.loads(await get(client, operation, RefId=named))
    assert answer.get("CodeResponse", answer.get("CodeResult")) == "105"


@pytest.mark.parametrize("operation", ["GetSendStatus", "GetSmsReceiverStatus_get"])
async def test_an_id_that_is_missing_is_851(client: VendorClient, operation: str) -> None:
    """Absent or empty."""
    for parameters in ({}, {"RefId": " "}):
        answer = json.loads(await get(client, operation, **parameters))
        assert answer.get("CodeResponse", answer.get("CodeResult")) == "851"


async def test_another_accounts_message_is_unknown(client: VendorClient, core: RunningCore) -> None:
    """Nobody learns that it exists."""
    smsid = f"{await client.send():032x}"
    other = {"ApiKey": "OTHER", "SecretKey": "ANOTHERSECRET"}
    await core.configure(
        doc.Account(name="other", wallet="postpaid", windows=()),
        doc.Credential(account="other", dialect="esms", key="OTHER", secret="ANOTHERSECRET"),
    )
    assert json.loads(await get(client, "GetSendStatus", **other, RefId=smsid))["CodeResponse"] == "105"


async def test_a_message_of_another_api_is_unknown(client: VendorClient, core: RunningCore) -> None:
    """Although it is the account's own: no SMSID names it."""
    message = replace(sent_row(0), id=MessageId(first_id_at(core.clock.now())), dialect="other")
    await insert(core, message)
    answer = json.loads(await get(client, "GetSendStatus", RefId=f"{message.id:032x}"))
    assert answer["CodeResponse"] == "105"


async def test_messages_are_told_of_for_seven_days(client: VendorClient, core: RunningCore) -> None:
    """As the vendor's page says."""
    smsid = f"{await client.send():032x}"
    core.clock.advance(7 * DAY_SECONDS)
    assert json.loads(await get(client, "GetSendStatus", RefId=smsid))["CodeResponse"] == "100"
    core.clock.advance(1)
    assert json.loads(await get(client, "GetSendStatus", RefId=smsid))["CodeResponse"] == "105"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (MessageState.ACCEPTED, (2, 0, 0, 0)),
        (MessageState.SENT, (7, 0, 0, 1)),
        (MessageState.UNKNOWN, (7, 0, 0, 1)),
        (MessageState.DELIVERED, (5, 1, 0, 1)),
        (MessageState.UNDELIVERED, (5, 0, 1, 1)),
        (MessageState.FAILED, (5, 0, 1, 1)),
        (MessageState.UNCONFIRMED, (5, 0, 0, 1)),
        (MessageState.REFUSED, (4, 0, 1, 0)),
    ],
)
def test_every_state_has_the_vendors_number(state: MessageState, told: tuple[int, ...]) -> None:
    """Status, succeeded, failed, sent."""
    totals = Totals.of([replace(DELIVERED, state=state)])
    assert (totals.status, totals.succeeded, totals.failed, totals.sent) == told


def test_messages_of_one_id_are_counted() -> None:
    """The one with most to come decides the status; money is summed, also what is only held yet."""
    states = (MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.REFUSED)
    ended = [replace(DELIVERED, id=MessageId(number), state=state) for number, state in enumerate(states)]
    waits = replace(DELIVERED, state=MessageState.ACCEPTED, charged=Minor(0), held=Minor(850_0000))
    assert Totals.of(ended) == Totals(
        status=5, succeeded=1, failed=2, sent=2, receivers=3, price=Minor(2550_0000)
    )
    assert Totals.of([*ended, waits]).status == 2
    assert Totals.of([*ended, waits]).price == Minor(3400_0000)


# A public Go client reads every one of them into an int32.
@pytest.mark.parametrize("state", MessageState)
def test_a_status_reads_as_whole_numbers(state: MessageState) -> None:
    """850.0000, as the vendor's sample has it, would end a reader that asks for integers."""
    answer = json.loads(send_status("x", Totals.of([replace(DELIVERED, state=state)])))
    numbers = [value for name, value in answer.items() if name not in ("CodeResponse", "SMSID")]
    assert [type(value) for value in numbers] == [int] * 6
    assert max(numbers) <= LARGEST_INT32


@pytest.mark.parametrize(
    ("phone", "name", "shown"),
    [
        ("+84981234567", "Viettel", "0981234567"),
        ("+84911234567", "Vinaphone", "0911234567"),
        ("+8613911281234", "", "8613911281234"),
    ],
)
def test_receivers_are_told_with_their_networks(phone: str, name: str, shown: str) -> None:
    """Phone and network as the vendor writes them; members in its order."""
    message: Message = replace(DELIVERED, phone=Phone(phone))
    (one,) = json.loads(receivers([message]))["ReceiverList"]
    assert list(one.items()) == [
        ("IsSent", True),
        ("NetworkName", name),
        ("Phone", shown),
        ("Retry", 0),
        ("SentResult", True),
    ]


ESTIMATE = {"Phone": PHONE, "Content": "123456 la ma", "Brandname": "Baotrixemay", "SmsType": "2"}


@pytest.mark.parametrize(
    ("changes", "total", "phones"),
    [
        ({}, 850, 1),
        ({"Phone": f"{PHONE},0981234567,84{PHONE[1:]},"}, 1700, 2),
        ({"Content": "x" * 161}, 1700, 1),
        ({"Content": "ạ" * 100}, 850, 1),
        ({"Content": "ạ" * 100, "IsUnicode": "1"}, 1700, 1),
    ],
)
async def test_a_price_counts_segments_and_phones(
    client: VendorClient, changes: dict[str, str], total: int, phones: int
) -> None:
    """Accents are folded unless the client says that they stay."""
    assert await get(client, "SummaryMultipleMessage_V4_get", **{**ESTIMATE, **changes}) == (
        b'{"CodeResult":"100","ErrorMessage":"success","TotalPrice":%d,"TotalReceiver":%d}' % (total, phones)
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsType": ""}, "300"),
        ({"SmsType": "23"}, "118"),
        ({"Phone": "123"}, "108"),
        ({"Phone": ","}, "108"),
        ({"Phone": ",".join([PHONE] * 501)}, "120"),
        ({"Phone": "+8613911281234"}, "99"),
    ],
)
async def test_an_estimate_is_refused_as_the_send_would_be(
    client: VendorClient, changes: dict[str, str], code: str
) -> None:
    """With the send's own codes."""
    answer = await get(client, "SummaryMultipleMessage_V4_get", **{**ESTIMATE, **changes})
    assert json.loads(answer)["CodeResult"] == code


@pytest.mark.parametrize("body", [b"[1]", b'{"RefId":{}}', b'{"RefId":'])
async def test_what_is_no_request_is_answered_as_everywhere(client: VendorClient, body: bytes) -> None:
    """Status 200 and the vendor's words."""
    response = await client.ask(
        f"{SERVICE}/GetSendStatus",
        method="POST",
        body=body,
        headers=((b"content-type", b"application/json"),),
    )
    assert (response.status, response.body) == (200, b'{"error":"Invalid request"}')


async def test_a_query_without_a_store_is_busy(client: VendorClient, core: RunningCore) -> None:
    """99 in the query's own form, no fault of the program's."""
    core.storage.is_unreadable = True
    answer = json.loads(await get(client, "GetBalance_json"))
    assert (answer["CodeResponse"], answer["Balance"]) == ("99", 0)


async def test_an_account_has_only_so_many_reads_under_way(client: VendorClient, core: RunningCore) -> None:
    """The others are told to come later, and the next one after them is answered."""
    core.storage.reading.clear()
    asked = [asyncio.create_task(get(client, "GetBalance_json")) for _ in range(20)]
    refused = itertools.islice(asyncio.as_completed(asked), 20 - customer_reads.WAITING_OF_AN_ACCOUNT)
    async with asyncio.timeout(10):
        for answered in refused:
            await answered
    core.storage.reading.set()
    codes = [json.loads(answer)["CodeResponse"] for answer in await asyncio.gather(*asked)]
    assert sorted(codes) == ["100"] * customer_reads.WAITING_OF_AN_ACCOUNT + ["160"] * 4
    assert json.loads(await get(client, "GetBalance_json"))["CodeResponse"] == "100"


async def test_refused_queries_are_noted(client: VendorClient, core: RunningCore) -> None:
    """Under the account that has the key, as refused sends are."""
    await client.ask(f"{SERVICE}/GetBalance_json", query_of(BAD_KEYS))
    waiting: Any = core.gateway.refusals._waiting
    assert waiting[core.account("shop").id].total == 1


def sent_row(seconds: float, **changes: object) -> Message:
    """An SMS of the shop, made so many seconds after FIRST_SENT."""
    return replace(DELIVERED, id=MessageId(first_id_at(FIRST_SENT + round(1_000 * seconds))), **changes)


FIRST_SENT = 1_705_484_048_000
"""2024-01-17 16:34:08 in Vietnam."""
LIST = {
    "SmsType": "2",
    "From": "2024-01-17 16:34:08",
    "To": "2024-01-17 16:34:10",
    "Page": 1,
    "PageSize": 500,
}


async def insert(core: RunningCore, *rows: Message) -> None:
    account = core.account("shop").id
    await core.storage.begin([])
    await core.storage.commit(1, {}, [replace(row, account=account) for row in rows])


async def test_what_was_sent_is_listed_in_the_vendors_form(client: VendorClient, core: RunningCore) -> None:
    """Every member of the vendor's sample, in its order, the date as .NET writes it; the texts are kept nowhere."""
    await insert(core, sent_row(0, campaign="Tet"))
    assert await post(client, "GetSmsSentData_V2", **LIST) == (
        rb'{"CodeResult":"100","CountTotal":1,"SentData":[{"Campaign":"Tet","Content":"","Phone":"0901888484",'
        rb'"ReferenceId":"%032x","SellPrice":850,"SendResult":1,"SendStatus":5,'
        rb'"SentTime":"\/Date(1705484048000+0700)\/","SmsId":%d,"SmsType":2}]}'
    ) % (sent_row(0).id, zlib.crc32(sent_row(0).id.to_bytes(8)) & LARGEST_INT32)


async def test_the_list_has_whole_seconds_and_one_type(client: VendorClient, core: RunningCore) -> None:
    """Those of the second that is named last belong to it; messages of GENCODE are of type 2."""
    later = [sent_row(2), sent_row(3), sent_row(1, category="8"), sent_row(2.9), sent_row(0, category="2")]
    await insert(core, *later, sent_row(-1))
    answer = json.loads(await post(client, "GetSmsSentData_V2", **LIST))
    assert [row["ReferenceId"] for row in answer["SentData"]] == [
        f"{sent_row(number).id:032x}" for number in (0, 2, 2.9)
    ]
    answer = json.loads(await post(client, "GetSmsSentData_V2", **{**LIST, "SmsType": 8}))
    assert [row["SmsType"] for row in answer["SentData"]] == [8]


async def test_the_list_has_pages(client: VendorClient, core: RunningCore) -> None:
    """Counted from one; a page behind the last is empty, and the count says of how many."""
    await insert(core, *(sent_row(number / 10) for number in range(5)))
    pages = [
        json.loads(await post(client, "GetSmsSentData_V2", **{**LIST, "Page": page, "PageSize": "2"}))
        for page in (1, "2", 3, 4)
    ]
    assert [(page["CountTotal"], len(page["SentData"])) for page in pages] == [(5, 2), (5, 2), (5, 1), (5, 0)]


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (MessageState.ACCEPTED, 2),
        (MessageState.SENT, 2),
        (MessageState.UNCONFIRMED, 2),
        (MessageState.DELIVERED, 1),
        (MessageState.UNDELIVERED, 0),
        (MessageState.FAILED, 0),
        (MessageState.REFUSED, 0),
    ],
)
def test_the_list_tells_how_each_ended(state: MessageState, result: int) -> None:
    """1 arrived, 0 did not, 2 nobody knows yet, or ever."""
    (row,) = json.loads(sent(1, [replace(DELIVERED, state=state)]))["SentData"]
    assert row["SendResult"] == result


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsType": None}, "300"),
        ({"From": "yesterday"}, "161"),
        ({"To": "2024-13-01 00:00:00"}, "161"),
        ({"To": None}, "161"),
        ({"From": "0001-01-01 00:00:00", "To": "9999-12-31 23:59:59"}, "100"),
        ({"From": "2024/01/17 16:34:08", "To": "2024/01/17 16:34:10"}, "100"),
        ({"Page": "9" * 50, "PageSize": -5}, "100"),
    ],
)
async def test_odd_lists_are_answered(client: VendorClient, changes: dict[str, Any], code: str) -> None:
    """Dates that are none are refused; numbers are moved into their range."""
    answer = json.loads(await post(client, "GetSmsSentData_V2", **{**LIST, **changes}))
    assert answer["CodeResult"] == code


async def test_messages_of_one_request_are_told_of_together(client: VendorClient, core: RunningCore) -> None:
    """The SMSID of the first names all of them."""
    first = replace(sent_row(0), id=MessageId(first_id_at(core.clock.now())))
    second = replace(first, id=MessageId(first.id + 2), phone=Phone("+84981234567"), state=MessageState.SENT)
    await insert(
        core,
        replace(first, together=first.id),
        replace(first, id=MessageId(first.id + 1)),
        replace(second, together=first.id),
    )
    smsid = f"{first.id:032x}"
    status = json.loads(await get(client, "GetSendStatus", RefId=smsid))
    assert (status["SendStatus"], status["SendSuccess"], status["TotalReceiver"]) == (7, 1, 2)
    receivers = json.loads(await get(client, "GetSmsReceiverStatus_get", RefId=smsid))["ReceiverList"]
    assert [(one["Phone"], one["SentResult"]) for one in receivers] == [(PHONE, True), ("0981234567", False)]
    today = {"From": "2001-01-01 00:00:00", "To": "2060-01-01 00:00:00"}
    listed = json.loads(await post(client, "GetSmsSentData_V2", **{**LIST, **today}))["SentData"]
    assert [row["ReferenceId"] for row in listed].count(smsid) == 2
