"""The vendor's error table, each row reached through configuration; and the order in which errors are found.

https://api-docs.aicall.vbee.ai/danh-sach-api/voice-otp/api-voice-otp and docs/vendors/vbee.md#errors.
"""

import json
import re
from pathlib import Path

import msgspec
import pytest

from onema.dialects.vbee.errors import REFUSALS
from onema.dialects.vbee.routes import VbeeApi
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal
from onema.http.messages import Request

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    APPLICATION,
    BODY,
    CLAIMS,
    CLIENT_IP,
    CREDENTIAL,
    HOTLINE,
    PHONE,
    POOL,
    SENTENCE,
    TARIFF,
    VOICE,
    VOICE_OTP,
    VendorClient,
    business_error,
    http_error,
    members,
    token,
    told,
)

ERRORS_DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"
PREPAID = msgspec.structs.replace(ACCOUNT, wallet="prepaid")

VENDOR_TABLE = {
    1104: "Portal wallet is expired",
    1201: "Application is not found",
    1204: "OTP content is not found",
    1501: "Hotline is empty or inactive",
    1603: "Portal wallet is out of money",
    2301: "Pool hotline do not exist",
    2302: "Pool hotline is inactive",
}
"""Those of the vendor's codes that are no HTTP status."""


def vendor_error(code: int) -> tuple[int, bytes]:
    return business_error(code, VENDOR_TABLE[code])


def application(**changes: object) -> doc.Application:
    return msgspec.structs.replace(APPLICATION, **changes)


def test_every_refusal_has_the_vendors_error() -> None:
    """A new refusal of the core cannot be forgotten here, and the vendor's texts are its own."""
    assert set(REFUSALS) == set(Refusal)
    texts = {error.code: error.message for error in REFUSALS.values() if error.code > 1000}
    assert texts == VENDOR_TABLE


def test_the_document_lists_every_refusal_with_its_code() -> None:
    """docs/errors.md says what the table says."""
    section = ERRORS_DOCUMENT.read_text().partition("## Vbee")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \| `([^`]+)`", section, re.MULTILINE)
    assert listed == [(refusal.value, str(error.code), error.message) for refusal, error in REFUSALS.items()]


# The vendor's error example. HTTP status and order of members: github.com/levietcuong2602/vbee-sachnoi-backend,
# middlewares/errorHandler.js, the same house's.
async def test_an_http_error_has_the_documents_order(client: VendorClient) -> None:
    """status, code, message, as the document prints it."""
    response = await client.call_with(exp=1)
    assert told(response) == (401, b'{"status":0,"code":401,"message":"Unauthorized"}')
    assert response.content_type == b"application/json; charset=utf-8"


async def test_a_business_error_is_sorted_under_status_200(client: VendorClient) -> None:
    """As everything that passes the vendor's middleware."""
    response = await client.call_with(apiKey="unknown")
    assert told(response) == (200, b'{"code":1201,"message":"Application is not found","status":0}')


async def test_a_setting_gives_business_errors_status_400(core: RunningCore, client: VendorClient) -> None:
    """And then the order of an HTTP error; other errors keep their own status."""
    strict = VendorClient(VbeeApi(core.gateway, business_error_status=400), core)
    response = await strict.call_with(apiKey="unknown")
    assert told(response) == (400, b'{"status":0,"code":1201,"message":"Application is not found"}')
    assert told(await strict.call_with(exp=1)) == http_error(401, "Unauthorized")


@pytest.mark.parametrize("state", ["active", "inactive"])
async def test_an_application_that_is_switched_off_is_not_found(
    client: VendorClient, core: RunningCore, state: str
) -> None:
    """1201 while it is, and calls again after."""
    await core.configure(application(state=state))
    response = await client.call()
    assert response.status == 200
    assert members(response).get("code") == (None if state == "active" else 1201)


@pytest.mark.parametrize("sentence", [None, ""])
async def test_an_application_without_a_sentence_has_no_content(
    client: VendorClient, core: RunningCore, sentence: str | None
) -> None:
    """1204: what is said before the code belongs to the application."""
    await core.configure(application(sentence=sentence))
    assert told(await client.call()) == vendor_error(1204)


async def test_an_empty_wallet_is_out_of_money(client: VendorClient, core: RunningCore) -> None:
    """1603 for a prepaid account, until money comes in."""
    await core.configure(PREPAID)
    assert told(await client.call()) == vendor_error(1603)
    await core.top_up("shop", "600")
    assert members(await client.call())["status"] == 1
    assert told(await client.call()) == vendor_error(1603)


async def test_an_expired_wallet_is_expired(client: VendorClient, core: RunningCore) -> None:
    """1104, however much is in it."""
    await core.configure(msgspec.structs.replace(PREPAID, wallet_expires_at="2026-01-01"))
    await core.top_up("shop", "100000")
    assert told(await client.call()) == vendor_error(1104)


async def test_a_pool_that_is_not_there_does_not_exist(client: VendorClient, core: RunningCore) -> None:
    """2301, for an application that names none: one that is not there cannot be named."""
    await core.configure(application(pool=""))
    assert told(await client.call()) == vendor_error(2301)


async def test_an_inactive_pool_is_inactive(client: VendorClient, core: RunningCore) -> None:
    """2302."""
    await core.configure(msgspec.structs.replace(POOL, state="inactive"))
    assert told(await client.call()) == vendor_error(2302)


async def test_a_pool_without_a_hotline_is_empty(client: VendorClient, core: RunningCore) -> None:
    """1501 for none, for an inactive one, and for one at its daily cap."""
    await core.configure(msgspec.structs.replace(HOTLINE, daily_cap=1))
    assert members(await client.call())["status"] == 1
    assert told(await client.call()) == vendor_error(1501)
    await core.configure(msgspec.structs.replace(HOTLINE, state="inactive"))
    assert told(await client.call()) == vendor_error(1501)
    await core.configure(remove=((HOTLINE.kind, HOTLINE.identity),))
    assert told(await client.call()) == vendor_error(1501)


async def test_a_refused_call_costs_nothing(client: VendorClient, core: RunningCore) -> None:
    """The hotline is looked for after the money was held, and both or none happen."""
    await core.configure(msgspec.structs.replace(POOL, state="inactive"))
    await client.call()
    assert await core.balance("shop") == 0
    assert await core.messages("shop") == []


@pytest.mark.parametrize(
    "document",
    [
        msgspec.structs.replace(ACCOUNT, state="inactive"),
        msgspec.structs.replace(ACCOUNT, allowed_ips=("198.51.100.0/24",)),
        application(allowed_ips=("198.51.100.7",)),
        application(voice_code=False),
    ],
)
async def test_who_may_not_call_is_forbidden(
    client: VendorClient, core: RunningCore, document: doc.Account | doc.Application
) -> None:
    """A suspended account, an address outside a list, an application without calls: 403."""
    await core.configure(document)
    assert told(await client.call()) == http_error(403, "Forbidden")
    assert told(await client.call_with(exp=1)) == http_error(401, "Unauthorized")


async def test_a_listed_address_may_call(client: VendorClient, core: RunningCore) -> None:
    """Addresses and networks; a sandbox application has no list."""
    await core.configure(application(allowed_ips=("203.0.113.0/24",)))
    assert (await client.call()).status == 200
    await core.configure(application(environment="sandbox", allowed_ips=("198.51.100.7",)))
    assert (await client.call()).status == 200


async def test_a_number_that_is_not_served_can_not_be_called(client: VendorClient, core: RunningCore) -> None:
    """Another country's, or one without a price."""
    expected = http_error(400, "phone_number can not be called")
    assert told(await client.call(phone_number="+8613911281234")) == expected
    await core.configure(doc.Tariff(name="default"))
    assert told(await client.call()) == expected


async def test_a_full_window_refuses(client: VendorClient, core: RunningCore) -> None:
    """429 is none of the vendor's codes, so it comes as its other business errors do."""
    window = doc.WindowLimit(per="phone", seconds=60, limit=1)
    await core.configure(msgspec.structs.replace(ACCOUNT, windows=(window,)))
    assert members(await client.call())["status"] == 1
    assert told(await client.call()) == business_error(429, "Too many requests")


async def test_a_store_that_is_away_is_a_system_error(client: VendorClient, core: RunningCore) -> None:
    """500."""
    core.storage.is_away = True
    response = await client.call()
    core.storage.is_away = False
    assert told(response) == http_error(500, "Internal server error")


def test_a_fault_of_ours_names_its_incident_in_a_header(api: VbeeApi) -> None:
    """The text is always the same."""
    response = api.fault(Request("POST", VOICE_OTP, b"", (), b"", CLIENT_IP), "1a2b3c4d")
    assert told(response) == http_error(500, "Internal server error")
    assert dict(response.headers) == {b"x-incident": b"1a2b3c4d"}


def test_an_oversized_body_is_refused(api: VbeeApi) -> None:
    """Nobody reads it."""
    response = api.refuse_oversized(Request("POST", VOICE_OTP, b"", (), b"", CLIENT_IP))
    assert told(response) == http_error(400, "body is too large")


# See docs/vendors/vbee.md#order-of-checks. 1201 before a wrong signature follows from "check API_KEY", the rest not.
async def test_errors_are_found_in_the_vendors_order(client: VendorClient, core: RunningCore) -> None:
    """A request with everything wrong is put right one thing at a time."""
    expired = msgspec.structs.replace(PREPAID, wallet_expires_at="2026-01-01")
    await core.configure(
        expired,
        application(sentence=None, pool=""),
        msgspec.structs.replace(CREDENTIAL, state="inactive"),
        msgspec.structs.replace(POOL, state="inactive"),
        msgspec.structs.replace(HOTLINE, state="inactive"),
    )
    body: dict[str, object] = {"voice": "robot"}
    access_token = "none"

    async def put_right(*documents: doc.AnyDocument, **fields: object) -> object:
        if documents:
            await core.configure(*documents)
        body.update(fields)
        answer = members(await client.post(access_token, json.dumps(body).encode()))
        return answer.get("code", "called")

    assert await put_right() == 401
    access_token = token(CLAIMS, "wrong secret")
    assert await put_right() == 1201
    assert await put_right(CREDENTIAL) == 401
    access_token = token(CLAIMS)
    assert await put_right() == 400
    assert await put_right(phone_number="none") == 400
    assert await put_right(voice=VOICE) == 400
    assert await put_right(phone_number=PHONE) == 1204
    assert await put_right(application(sentence=SENTENCE, pool="")) == 1104
    assert await put_right(PREPAID) == 1603
    await core.top_up("shop", "600")
    assert await put_right() == 2301
    assert await put_right(APPLICATION) == 2302
    assert await put_right(POOL) == 1501
    assert await put_right(HOTLINE) == "called"
    assert body == BODY


async def test_a_postpaid_account_needs_no_money(client: VendorClient, core: RunningCore) -> None:
    """Unless it has a credit limit."""
    assert members(await client.call())["status"] == 1
    await core.configure(TARIFF, msgspec.structs.replace(ACCOUNT, credit_limit="600"))
    assert told(await client.call()) == vendor_error(1603)
