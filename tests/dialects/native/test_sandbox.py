"""Phones with a fixed code: docs/api.md#sandbox. Nobody may pass in earnest by knowing it."""

from typing import Any

import msgspec
import pytest

from onema.dialects.esms.routes import EsmsApi
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import problems_of
from onema.domain.records import Job, JobKind
from onema.domain.values.money import NOTHING
from onema.http.messages import Request

from ..esms.vendor_client import CREDENTIAL as ESMS_CREDENTIAL
from ..esms.vendor_client import VendorClient, code_result
from ..running_core import RunningCore
from .client import ACCOUNT, DOCUMENTS, PHONE, VERIFICATIONS, create, get, post
from .test_verifications import VOICE, ask, code_of

FIXED = "314159"
SANDBOX: dict[str, str] = {"key": "sk-1", "secret": "ss-" + "x" * 20}
OTHER_PHONE = "+84901888485"
TRYING = (
    # Prepaid, and with nothing in its wallet.
    msgspec.structs.replace(
        ACCOUNT,
        sandbox_numbers={PHONE: FIXED},
        wallet="prepaid",
    ),
    doc.Application(
        account="shop", name="trial", environment="sandbox", callback_url="https://shop.example/"
    ),
    doc.Credential(
        account="shop", application="trial", dialect="native", key="sk-1", secret=SANDBOX["secret"]
    ),
)


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS, *VOICE, *TRYING, ESMS_CREDENTIAL)
    return NativeApi(core.gateway, core.reads)


async def due_jobs(core: RunningCore) -> list[Job]:
    """Of all kinds."""
    now = core.clock.now() + 1
    others = await core.storage.lease_jobs(now, now + 1, 10, set(JobKind) - {JobKind.CALLBACK})
    return [*others, *await core.storage.lease_callbacks(now, now + 1, 10, 10)]


async def begin(api: NativeApi, **members: Any) -> str:
    """In the sandbox."""
    return str((await ask(api, create(members, **SANDBOX), 201))["id"])


def tried(verification: str, code: str, **keys: str) -> Request:
    return post(f"{VERIFICATIONS}/{verification}/check", {"code": code, "token": True}, **keys)


@pytest.mark.parametrize("members", [{}, {"channel": "call", "application": "trial"}])
async def test_nothing_is_sent_or_charged(api: NativeApi, core: RunningCore, members: dict[str, str]) -> None:
    """The message has arrived and its end is told; the code is right once, and wrong ones are counted."""
    verification = await begin(api, **members)
    assert not await core.is_queued(int(verification))
    jobs = await due_jobs(core)
    assert [(job.kind, job.message) for job in jobs] == [(JobKind.CALLBACK, int(verification))]
    assert await core.balance("shop") == NOTHING
    assert (await ask(api, tried(verification, "000000", **SANDBOX)))["valid"] is False
    assert await ask(api, tried(verification, FIXED, **SANDBOX)) == {
        "id": verification,
        "valid": True,
        "status": "verified",
    }, "there is no token"
    told = await ask(api, get(f"{VERIFICATIONS}/{verification}", **SANDBOX))
    assert told["delivery"] == {"status": "delivered", "reason": "sandbox", "ending": ""}
    assert told["cost"] == {"currency": "VND", "held": "0", "charged": "0"}
    events = {line["event"] for line in told["timeline"]}
    assert events == {"requested", "accepted", "ended", "wrong code", "verified"}


async def test_the_rest_is_real(api: NativeApi, core: RunningCore) -> None:
    """Texts that fit no template, countries, expiry; and another phone is paid for, which nobody can here."""
    assert (await ask(api, create({"text": "{OTP} no"}, **SANDBOX), 422))["type"].endswith(
        "template_mismatch"
    )
    assert (await ask(api, create({"to": OTHER_PHONE}, **SANDBOX), 402))["type"].endswith("balance_too_low")
    verification = await begin(api, ttl=60)
    core.clock.advance(60)
    assert (await ask(api, tried(verification, FIXED, **SANDBOX)))["status"] == "expired"


async def test_in_production_the_phone_is_one_like_all(api: NativeApi, core: RunningCore) -> None:
    """It gets a code of its own, by the same account's other key, and the fixed one is wrong."""
    await core.top_up("shop", "10000")
    verification = str((await ask(api, create({}), 201))["id"])
    assert await code_of(core, verification) != FIXED
    assert (await ask(api, tried(verification, FIXED)))["valid"] is False
    assert (await ask(api, tried(verification, FIXED, **SANDBOX)))["valid"] is False


async def test_a_fixed_code_is_wrong_for_who_asks_from_production(api: NativeApi, core: RunningCore) -> None:
    """Although the sandbox has just begun a verification of that phone: by its id, and by the phone alone."""
    verification = await begin(api)
    assert (await ask(api, tried(verification, FIXED)))["valid"] is False
    esms = VendorClient(EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="117"), core)
    assert code_result(await esms.checkcode(FIXED)) == "117"
    assert (await ask(api, tried(verification, FIXED, **SANDBOX)))["valid"] is True


async def test_a_number_that_is_taken_out_is_no_sandbox_any_more(api: NativeApi, core: RunningCore) -> None:
    """A code that was begun before is wrong from then on."""
    verification = await begin(api)
    await core.configure(msgspec.structs.replace(TRYING[0], sandbox_numbers={}))
    assert (await ask(api, tried(verification, FIXED, **SANDBOX)))["valid"] is False


@pytest.mark.parametrize("numbers", [{"0901888484": "123456"}, {PHONE: "123"}, {PHONE: "12 456"}])
def test_what_is_no_sandbox_number_is_refused(numbers: dict[str, str]) -> None:
    """With the document, before anything uses it."""
    account = msgspec.structs.replace(ACCOUNT, sandbox_numbers=numbers)
    assert [problem.place for problem in problems_of(account)] == ["sandbox_numbers"]
