"""A code that one API sent is checked by another, wherever that can name it: by the phone, or by its number."""

import json
from typing import Any

import msgspec
import pytest

from onema.dialects.esms.routes import EsmsApi
from onema.dialects.native.routes import NativeApi
from onema.domain.values.phone import Phone
from onema.http.messages import Request

from .esms.vendor_client import ACCOUNT, PHONE, VendorClient, code_result
from .esms.vendor_client import CREDENTIAL as ESMS_CREDENTIAL
from .esms.vendor_client import DOCUMENTS as ESMS_DOCUMENTS
from .native.client import CREDENTIAL, VERIFICATIONS, create, get, post
from .native.client import PHONE as SAME_PHONE
from .running_core import RunningCore


class BothApis:
    """One account with keys for both."""

    def __init__(self, core: RunningCore) -> None:
        self.esms = VendorClient(
            EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="117"), core
        )
        self._native = NativeApi(core.gateway, core.reads)
        self._core = core

    async def ask(self, request: Request, status: int = 200) -> dict[str, Any]:
        response = await self._native.answer(request)
        found: dict[str, Any] = json.loads(response.body)
        assert response.status == status, found
        return found

    async def send(self, **members: str) -> tuple[str, str]:
        """A code by our own API: the verification's id, and the code."""
        sent = str((await self.ask(create(members), 201))["id"])
        return sent, (await self._core.queued_sms(int(sent))).text[:6]

    async def check(self, verification: int | str, code: str) -> bool:
        asked = post(f"{VERIFICATIONS}/{verification}/check", {"code": code})
        return bool((await self.ask(asked))["valid"])


@pytest.fixture
async def apis(core: RunningCore) -> BothApis:
    await core.configure(*ESMS_DOCUMENTS, CREDENTIAL, msgspec.structs.replace(ACCOUNT, countries=("VN",)))
    assert CREDENTIAL.account == ESMS_CREDENTIAL.account
    assert Phone(f"+84{PHONE[1:]}") == SAME_PHONE
    return BothApis(core)


async def test_our_own_api_checks_a_code_that_came_in_through_esms(apis: BothApis) -> None:
    """Right once, at whichever comes first; the vendor's check finds it used."""
    message = await apis.esms.send()
    code = await apis.esms.code_of(message)
    assert await apis.check(message, code)
    told = await apis.ask(get(f"{VERIFICATIONS}/{message}"))
    assert (told["status"], told["to"], told["purpose"]) == ("verified", SAME_PHONE, "code")
    assert code_result(await apis.esms.checkcode(code)) == "117"


async def test_esms_checks_a_code_that_our_own_api_sent(apis: BothApis) -> None:
    """It names the phone alone, which has one code of the usual purpose."""
    verification, code = await apis.send()
    assert code_result(await apis.esms.checkcode(code)) == "100"
    assert (await apis.ask(get(f"{VERIFICATIONS}/{verification}")))["status"] == "verified"
    assert not await apis.check(verification, code)


async def test_esms_cannot_name_another_purpose(apis: BothApis) -> None:
    """Such a code is as none there, and stays what it was."""
    verification, code = await apis.send(purpose="login")
    assert code_result(await apis.esms.checkcode(code)) == "117"
    assert await apis.check(verification, code)


async def test_wrong_checks_of_both_are_counted_together(apis: BothApis) -> None:
    """Nobody gets five more by asking elsewhere."""
    verification, code = await apis.send()
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(3):
        assert code_result(await apis.esms.checkcode(wrong)) == "117"
    for _ in range(2):
        assert not await apis.check(verification, wrong)
    assert (await apis.ask(get(f"{VERIFICATIONS}/{verification}")))["status"] == "exhausted"
    assert code_result(await apis.esms.checkcode(code)) == "117"


async def test_a_code_of_one_supersedes_that_of_the_other(apis: BothApis) -> None:
    """A phone has one code of a purpose, whoever asked for it."""
    first = await apis.esms.send()
    second, code = await apis.send()
    assert (await apis.ask(get(f"{VERIFICATIONS}/{first}")))["status"] == "superseded"
    third = await apis.esms.send()
    assert (await apis.ask(get(f"{VERIFICATIONS}/{second}")))["status"] == "superseded"
    assert not await apis.check(second, code)
    assert await apis.check(third, await apis.esms.code_of(third))


async def test_our_own_api_cancels_a_code_that_came_in_through_esms(apis: BothApis) -> None:
    """Then the vendor's check finds none."""
    message = await apis.esms.send()
    code = await apis.esms.code_of(message)
    await apis.ask(post(f"{VERIFICATIONS}/{message}/cancel"))
    assert code_result(await apis.esms.checkcode(code)) == "117"


async def test_a_check_through_esms_stops_a_plan(apis: BothApis, core: RunningCore) -> None:
    """The code is used, wherever it was typed."""
    plan: Any = [{"channel": "sms"}, {"channel": "sms", "after": 30}]
    verification, code = await apis.send(channels=plan)
    assert code_result(await apis.esms.checkcode(code)) == "100"
    found = await apis.ask(post(f"{VERIFICATIONS}/{verification}/next"), 409)
    assert found["type"] == "urn:onema:problem:verification_over"
