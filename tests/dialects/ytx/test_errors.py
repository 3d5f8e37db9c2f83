"""The vendor's error table, each row reached through configuration; and the order in which errors are found.

http://console.ytx.net/FileDetails/FileCodeCallOut and docs/vendors/ytx.md#errors; the codes are those of
github.com/fanshuai/kubrick, server/voice/ytxz/ytx_const.py.
"""

import re
from pathlib import Path

import msgspec
import pytest

from onema.dialects.ytx.errors import REFUSALS
from onema.dialects.ytx.routes import YtxApi
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal
from onema.http.messages import Request

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    ACCOUNT_SID,
    APPID,
    APPLICATION,
    CALL_MEMBERS,
    CALL_OUT,
    CLIENT_IP,
    CREDENTIAL,
    PHONE,
    TARIFF,
    VendorClient,
    authorization,
    changed,
    error_body,
    sign,
    stamp_at,
    status_code,
)

ERRORS_DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"

TEXTS = {
    "-1": "号码无效",
    "-2": "缺少必要参数",
    "-3": "无效action",
    "-4": "无效的JSON",
    "-100": "异常错误",
    "-101": "参数不合法",
    "-102": "电话号码不合法",
    "-104": "请求频率过高",
    "-200": "无此用户",
    "-201": "用户状态失效",
    "-202": "包头验证信息错误",
    "-203": "AuthToken验证失败",
    "-204": "账户余额不足",
    "-205": "应用验证失败",
}
PREPAID = msgspec.structs.replace(ACCOUNT, wallet="prepaid")
OTHER_ACCOUNT = doc.Account(name="rival", wallet="postpaid", windows=())


def error(code: str) -> bytes:
    return error_body(code, TEXTS[code])


def application(**changes: object) -> doc.Application:
    return msgspec.structs.replace(APPLICATION, **changes)


def account(**changes: object) -> doc.Account:
    return msgspec.structs.replace(ACCOUNT, **changes)


def test_every_refusal_has_a_row_of_the_vendors_table() -> None:
    """A new reason to refuse cannot be forgotten here, and no code or text is made up."""
    assert set(REFUSALS) == set(Refusal)
    assert {found.code: found.message for found in REFUSALS.values()}.items() <= TEXTS.items()


def test_the_document_lists_every_refusal_with_its_code() -> None:
    """docs/errors.md says what the table says."""
    section = ERRORS_DOCUMENT.read_text().partition("## ytx.net")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| (-\d+) \| `([^`]+)`", section, re.MULTILINE)
    assert listed == [(refusal.value, found.code, found.message) for refusal, found in REFUSALS.items()]


# The vendor prints the error's Content-Length as 61: this body in GBK. Clients of today read UTF-8.
async def test_an_error_has_the_vendors_exact_body(client: VendorClient) -> None:
    """The example of the vendor's document, in UTF-8."""
    response = await client.call(dst=...)
    assert response.body.decode() == '{"statusCode":"-2","statusMsg":"缺少必要参数","requestId":""}'
    assert (response.status, response.content_type) == (200, b"application/json; charset=utf-8")
    assert (len(response.body), len(response.body.decode().encode("gbk"))) == (67, 61)


@pytest.mark.parametrize("name", ["action", "appid", "dst", "code"])
@pytest.mark.parametrize("value", [..., None, ""])
async def test_a_required_member_may_not_be_missing(client: VendorClient, name: str, value: object) -> None:
    """-2 also for null and for an empty string."""
    assert (await client.call(**{name: value})).body == error("-2")


@pytest.mark.parametrize("action", ["calloutcode", "CallOutCode", "queryBlance", " callOutCode", 7, True, {}])
async def test_the_action_is_case_sensitive(client: VendorClient, action: object) -> None:
    """The document says so; -3."""
    assert (await client.call(action=action)).body == error("-3")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"action=callOutCode",
        b'{"action":"callOutCode"}}',
        b'{"code":"12\\u00003"}',
        b"\xff\xfe{}",
        b'{"code":"\\ud800"}',
        b"[" * 5_000,
        b'{"code":' + b"1" * 5_000 + b"}",
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(client: VendorClient, body: bytes) -> None:
    """-4, before anything else is looked at."""
    assert (await client.post(CALL_OUT, body)).body == error("-4")


def test_an_oversized_body_is_no_json(api: YtxApi) -> None:
    """Nobody reads it."""
    request = Request("POST", f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}", b"", (), b"", CLIENT_IP)
    assert api.refuse_oversized(request).body == error("-4")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}"),
        ("POST", f"/201612/sid/{ACCOUNT_SID}/haoma/NumberTag.wx"),
        ("POST", f"/201612/sid/{ACCOUNT_SID}/call/TeleMeeting.wx"),
        ("POST", f"/201512/sid/{ACCOUNT_SID}/call"),
        ("POST", f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}/more"),
        ("POST", f"/201512/uid/{ACCOUNT_SID}/{CALL_OUT}"),
        ("POST", "/201512"),
        ("POST", "/201512/sid"),
    ],
)
async def test_a_function_that_is_not_served_is_no_action(
    client: VendorClient, method: str, path: str
) -> None:
    """The vendor's other functions are refused in its own words."""
    assert (await client.ask(path, method=method, body=changed(CALL_MEMBERS, {}))).body == error("-3")


# Six public clients bridge two phones with it.
async def test_a_call_between_two_people_is_a_function_that_nobody_has(
    client: VendorClient, core: RunningCore
) -> None:
    """Refused by its name, once it is known whose request it is; support sees why."""
    asked: dict[str, object] = {
        "action": "callDailBack",
        "appid": APPID,
        "src": PHONE,
        "dst": "13522855865",
        "credit": "3600",
    }
    path = "call/DailbackCall.wx"
    assert (await client.post(path, changed(asked, {}))).body == error("-205")
    assert (await client.post(path, changed(asked, {"dst": ...}))).body == error("-2")
    assert (await client.post(path, changed(asked, {"action": "callOutCode"}))).body == error("-3")
    assert (await client.post(path, changed(asked, {}), signature="x")).body == error("-203")
    assert await core.messages("shop") == []


async def test_an_unknown_account_sid_is_refused(client: VendorClient) -> None:
    """-200, whatever signs it."""
    client.account_sid = ACCOUNT_SID.upper()
    assert (await client.call()).body == error("-200")


async def test_a_retired_credential_is_unknown(client: VendorClient, core: RunningCore) -> None:
    """As if it had never been."""
    await core.configure(msgspec.structs.replace(CREDENTIAL, state="inactive"))
    assert (await client.call()).body == error("-200")


async def test_a_suspended_account_may_not_call(client: VendorClient, core: RunningCore) -> None:
    """-201, also for a request with a wrong signature: the account's state is looked at first."""
    await core.configure(account(state="inactive"))
    assert (await client.call()).body == error("-201")
    client.auth_token = "wrong"
    assert (await client.call()).body == error("-201")


# The document's question 6: why -205.
@pytest.mark.parametrize(
    "changes",
    [
        {"appid": "another"},
        {"state": "inactive"},
        {"voice_code": False},
        {"allowed_ips": ("198.51.100.0/24", "203.0.113.10")},
    ],
)
async def test_an_application_that_may_not_call_is_refused(
    client: VendorClient, core: RunningCore, changes: dict[str, object]
) -> None:
    """Unknown appid, not on-line, no voice code, an IP outside its list: -205."""
    await core.configure(application(**changes))
    assert (await client.call()).body == error("-205")


@pytest.mark.parametrize("appid", [APPID.upper(), f" {APPID}", 7, True, [APPID]])
async def test_an_appid_is_compared_as_it_is(client: VendorClient, appid: object) -> None:
    """Anything else names no application."""
    assert (await client.call(appid=appid)).body == error("-205")


async def test_another_accounts_application_is_refused(client: VendorClient, core: RunningCore) -> None:
    """Knowing an appid is not enough."""
    await core.configure(OTHER_ACCOUNT, doc.Application(account="rival", name="codes", appid="f" * 32))
    assert (await client.call(appid="f" * 32)).body == error("-205")


async def test_an_inactive_pool_refuses(client: VendorClient, core: RunningCore) -> None:
    """The application's caller numbers are switched off."""
    await core.configure(doc.HotlinePool(name="p", state="inactive"), application(pool="p"))
    assert (await client.call()).body == error("-205")


@pytest.mark.parametrize("address", ["203.0.113.9", "203.0.113.0/24"])
async def test_a_listed_address_may_call(client: VendorClient, core: RunningCore, address: str) -> None:
    """Addresses and networks."""
    await core.configure(application(allowed_ips=("198.51.100.7", address)))
    assert await client.status() == "0"


async def test_an_accounts_own_list_binds_too(client: VendorClient, core: RunningCore) -> None:
    """-205, after the signature was found right."""
    await core.configure(account(allowed_ips=("198.51.100.7",)))
    assert (await client.call()).body == error("-205")
    client.auth_token = "wrong"
    assert (await client.call()).body == error("-203")


# The document's question 4: the sandbox has no IP list.
async def test_a_sandbox_application_has_no_ip_list(client: VendorClient, core: RunningCore) -> None:
    """What it names binds production only."""
    await core.configure(application(environment="sandbox", allowed_ips=("198.51.100.7",)))
    assert await client.status() == "0"


# The document's question 6: application and environment must match.
@pytest.mark.parametrize(
    ("host", "production", "sandbox"),
    [
        ("api.example.net", "0", "-205"),
        ("API.example.net:80", "0", "-205"),
        ("sandbox.example.net", "-205", "0"),
        ("sandbox.example.net:8080", "-205", "0"),
        ("shared.example.net:8081", "-205", "0"),
        ("shared.example.net:8080", "0", "0"),
        ("shared.example.net", "0", "0"),
        ("127.0.0.1", "0", "0"),
        ("[::1]", "0", "0"),
        ("[::1]:8080", "0", "0"),
        ("", "0", "0"),
    ],
)
async def test_an_application_belongs_to_the_host_that_serves_its_environment(
    client: VendorClient, core: RunningCore, host: str, production: str, sandbox: str
) -> None:
    """A configured host refuses the other environment's; an unconfigured one takes both."""
    client.host = host
    assert await client.status() == production
    await core.configure(application(environment="sandbox"))
    assert await client.status() == sandbox


@pytest.mark.parametrize("dst", ["+84901888484", "+12025550123"])
async def test_a_country_that_is_not_allowed_is_refused(client: VendorClient, dst: str) -> None:
    """By default an account calls its own country: -1."""
    assert (await client.call(dst=dst)).body == error("-1")


async def test_a_number_without_a_price_is_refused(client: VendorClient, core: RunningCore) -> None:
    """Nobody sells calls to it: -1."""
    await core.configure(doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="1"),)))
    assert (await client.call()).body == error("-1")


async def test_a_full_window_refuses(client: VendorClient, core: RunningCore) -> None:
    """-104 until it closes."""
    window = doc.WindowLimit(per="phone", seconds=60, limit=1)
    await core.configure(account(windows=(window,)))
    assert await client.status() == "0"
    assert (await client.call()).body == error("-104")
    assert await client.status(dst="13911281235") == "0"
    core.clock.advance(60)
    assert await client.status() == "0"


@pytest.mark.parametrize("hotline", [None, doc.Hotline(pool="p", number="01053189990", state="inactive")])
async def test_a_pool_without_a_hotline_refuses(
    client: VendorClient, core: RunningCore, hotline: doc.Hotline | None
) -> None:
    """-104: it may have one again later."""
    await core.configure(doc.HotlinePool(name="p"), application(pool="p"), *([hotline] if hotline else []))
    assert (await client.call()).body == error("-104")


async def test_a_hotline_at_its_daily_cap_refuses(client: VendorClient, core: RunningCore) -> None:
    """-104 until the day is over, counted from its first call."""
    hotline = doc.Hotline(pool="p", number="01053189990", daily_cap=1)
    await core.configure(doc.HotlinePool(name="p"), hotline, application(pool="p"))
    assert await client.status() == "0"
    assert (await client.call()).body == error("-104")
    core.clock.advance(86_400)
    assert await client.status() == "0"


async def test_an_empty_wallet_refuses(client: VendorClient, core: RunningCore) -> None:
    """-204 for a prepaid account, until money comes in."""
    await core.configure(PREPAID)
    assert (await client.call()).body == error("-204")
    await core.top_up("shop", "0.06")
    assert await client.status() == "0"
    assert (await client.call()).body == error("-204")


async def test_an_expired_wallet_refuses(client: VendorClient, core: RunningCore) -> None:
    """The vendor has no code of its own for it."""
    await core.configure(msgspec.structs.replace(PREPAID, wallet_expires_at="2026-01-01"))
    await core.top_up("shop", "100")
    assert (await client.call()).body == error("-204")


async def test_a_store_that_is_away_is_our_failure(client: VendorClient, core: RunningCore) -> None:
    """-100 under status 200, for a client that retries 5xx would call twice."""
    core.storage.is_away = True
    response = await client.call()
    core.storage.is_away = False
    assert (response.status, response.body) == (200, error("-100"))


def test_a_fault_of_ours_names_its_incident_in_a_header(api: YtxApi) -> None:
    """The vendor's text stays as it is."""
    response = api.fault(Request("POST", "/201512", b"", (), b"", CLIENT_IP), "1a2b3c4d")
    assert (response.status, response.body) == (200, error("-100"))
    assert dict(response.headers) == {b"x-incident": b"1a2b3c4d"}


# See docs/vendors/ytx.md#order-of-checks: a choice, for the vendor names none.
async def test_errors_are_found_in_the_vendors_order(client: VendorClient, core: RunningCore) -> None:
    """A request with everything wrong is put right one thing at a time."""
    full = doc.WindowLimit(per="account", seconds=60, limit=0)
    await core.configure(
        msgspec.structs.replace(PREPAID, state="inactive", windows=(full,)),
        msgspec.structs.replace(CREDENTIAL, state="inactive"),
        application(state="inactive"),
        doc.Tariff(name="default"),
    )
    stamp = stamp_at(core.clock.now())
    body: dict[str, object] = {"action": "call", "appid": APPID, "dst": "none", "time": 9}
    keys = {"signature": "no sign", "header": "no header"}

    async def put_right(*documents: doc.AnyDocument, **members: object) -> str:
        if documents:
            await core.configure(*documents)
        body.update(members)
        return status_code(await client.post(CALL_OUT, changed(body, {}), **keys))

    assert status_code(await client.post(CALL_OUT, b"no JSON", **keys)) == "-4"
    assert await put_right() == "-2"
    assert await put_right(code="no code") == "-200"
    assert await put_right(CREDENTIAL) == "-201"
    assert await put_right(msgspec.structs.replace(PREPAID, windows=(full,))) == "-202"
    keys["header"] = authorization(stamp)
    assert await put_right() == "-203"
    keys["signature"] = sign(stamp)
    assert await put_right() == "-205"
    assert await put_right(APPLICATION) == "-3"
    assert await put_right(action="callOutCode") == "-102"
    assert await put_right(dst="+84901888484") == "-101"
    assert await put_right(code="123456") == "-101"
    assert await put_right(time=3) == "-1"
    assert await put_right(dst=PHONE) == "-1"
    assert await put_right(TARIFF) == "-104"
    assert await put_right(PREPAID) == "-204"
    await core.top_up("shop", "100")
    assert await put_right() == "0"
