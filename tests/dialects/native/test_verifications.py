"""`/v1/verifications`: docs/api.md."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.dialects.native import wire
from onema.dialects.native.routes import NativeApi, description
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import DIGITS
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId
from onema.domain.request_key import KEPT_MS
from onema.domain.values.money import parse_amount
from onema.domain.values.phone import Phone
from onema.domain.values.sms_text import fold
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import ACCOUNT, CLIENT_IP, DOCUMENTS, PHONE, TEXT, VERIFICATIONS, create, get, post

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
VOICE: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(
        name="default",
        rates=(
            doc.Rate(channel="sms", prefix="+84", price="850"),
            doc.Rate(channel="call", prefix="+84", price="400", period=60),
        ),
    ),
    doc.Application(account="shop", name="codes", state="active"),
)


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS)
    return NativeApi(core.gateway, core.reads)


async def ask(api: NativeApi, request: Request, status: int = 200) -> dict[str, Any]:
    response = await api.answer(request)
    found: dict[str, Any] = json.loads(response.body)
    assert response.status == status, found
    return found


async def sent(api: NativeApi, **members: Any) -> str:
    return str((await ask(api, create(members), 201))["id"])


async def code_of(core: RunningCore, verification: str) -> str:
    return str(re.findall("[0-9A-Z]{4,10}", (await core.queued_sms(int(verification))).text)[0])


def check(verification: str, code: str) -> Request:
    return post(f"{VERIFICATIONS}/{verification}/check", {"code": code})


def wrong(code: str) -> str:
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


async def test_a_phone_is_all_that_a_code_needs(api: NativeApi, core: RunningCore) -> None:
    """The only brandname's first text that needs nothing but the code; the answer says how long it lives and where."""
    response = await api.answer(create({}))
    told = json.loads(response.body)
    assert response.headers == ((b"location", f"{VERIFICATIONS}/{told['id']}".encode()),)
    assert {name: told[name] for name in ("status", "channel", "to", "purpose")} == {
        "status": "pending",
        "channel": "sms",
        "to": PHONE,
        "purpose": "code",
    }
    payload = await core.queued_sms(int(told["id"]))
    assert payload.sender == "Shop"
    assert re.fullmatch(fold(TEXT).replace("{OTP}", "[0-9]{6}"), payload.text)
    message = await core.message("shop", int(told["id"]))
    assert message.code_expires_at - core.clock.now() == 300_000


async def test_a_right_code_is_right_once(api: NativeApi, core: RunningCore) -> None:
    """Then it is verified, which its timeline tells."""
    verification = await sent(api)
    code = await code_of(core, verification)
    assert await ask(api, check(verification, code)) == {
        "id": verification,
        "valid": True,
        "status": "verified",
    }
    again = await ask(api, check(verification, code))
    assert (again["valid"], again["status"]) == (False, "verified")
    told = await ask(api, get(f"{VERIFICATIONS}/{verification}"))
    assert told["status"] == "verified"
    events = [line["event"] for line in told["timeline"]]
    assert events == ["requested", "accepted", "hold", "verified"]
    assert told["cost"] == {"currency": "VND", "held": "850", "charged": "0"}


async def test_five_wrong_codes_are_the_end(api: NativeApi, core: RunningCore) -> None:
    """None of them is an error of the request; the right one comes too late."""
    verification = await sent(api)
    code = await code_of(core, verification)
    found = [await ask(api, check(verification, wrong(code))) for _ in range(5)]
    assert [one["valid"] for one in found] == [False] * 5
    assert [one["status"] for one in found] == ["pending"] * 4 + ["exhausted"]
    assert (await ask(api, check(verification, code)))["valid"] is False


async def test_many_checks_at_once_are_all_decided(api: NativeApi, core: RunningCore) -> None:
    """None is refused because others wait: a try is lost then, and nobody knows whether it was right."""
    sends = [await sent(api, to=f"+8490188{number:04}") for number in range(60)]
    codes = [await code_of(core, verification) for verification in sends]
    anew = NativeApi(core.gateway, core.reads)  # as on another node, which has sent none of them
    core.storage.reading.clear()
    asked = [
        asyncio.ensure_future(ask(anew, check(verification, wrong(code))))
        for verification, code in zip(sends, codes, strict=True)
    ]
    await asyncio.sleep(0)
    core.storage.reading.set()
    told = await asyncio.gather(*asked)
    assert {(one["valid"], one["status"]) for one in told} == {(False, "pending")}


async def test_a_wrong_try_is_answered_though_the_store_cannot_be_read(
    api: NativeApi, core: RunningCore
) -> None:
    """It has cost its try; what it left was known when it was decided."""
    verification = await sent(api)
    code = await code_of(core, verification)
    core.storage.is_unreadable = True
    told = [await ask(api, check(verification, wrong(code))) for _ in range(5)]
    assert [one["status"] for one in told] == ["pending"] * 4 + ["exhausted"]


async def test_a_purpose_has_a_code_of_its_own(api: NativeApi, core: RunningCore) -> None:
    """A new code of one purpose supersedes that alone, and no code is right for another verification."""
    login, payment = await sent(api, purpose="login"), await sent(api, purpose="payment")
    newer = await sent(api, purpose="login", reference="again")
    codes = {one: await code_of(core, one) for one in (login, payment, newer)}
    assert (await ask(api, check(login, codes[newer])))["status"] == "superseded"
    assert (await ask(api, check(payment, codes[payment])))["valid"] is True
    assert (await ask(api, check(newer, codes[newer])))["valid"] is True


async def test_a_code_lives_as_long_as_was_asked(api: NativeApi, core: RunningCore) -> None:
    """Then it is expired."""
    verification = await sent(api, ttl=60)
    code = await code_of(core, verification)
    core.clock.advance(60)
    assert await ask(api, check(verification, code)) == {
        "id": verification,
        "valid": False,
        "status": "expired",
    }


@pytest.mark.parametrize("spelled", ["+84901888484", "84901888484", " 84 901 888 484", "+84 (90) 188-8484"])
async def test_an_account_without_a_country_sends_to_numbers_with_theirs(
    core: RunningCore, spelled: str
) -> None:
    """Where its countries allow them; only what is written without its country's code is nobody's number."""
    await core.configure(*DOCUMENTS, msgspec.structs.replace(ACCOUNT, country="", countries=("VN",)))
    api = NativeApi(core.gateway, core.reads)
    assert (await ask(api, create({"to": spelled}), 201))["to"] == "+84901888484"
    refused = await ask(api, create({"to": "0901888484"}), 400)
    assert (refused["pointer"], "country" in refused["detail"]) == ("/to", True)
    assert (await ask(api, create({"to": "+12025550123"}), 403))["type"].endswith("country_not_allowed")
    assert (await ask(api, create({"to": "12"}), 422))["type"].endswith("phone_invalid")


async def test_an_account_without_country_and_countries_is_told_so(core: RunningCore) -> None:
    """Nothing says where it may send: it would be refused every number as one of a wrong country."""
    await core.configure(*DOCUMENTS, msgspec.structs.replace(ACCOUNT, country="", countries=()))
    refused = await ask(NativeApi(core.gateway, core.reads), create({"to": PHONE}), 403)
    assert refused["type"].endswith("country_not_allowed")
    assert refused["detail"] == "the account has neither a country nor countries that it may send to"


async def test_a_code_lives_for_an_hour_only_where_the_server_allows_it(core: RunningCore) -> None:
    """Ten minutes else, and the refusal says what would allow it. It can be checked until its end."""
    await core.configure(*DOCUMENTS)
    usual, longer = (NativeApi(core.gateway, core.reads, longest_ttl=most) for most in (600, 3_600))
    refused = await ask(usual, create({"ttl": 601}), 400)
    assert refused["pointer"] == "/ttl"
    assert refused["detail"] == "it is at most 600 here (native.longest_ttl_minutes)"
    verification = await sent(longer, ttl=3_600)
    code = await code_of(core, verification)
    core.clock.advance(3_599)
    assert (await ask(longer, check(verification, code)))["valid"] is True
    assert (await ask(longer, create({"ttl": 3_601}), 400))["pointer"] == "/ttl"


async def test_a_cancelled_code_is_checked_no_more(api: NativeApi, core: RunningCore) -> None:
    """What was sent stays paid for. Twice is once, and what was verified stays so."""
    verification = await sent(api)
    code = await code_of(core, verification)
    for _ in range(2):
        told = await ask(api, post(f"{VERIFICATIONS}/{verification}/cancel"))
        assert (told["status"], told["cost"]["held"]) == ("cancelled", "850")
    assert (await ask(api, check(verification, code))) == {
        "id": verification,
        "valid": False,
        "status": "cancelled",
    }
    other = await sent(api)
    await ask(api, check(other, await code_of(core, other)))
    assert (await ask(api, post(f"{VERIFICATIONS}/{other}/cancel", {})))["status"] == "verified"


async def sent_by_another_dialect(core: RunningCore) -> str:
    """A code, and its message's number."""
    gateway = core.gateway
    accepted: Accepted = await gateway.execute(
        SendCode(
            account=core.account("shop").id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(ENTROPY_BYTES),
            dialect="another",
            phone=Phone(PHONE),
            home_country="VN",
            client_ip=CLIENT_IP,
            brandname="Shop",
            text=TEXT,
            code=NewCode(DIGITS, 6, 300_000),
        )
    )
    return str(accepted.message)


async def test_a_code_of_another_dialect_can_be_checked_here(api: NativeApi, core: RunningCore) -> None:
    """By its message's number."""
    verification = await sent_by_another_dialect(core)
    found = await ask(api, check(verification, await code_of(core, verification)))
    assert found["valid"] is True


def named(request: Request, name: bytes) -> Request:
    return msgspec.structs.replace(request, headers=(*request.headers, (b"idempotency-key", name)))


async def test_under_one_key_one_code_is_sent(api: NativeApi, core: RunningCore) -> None:
    """Also by requests that come together; each is answered as the first was, byte for byte, and paid once."""
    request = named(create({"ttl": 120}), b'"order-17"')
    answers = await asyncio.gather(*(api.answer(request) for _ in range(3)))
    core.clock.advance(100)
    answers.append(await api.answer(named(create({"ttl": 120}), b"order-17")))
    assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
    assert len(await core.messages("shop")) == 1
    assert await core.balance("shop") == parse_amount("-850")
    other = await ask(api, named(create({"ttl": 121}), b"order-17"), 422)
    assert other["type"] == "urn:onema:problem:idempotency_key_reused"
    core.clock.advance(KEPT_MS / 1000)
    assert (await api.answer(request)).body != answers[0].body


async def test_a_refused_request_does_not_use_its_key(api: NativeApi, core: RunningCore) -> None:
    """Once it may be sent, it is."""
    await core.configure(msgspec.structs.replace(ACCOUNT, countries=("TH",)))
    request = named(create({}), b"order-18")
    await ask(api, request, 403)
    await core.configure(ACCOUNT)
    await ask(api, request, 201)


@pytest.mark.parametrize("name", [b"", b'""', b"x" * 256, b"\xff", b"a\x00b"])
async def test_a_key_that_is_none_is_refused(api: NativeApi, core: RunningCore, name: bytes) -> None:
    """Before anything is sent."""
    assert (await ask(api, named(create({}), name), 400))["type"] == "urn:onema:problem:invalid_request"
    assert await core.messages("shop") == []


async def test_a_call_reads_the_code_out(api: NativeApi, core: RunningCore) -> None:
    """In the application's voice, from the application that is named."""
    await core.configure(*VOICE)
    verification = await sent(api, channel="call", application="codes", code_length=4)
    payload = await core.queued_call(int(verification))
    assert (payload.phone, payload.times, len(payload.code)) == (PHONE, 2, 4)
    assert (await ask(api, check(verification, payload.code)))["valid"] is True


@pytest.mark.parametrize(
    ("members", "status", "type_", "pointer"),
    [
        ({"channel": "fax"}, 400, "invalid_request", "/channel"),
        ({"ttl": 601}, 400, "invalid_request", "/ttl"),
        ({"code_length": 3}, 400, "invalid_request", "/code_length"),
        ({"purpose": ""}, 400, "invalid_request", "/purpose"),
        ({"template": "none"}, 400, "invalid_request", "/template"),
        ({"client_ip": "10.0.0.300"}, 400, "invalid_request", "/client_ip"),
        ({"frm": "Shop"}, 400, "invalid_request", "/frm"),
        ({"to": "12"}, 422, "phone_invalid", ""),
        ({"to": "+12025550123"}, 403, "country_not_allowed", ""),
        ({"sender": "Other", "text": TEXT}, 422, "brandname_unknown", ""),
        ({"text": "Not registered {OTP}"}, 422, "template_mismatch", ""),
        ({"channel": "call"}, 404, "application_unknown", ""),
    ],
)
async def test_what_cannot_be_sent_is_named(
    api: NativeApi, members: dict[str, Any], status: int, type_: str, pointer: str
) -> None:
    """With the member, where one does not fit."""
    found = await ask(api, create(members), status)
    assert found["type"] == f"urn:onema:problem:{type_}"
    assert found.get("pointer", "") == pointer


async def test_a_whole_number_may_be_written_with_a_point(api: NativeApi, core: RunningCore) -> None:
    """As JSON Schema has it; a half is none."""
    verification = await sent(api, code_length=8.0, ttl=60.0)
    assert len(await code_of(core, verification)) == 8
    assert (await ask(api, create({"ttl": 60.5}), 400))["pointer"] == "/ttl"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_MEMBERS = st.sampled_from([*wire.VerificationRequest.__struct_fields__, "other"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.dictionaries(_MEMBERS, _ANY, max_size=4))
async def test_any_members_are_sent_or_refused(api: NativeApi, members: dict[str, Any]) -> None:
    """With a status below 500, and a problem that names a member of the request or none."""
    response = await api.answer(create(members))
    found = json.loads(response.body)
    assert response.status in (201, 400, 402, 403, 404, 422, 429)
    if response.status != 201:
        assert found["type"].startswith("urn:onema:problem:")
        assert found.get("pointer", "")[1:].split("/")[0] in {"", "to", "amount", "payee", *members}


async def test_another_accounts_verification_is_none(api: NativeApi, core: RunningCore) -> None:
    """Neither shown nor checked nor cancelled, and a right code stays right."""
    await core.configure(
        doc.Account(name="rival", wallet="postpaid", windows=()),
        doc.Credential(account="rival", dialect="native", key="rk-1", secret="rs-" + "x" * 20),
    )
    verification = await sent(api)
    code = await code_of(core, verification)
    path = f"{VERIFICATIONS}/{verification}"
    key = {"key": "rk-1", "secret": "rs-" + "x" * 20}
    for request in (
        get(path, **key),
        post(f"{path}/check", {"code": code}, **key),
        post(f"{path}/cancel", **key),
    ):
        assert (await ask(api, request, 404))["type"] == "urn:onema:problem:verification_unknown"
    assert (await ask(api, check(verification, code)))["valid"] is True


async def test_paths_and_methods_that_there_are_not(api: NativeApi) -> None:
    """A 405 says what a path takes."""
    for path in ("/v1", "/v1/verifications/", "/v1/verifications/x", "/v1/verifications/1/again"):
        assert (await ask(api, get(path), 404))["type"] == "urn:onema:problem:not_found"
    response = await api.answer(get(VERIFICATIONS))
    assert (response.status, response.headers) == (405, ((b"allow", b"POST"),))


async def test_the_balance_is_the_wallets(api: NativeApi, core: RunningCore) -> None:
    """In the account's currency, after a hold."""
    await sent(api)
    assert await ask(api, get("/v1/balance")) == {
        "currency": "VND",
        "balance": "-850",
        "wallet": "postpaid",
        "expires_at": None,
    }


async def test_the_description_needs_no_login(api: NativeApi) -> None:
    """It is the file beside the code."""
    response = await api.answer(Request("GET", "/v1/openapi.yaml", b"", (), b"", CLIENT_IP))
    assert (response.status, response.content_type, response.body) == (
        200,
        b"application/yaml",
        description(),
    )


def test_the_page_shows_every_member(api: NativeApi) -> None:
    """Of the request that sends a code, as the description has them."""
    section = PAGE.read_text().partition("## Send a code")[2].partition("\n## ")[0]
    described = description().decode().partition("NewVerification:")[2].partition("PlannedChannel:")[0]
    members = set(re.findall(r"^        ([a-z_]+):", described, re.MULTILINE))
    assert members == set(re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE))
    assert len(members) > 10
