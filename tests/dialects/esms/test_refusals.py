"""Every refusal in the vendor's words.

https://developers.esms.vn/esms-api/bang-ma-loi and docs/vendors/esms.md#errors.
"""

import asyncio
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from onema.dialects.esms.errors import REFUSALS
from onema.dialects.esms.routes import EsmsApi
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal
from onema.http.messages import Request

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    BRANDNAME,
    CHECKCODE,
    CREDENTIAL,
    GENCODE,
    PHONE,
    TARIFF,
    TEMPLATE,
    VendorClient,
    code_result,
    error_body,
    gencode_parameters,
    query_of,
)

ERRORS_DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"

AUTHORIZE_FAILED = b'{"CodeResult":"101","CountRegenerate":0,"ErrorMessage":"Authorize Failed"}'


def test_every_refusal_has_the_vendors_error() -> None:
    """A new refusal of the core cannot be forgotten here."""
    assert set(REFUSALS) == set(Refusal)


def test_the_document_lists_every_refusal_with_its_result() -> None:
    """docs/errors.md says what the table says."""
    section = ERRORS_DOCUMENT.read_text().partition("## eSMS")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \| `([^`]+)`", section, re.MULTILINE)
    assert listed == [(refusal.value, error.code, error.message) for refusal, error in REFUSALS.items()]


# tin-gencode-tu-dong-sms: the body of wrong keys.
@pytest.mark.parametrize(
    "keys",
    [
        {"ApiKey": None},
        {"ApiKey": ""},
        {"ApiKey": "unknown"},
        {"SecretKey": None},
        {"SecretKey": ""},
        {"SecretKey": "wrong"},
        {"SecretKey": "bí mật"},
        {"ApiKey": None, "SecretKey": None},
    ],
)
@pytest.mark.parametrize("path", [GENCODE, CHECKCODE])
async def test_wrong_keys_get_the_vendors_exact_body(
    client: VendorClient, path: str, keys: dict[str, str | None]
) -> None:
    """Whichever of the two is missing or wrong."""
    query = query_of({**gencode_parameters(keys), "Code": "123456"})
    assert (await client.ask(path, query)).body == AUTHORIZE_FAILED


async def test_a_revoked_credential_is_a_wrong_one(client: VendorClient, core: RunningCore) -> None:
    """Keys that were taken back no longer open anything."""
    await core.configure(replace(CREDENTIAL, state="inactive"))
    assert await client.gencode() == AUTHORIZE_FAILED


async def test_keys_of_another_dialect_are_unknown(client: VendorClient, core: RunningCore) -> None:
    """A credential belongs to one wire API."""
    await core.configure(
        replace(CREDENTIAL, dialect="native"), remove=((CREDENTIAL.kind, CREDENTIAL.identity),)
    )
    assert await client.gencode() == AUTHORIZE_FAILED


async def test_two_credentials_of_an_account_live_at_a_time(client: VendorClient, core: RunningCore) -> None:
    """A client moves to new keys without a gap."""
    await core.configure(replace(CREDENTIAL, key="SECOND", secret="also secret"))
    assert code_result(await client.gencode(ApiKey="SECOND", SecretKey="also secret")) == "100"
    assert code_result(await client.gencode()) == "100"


# bang-ma-loi: 140, IP not whitelisted.
@pytest.mark.parametrize("path", [GENCODE, CHECKCODE])
async def test_an_address_outside_the_list_is_refused(
    client: VendorClient, core: RunningCore, path: str
) -> None:
    """Only the account's own networks may call."""
    await core.configure(replace(ACCOUNT, allowed_ips=("198.51.100.0/24",)))
    query = query_of({**gencode_parameters({}), "Code": "123456"})
    assert (await client.ask(path, query)).body == error_body("140", "IP is not in whitelist")
    client.client_ip = "198.51.100.77"
    assert code_result((await client.ask(path, query)).body) != "140"


# bang-ma-loi: 143, account not activated or locked.
@pytest.mark.parametrize("path", [GENCODE, CHECKCODE])
async def test_a_locked_account_is_refused(client: VendorClient, core: RunningCore, path: str) -> None:
    """Neither sends nor checks are served."""
    await core.configure(replace(ACCOUNT, state="inactive"))
    query = query_of({**gencode_parameters({}), "Code": "123456"})
    assert (await client.ask(path, query)).body == error_body("143", "Account is not activated or is locked")


# bang-ma-loi: 300, message type missing; 118, not supported. GENCODE has type 2 only.
@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (None, "300", "Message type is missing"),
        ("", "300", "Message type is missing"),
        (" ", "300", "Message type is missing"),
        ("1", "118", "Message type is not supported"),
        ("8", "118", "Message type is not supported"),
        ("two", "118", "Message type is not supported"),
    ],
)
async def test_only_customer_care_is_sent(
    client: VendorClient, given: str | None, code: str, message: str
) -> None:
    """Type is 2 or an error."""
    assert await client.gencode(Type=given) == error_body(code, message)


# bang-ma-loi: 108, phone format wrong.
@pytest.mark.parametrize(
    "phone", [None, "", "090188848", "09018884840", "abc", "+1", "0901888484,0901888485"]
)
async def test_what_is_no_phone_is_refused(client: VendorClient, phone: str | None) -> None:
    """One valid number, or an error."""
    assert await client.gencode(Phone=phone) == error_body("108", "Phone is wrong format")


# bang-ma-loi: 108 phone format wrong.
@pytest.mark.parametrize("phone", ["19001234", "1900123456", "18001234", "02438241234", "+80012345678"])
async def test_a_number_that_no_sms_reaches_is_a_wrong_one(
    client: VendorClient, core: RunningCore, phone: str
) -> None:
    """Premium, toll-free and landline numbers: nothing is sent, kept or charged."""
    await core.configure(replace(ACCOUNT, countries=("*",)))
    assert await client.gencode(Phone=phone) == error_body("108", "Phone is wrong format")
    assert await core.messages("shop") == []
    assert await core.balance("shop") == 0


async def test_an_account_may_be_allowed_to_send_to_landlines(
    client: VendorClient, core: RunningCore
) -> None:
    """Those that read an SMS out; premium numbers stay closed."""
    await core.configure(replace(ACCOUNT, destinations=("fixed_line",)))
    assert code_result(await client.gencode(Phone="02438241234")) == "100"
    assert code_result(await client.gencode(Phone="19001234")) == "108"


async def test_a_country_that_is_not_allowed_is_a_blocked_phone(
    client: VendorClient, core: RunningCore
) -> None:
    """Accounts send at home unless their list says otherwise: fraud is mostly abroad."""
    assert await client.gencode(Phone="+819012345678") == error_body("99", "Phone is blocked")
    await core.configure(replace(ACCOUNT, countries=("VN", "JP")))
    assert code_result(await client.gencode(Phone="+819012345678")) == "100"


async def test_an_account_of_another_country_writes_its_own_national_numbers(
    client: VendorClient, core: RunningCore
) -> None:
    """National numbers belong to the account's country, and so does what it may send to."""
    await core.configure(replace(ACCOUNT, country="JP"))
    message = await client.send(Phone="090-1234-5678")
    assert (await core.message("shop", message)).phone == "+819012345678"
    assert code_result(await client.gencode(Phone="+84901888484")) == "99"


# tin-nhan-sms-otp-cskh: the body of an unknown brandname.
@pytest.mark.parametrize("brandname", [None, "", "Somebody", "baotrixemay"])
async def test_an_unknown_brandname_is_refused(client: VendorClient, brandname: str | None) -> None:
    """Names are compared to the letter: they are what the phone shows."""
    assert await client.gencode(Brandname=brandname) == error_body("104", "Brand name code is not exist")


async def test_a_brandname_that_is_off_is_refused(client: VendorClient, core: RunningCore) -> None:
    """An operator can switch a sender off."""
    await core.configure(replace(BRANDNAME, state="inactive"))
    assert code_result(await client.gencode()) == "104"


async def test_a_brandname_that_has_expired_is_refused(client: VendorClient, core: RunningCore) -> None:
    """Registrations end at their time."""
    await core.configure(replace(BRANDNAME, expires_at="2000-01-01"))
    assert code_result(await client.gencode()) == "104"


async def test_a_template_that_is_off_does_not_count(client: VendorClient, core: RunningCore) -> None:
    """Only active templates allow a text."""
    await core.configure(replace(TEMPLATE, state="inactive"))
    assert code_result(await client.gencode()) == "146"


# bang-ma-loi: 102, no price list.
async def test_a_number_without_a_price_is_refused(client: VendorClient, core: RunningCore) -> None:
    """Nothing is sent for an unknown price."""
    await core.configure(replace(TARIFF, rates=()))
    assert await client.gencode() == error_body("102", "Price list is not exist")


# bang-ma-loi: 103, not enough balance.
async def test_an_empty_wallet_is_refused(client: VendorClient, core: RunningCore) -> None:
    """Prepaid accounts send what they have paid for, to the last amount."""
    await core.configure(replace(ACCOUNT, wallet="prepaid"))
    await core.top_up("shop", "850")
    assert code_result(await client.gencode()) == "100"
    assert await client.gencode() == error_body("103", "Balance is not enough")
    assert await core.balance("shop") == 0


async def test_an_expired_wallet_is_an_empty_one(client: VendorClient, core: RunningCore) -> None:
    """What has lapsed cannot be spent."""
    await core.configure(replace(ACCOUNT, wallet="prepaid", wallet_expires_at="2000-01-01"))
    await core.top_up("shop", "100000")
    assert await client.gencode() == error_body("103", "Balance is not enough")


async def test_two_hundred_parallel_sends_spend_the_money_for_ten(
    client: VendorClient, core: RunningCore
) -> None:
    """The wallet's floor holds under concurrency, and exactly what was accepted is queued."""
    await core.configure(replace(ACCOUNT, wallet="prepaid"))
    await core.top_up("shop", "8500")
    phones = [f"0901888{number:03}" for number in range(200)]
    answers = await asyncio.gather(*(client.gencode(Phone=phone) for phone in phones))
    assert [code_result(answer) for answer in answers].count("100") == 10
    assert answers.count(error_body("103", "Balance is not enough")) == 190
    assert await core.balance("shop") == 0
    messages = await core.messages("shop")
    assert len(messages) == 10
    assert all([await core.is_queued(message.id) for message in messages])


# See docs/vendors/esms.md#errors: a window that refuses is a 99.
async def test_a_full_window_is_refused_and_opens_again(client: VendorClient, core: RunningCore) -> None:
    """Two a minute, then wait."""
    window = doc.WindowLimit(per="phone", seconds=60, limit=2)
    await core.configure(replace(ACCOUNT, windows=(window,)))
    assert [code_result(await client.gencode()) for _ in range(2)] == ["100", "100"]
    assert await client.gencode() == error_body("99", "Too many requests, try again later")
    assert code_result(await client.gencode(Phone="0901888485")) == "100"
    core.clock.advance(60)
    assert code_result(await client.gencode()) == "100"


# See docs/vendors/esms.md#errors: a store that is away is a 99 under status 200.
async def test_a_store_that_is_away_is_our_fault(client: VendorClient, core: RunningCore) -> None:
    """Nothing was accepted, and the client may try again."""
    core.storage.is_away = True
    assert await client.gencode() == error_body("99", "System is busy, try again later")
    assert await client.checkcode("123456") == error_body("99", "System is busy, try again later")
    core.storage.is_away = False
    assert code_result(await client.gencode()) == "100"


# See docs/vendors/esms.md#errors: our own failure is a 99 under status 200.
async def test_our_own_fault_names_its_incident(api: EsmsApi) -> None:
    """The operator finds the log line by what the integrator quotes."""
    response = api.fault(Request("GET", GENCODE, b"", (), b"", "203.0.113.9"), "1f2e3d4c")
    assert response.status == 200
    assert response.body == error_body("99", "System error, incident 1f2e3d4c")


# See docs/vendors/esms.md#errors: 101 -> 140/143 -> 300/118 -> 108/99 -> 104 -> 146 -> 103 -> 100.
async def test_checks_come_in_the_vendors_order(client: VendorClient, core: RunningCore) -> None:
    """A request with every fault learns of them one by one, in the documented order."""
    account = replace(ACCOUNT, state="inactive", allowed_ips=("198.51.100.1",), wallet="prepaid")
    await core.configure(account, replace(TARIFF, rates=()))
    faults: dict[str, str | None] = {
        "SecretKey": "wrong",
        "Type": None,
        "Phone": "none",
        "Brandname": "Somebody",
        "message": "nothing registered",
    }

    async def result(**corrected: str | None) -> object:
        faults.update(corrected)
        return code_result(await client.gencode(**faults))

    assert await result() == "101"
    del faults["SecretKey"]
    assert await result() == "140"
    client.client_ip = "198.51.100.1"
    assert await result() == "143"
    await core.configure(replace(account, state="active"))
    assert await result() == "300"
    assert await result(Type="1") == "118"
    assert await result(Type="2") == "108"
    assert await result(Phone="+819012345678") == "99"
    assert await result(Phone=PHONE) == "104"
    assert await result(Brandname="Baotrixemay") == "146"
    del faults["message"]
    assert await result() == "102"
    await core.configure(TARIFF)
    assert await result() == "103"
    await core.top_up("shop", "850")
    assert await result() == "100"
