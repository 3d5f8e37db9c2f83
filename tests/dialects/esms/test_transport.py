"""What real clients send, and what no client should.

docs/vendors/esms.md#requests; the raw curl is on
https://developers.esms.vn/esms-api/ham-gui-tin/tin-gencode-tu-dong-sms
"""

import json

import pytest

from onema.dialects.esms.routes import EsmsApi
from onema.domain.refusals import Refusal
from onema.http.messages import Request

from ..running_core import RunningCore
from .vendor_client import (
    CHECKCODE,
    GENCODE,
    GENCODE_PARAMETERS,
    KEYS,
    PHONE,
    VendorClient,
    code_result,
    query_of,
    valid_body,
)

INVALID_REQUEST = b'{"error":"Invalid request"}'
QUERY = query_of(GENCODE_PARAMETERS)
JSON = ((b"content-type", b"application/json"),)
FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)


# See docs/vendors/esms.md#requests: trailing slash, double slash, path literals in any case.
@pytest.mark.parametrize(
    "path",
    [
        "/MainService.svc/json/SendMessageAutoGenCode_V4_get",
        "/MainService.svc/json/SendMessageAutoGenCode_V4_get/",
        "/MainService.svc/json//SendMessageAutoGenCode_V4_get",
        "/MainService.svc//json/SendMessageAutoGenCode_V4_get//",
        "//MainService.svc/json/SendMessageAutoGenCode_V4_get",
        "/mainservice.svc/JSON/sendmessageautogencode_v4_GET",
    ],
)
async def test_a_path_may_be_written_in_many_ways(client: VendorClient, path: str) -> None:
    """Slashes and case do not matter."""
    assert code_result((await client.ask(path, QUERY)).body) == "100"


# See docs/vendors/esms.md#requests: query names are case-insensitive, unknown parameters are ignored (?n8n=nqdev).
async def test_names_may_be_in_any_case_beside_unknown_ones(client: VendorClient) -> None:
    """Clients write Apikey, Message and parameters of their own."""
    lower = {name.lower(): value for name, value in GENCODE_PARAMETERS.items()}
    upper = {name.upper(): value for name, value in GENCODE_PARAMETERS.items()}
    for parameters in (lower, upper):
        query = query_of({"n8n": "nqdev", "SandBox": "0", **parameters})
        assert code_result((await client.ask(GENCODE, query)).body) == "100"


# See docs/vendors/esms.md#requests: the vendor's curl uses --globoff with an unencoded message.
@pytest.mark.parametrize(
    "message",
    [
        b"{OTP} la ma xac minh dang ky Baotrixemay cua ban",
        b"%7BOTP%7D+la+ma+xac+minh+dang+ky+Baotrixemay+cua+ban",
        b"%7bOTP%7d%20la%20ma%20xac%20minh%20dang%20ky%20Baotrixemay%20cua%20ban",
    ],
)
async def test_the_message_may_be_encoded_or_not(client: VendorClient, message: bytes) -> None:
    """Raw braces, raw spaces, plus signs and escapes are one text."""
    query = query_of({name: value for name, value in GENCODE_PARAMETERS.items() if name != "message"})
    response = await client.ask(GENCODE, query + b"&message=" + message)
    assert code_result(response.body) == "100"


# See docs/vendors/esms.md#requests: clients replay a hard-coded ASP.NET_SessionId cookie.
async def test_cookies_are_ignored(client: VendorClient) -> None:
    """A session of the vendor's means nothing here."""
    cookie = ((b"cookie", b"ASP.NET_SessionId=0123456789abcdef"),)
    assert code_result((await client.ask(GENCODE, QUERY, headers=cookie)).body) == "100"


# The vendor's page calls the parameters a request body.
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("headers", [JSON, FORM, (), ((b"content-type", b"text/plain"),)])
async def test_parameters_may_be_a_json_body(
    client: VendorClient, method: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    """Under whatever content type, and also on a GET."""
    body = json.dumps(GENCODE_PARAMETERS).encode()
    response = await client.ask(GENCODE, method=method, body=body, headers=headers)
    assert code_result(response.body) == "100"


async def test_parameters_may_be_a_form_body(client: VendorClient) -> None:
    """With names in any case, as in a query."""
    body = query_of({name.upper(): value for name, value in GENCODE_PARAMETERS.items()})
    response = await client.ask(GENCODE, method="POST", body=body, headers=FORM)
    assert code_result(response.body) == "100"


# See docs/vendors/esms.md#requests: accept numbers where the documents say string.
async def test_json_numbers_count_as_strings(client: VendorClient, core: RunningCore) -> None:
    """Also a phone that lost its zero on the way through a number."""
    numbers = {"Phone": 901888484, "TimeAlive": 10, "NumCharOfCode": 4.0, "Type": 2, "IsNumber": True}
    body = json.dumps({**GENCODE_PARAMETERS, **numbers, "extra": {"a": [1]}, "Sandbox": None}).encode()
    response = await client.ask(GENCODE, method="POST", body=b"\xef\xbb\xbf" + body, headers=JSON)
    (message,) = await core.messages("shop")
    code = await client.code_of(message.id)
    assert code_result(response.body) == "100"
    assert (message.phone, len(code), code.isdigit()) == ("+84901888484", 4, True)


async def test_query_and_body_are_read_together_and_the_body_wins(client: VendorClient) -> None:
    """Keys in the query, the rest in the body; what both name is the body's, unless it is null there."""
    code = await client.send_code()
    body = json.dumps({"phone": PHONE, "code": code, "ApiKey": None}).encode()
    query = query_of({**KEYS, "Phone": "0901888485", "Code": "none"})
    response = await client.ask(CHECKCODE, query, method="POST", body=body, headers=JSON)
    assert response.body == valid_body()


async def test_a_blank_body_is_no_body(client: VendorClient) -> None:
    """Some clients send a line break with every POST."""
    assert code_result((await client.ask(GENCODE, QUERY, method="POST", body=b"\r\n")).body) == "100"


# See docs/vendors/esms.md#answers: the vendor's body for broken requests has no CodeResult.
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b"null"),
        (JSON, b"Phone=0901888484"),
        (JSON, b'{"Phone":{"number":"0901888484"}}'),
        (JSON, b'{"Phone":["0901888484"]}'),
        (JSON, b'{"Phone":"\\u0000"}'),
        (JSON, b'{"Phone":"\\ud800"}'),
        (JSON, b'{"Phone":"\xff"}'),
        (JSON, b'{"Phone":1e999}'),
        (JSON, b'{"a":' + b"[" * 30_000),
        (FORM, b"Phone=%00"),
        (FORM, b"Phone=%ff"),
        (FORM, b"Phone=\xff"),
    ],
)
async def test_a_body_that_cannot_be_read_is_an_invalid_request(
    client: VendorClient, headers: tuple[tuple[bytes, bytes], ...], body: bytes
) -> None:
    """Whatever else the request holds, and still under status 200."""
    response = await client.ask(GENCODE, QUERY, method="POST", body=body, headers=headers)
    assert (response.status, response.body) == (200, INVALID_REQUEST)


@pytest.mark.parametrize("query", [b"Phone=%00", b"Phone=%ff", b"Phone=\xff", b"Phone=%ed%a0%80"])
async def test_a_query_that_cannot_be_read_is_an_invalid_request(client: VendorClient, query: bytes) -> None:
    """No store keeps NUL or half a character."""
    assert (await client.ask(GENCODE, QUERY + b"&" + query)).body == INVALID_REQUEST


@pytest.mark.parametrize(
    "path",
    [
        "/MainService.svc",
        "/MainService.svc/json",
        "/MainService.svc/json/Unknown",
        "/MainService.svc/json/SendMessageAutoGenCode_V4_get/more",
        "/MainService.svc/xml/SendMessageAutoGenCode_V4_get",
        "/MainService.svc/xml/SendMessageAutoGenCode_V5",
        "/MainService.svc/json/SendMultipleMessage_V4_post_json/more",
        "/MainService.svc/json/SendZaloMessage_V6/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_operation_that_is_not_served_is_not_found(
    client: VendorClient, path: str, method: str
) -> None:
    """Clients that look at the status alone would tell their users that the message is on its way."""
    response = await client.ask(path, QUERY, method=method)
    assert (response.status, response.body) == (404, INVALID_REQUEST)


async def test_two_phones_are_none(client: VendorClient) -> None:
    """The vendor's stack joins them by a comma, and nothing is sent to either."""
    response = await client.ask(GENCODE, QUERY + b"&Phone=0901888485")
    assert b'"CodeResult":"108"' in response.body


async def test_a_multipart_form_is_read(client: VendorClient) -> None:
    """PHP's curl makes one of an array."""
    parts = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in GENCODE_PARAMETERS.items()
    )
    body = "".join([*parts, "--x--\r\n"]).encode()
    headers = ((b"content-type", b"multipart/form-data; boundary=x"),)
    response = await client.ask(GENCODE, b"", method="POST", body=body, headers=headers)
    assert b'"CodeResult":"100"' in response.body


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("a/b", rb"a\/b"),
        ("mã", "mã".encode()),
        ("\x85\u2028\u2029", rb"\u0085\u2028\u2029"),
        ("😀", rb"\ud83d\ude00"),
    ],
)
async def test_what_is_echoed_is_escaped_as_the_vendors_serializer_does(
    client: VendorClient, sent: str, written: bytes
) -> None:
    """DataContractJsonSerializer of .NET Core 3.1.23 and of Mono 6.8."""
    query = query_of({**KEYS, "Phone": PHONE, "Code": sent})
    assert b"Content: " + written + b" Code Invalid" in (await client.ask(CHECKCODE, query)).body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "get"])
async def test_other_methods_are_invalid_requests(client: VendorClient, method: str) -> None:
    """Operations are asked for by GET or POST."""
    assert (await client.ask(GENCODE, QUERY, method=method)).body == INVALID_REQUEST


async def test_a_body_over_the_limit_is_an_invalid_request(api: EsmsApi) -> None:
    """It is refused without being read."""
    response = api.refuse_oversized(Request("POST", GENCODE, b"", (), b"", "203.0.113.9"))
    assert (response.status, response.body) == (200, INVALID_REQUEST)


async def test_outcomes_come_from_a_closed_set(client: VendorClient) -> None:
    """They label metrics, so nothing that a client sends may become one."""
    code = await client.send_code()
    asked = [
        await client.ask(GENCODE, QUERY),
        await client.ask(GENCODE),
        await client.ask(GENCODE, query_of({**GENCODE_PARAMETERS, "message": "other"})),
        await client.ask(CHECKCODE, query_of({**KEYS, "Phone": PHONE, "Code": code})),
        await client.ask("/MainService.svc/anything"),
    ]
    assert [response.outcome for response in asked] == [
        "ok",
        Refusal.CREDENTIAL_UNKNOWN.value,
        Refusal.TEMPLATE_MISMATCH.value,
        "wrong",
        "invalid_request",
    ]
