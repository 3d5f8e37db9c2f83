"""What a request may say of its code: one of its own, of which letters, for which payment. docs/api.md."""

import hashlib
from typing import Any

import pytest

from onema.dialects.native.routes import NativeApi
from onema.domain.codes.start_verification import REPEAT_MS
from onema.domain.configuration import documents as doc
from onema.domain.request_key import RequestKey

from ..running_core import RunningCore
from .client import DOCUMENTS, PHONE, VERIFICATIONS, create, post
from .test_verifications import VOICE, ask, check, code_of, named, sent, wrong

PAYMENT_TEXT = "{OTP} confirms {AMOUNT} to {PAYEE}"
PAYMENT = {"amount": "1.250.000 VND", "payee": "Nguyen Van A"}


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    payment = doc.Template(account="shop", brandname="Shop", text=PAYMENT_TEXT, name="payment")
    await core.configure(*DOCUMENTS, *VOICE, payment)
    return NativeApi(core.gateway, core.reads)


async def is_right(api: NativeApi, verification: str, **members: str) -> bool:
    return bool((await ask(api, post(f"{VERIFICATIONS}/{verification}/check", members)))["valid"])


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"code": "0042"}, "0042"),
        ({"code": "1234567890"}, "1234567890"),
        ({"code": "ab12cd", "alphabet": "letters_and_digits"}, "AB12CD"),
        ({"code": "123456", "code_length": 6}, "123456"),
    ],
)
async def test_a_code_of_ones_own_is_sent_and_checked(
    api: NativeApi, core: RunningCore, members: dict[str, Any], code: str
) -> None:
    """As one that was made here: it is right once, and a wrong one takes a try."""
    verification = await sent(api, **members)
    assert await code_of(core, verification) == code
    assert not await is_right(api, verification, code="999999")
    assert await is_right(api, verification, code=code)
    assert not await is_right(api, verification, code=code)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"code": "123"}, "/code"),
        ({"code": "12345678901"}, "/code"),
        ({"code": "12a456"}, "/code"),
        ({"code": "12-456", "alphabet": "letters_and_digits"}, "/code"),
        ({"code": "123456", "code_length": 8}, "/code_length"),
    ],
)
async def test_what_is_no_code_is_refused(
    api: NativeApi, core: RunningCore, members: dict[str, Any], pointer: str
) -> None:
    """Before anything is sent, and without a word of what it was."""
    response = await api.answer(create(members))
    assert members["code"].encode() not in response.body
    assert (await ask(api, create(members), 400))["pointer"] == pointer
    assert await core.messages("shop") == []


async def test_nothing_that_rests_lets_a_code_of_ones_own_be_guessed(
    api: NativeApi, core: RunningCore
) -> None:
    """A digest of the request would: there are so few codes that each can be tried."""
    request = named(create({"code": "271828"}), b"order-1")
    await ask(api, request, 201)
    key = (RequestKey, core.account("shop").id, "order-1")
    row = (await core.storage.read([key]))[key]
    live = await core.live("shop", PHONE)
    digest = hashlib.sha256(request.path.encode() + b"\0" + request.body).hexdigest()
    assert digest not in repr(row) + repr(live)
    assert "271828" not in repr(row) + repr(live)
    await ask(api, request, 201)
    assert len(await core.messages("shop")) == 1
    other = named(create({"code": "271829"}), b"order-1")
    assert (await ask(api, other, 422))["type"].endswith("idempotency_key_reused")


@pytest.mark.parametrize("alphabet", ["digits", "letters_and_digits"])
async def test_a_code_is_of_its_alphabet_and_length(api: NativeApi, core: RunningCore, alphabet: str) -> None:
    """From 4 to 10 characters."""
    for length in (4, 10):
        verification = await sent(api, code_length=length, alphabet=alphabet)
        code = await code_of(core, verification)
        assert len(code) == length
        assert code.isdigit() or alphabet == "letters_and_digits"


async def test_a_payment_is_shown_and_bound(api: NativeApi, core: RunningCore) -> None:
    """The right code is wrong for another amount, for another payee, and for none."""
    verification = await sent(api, **PAYMENT)
    text = (await core.queued_sms(int(verification))).text
    code = text[:6]
    assert text == f"{code} confirms 1.250.000 VND to Nguyen Van A"
    assert not await is_right(api, verification, code=code)
    assert not await is_right(api, verification, code=code, **(PAYMENT | {"amount": "1.250.001 VND"}))
    assert not await is_right(api, verification, code=code, **(PAYMENT | {"payee": "Nguyen Van B"}))
    assert await is_right(api, verification, code=code, **PAYMENT)


async def test_amount_and_payee_cannot_be_shifted(api: NativeApi, core: RunningCore) -> None:
    """What belongs to one is not taken for the other's."""
    verification = await sent(api, amount="10 VND", payee="A B")
    code = await code_of(core, verification)
    assert not await is_right(api, verification, code=code, amount="10", payee="VND A B")
    assert not await is_right(api, verification, code=f"{code}", amount="10 VND A", payee="B")
    assert await is_right(api, verification, code=code, amount="10 VND", payee="A B")


async def test_a_code_that_is_not_bound_is_wrong_for_a_payment(api: NativeApi, core: RunningCore) -> None:
    """It confirms none."""
    verification = await sent(api)
    code = await code_of(core, verification)
    assert not await is_right(api, verification, code=code, **PAYMENT)
    assert await is_right(api, verification, code=code)


async def test_a_payment_is_sent_again_as_it_was(api: NativeApi, core: RunningCore) -> None:
    """The same code, amount and payee."""
    verification = await sent(api, **PAYMENT)
    core.clock.advance(30)
    again = await ask(api, post(f"{VERIFICATIONS}/{verification}/resend"), 201)
    texts = [(await core.queued_sms(int(one))).text for one in (verification, again["message"]["id"])]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"amount": "10 VND"}, "/amount"),
        ({"payee": "A"}, "/payee"),
        (PAYMENT | {"text": "{OTP} la ma xac minh cua ban"}, "/amount"),
        (PAYMENT | {"text": "{OTP} confirms {AMOUNT} to A"}, "/payee"),
        ({"template": "payment"}, "/template"),
        ({"text": PAYMENT_TEXT}, "/amount"),
        (PAYMENT | {"amount": "10 {OTP}"}, "/amount"),
        (PAYMENT | {"payee": " A"}, "/payee"),
        (PAYMENT | {"payee": "A\n@evil.example #1"}, "/payee"),
        (PAYMENT | {"channel": "call", "application": "codes"}, "/amount"),
        (PAYMENT | {"amount": "1" * 41}, "/amount"),
    ],
)
async def test_a_payment_that_cannot_be_shown_is_refused(
    api: NativeApi, core: RunningCore, members: dict[str, Any], pointer: str
) -> None:
    """With the member that does not fit, before anything is sent."""
    assert (await ask(api, create(members), 400))["pointer"] == pointer
    assert await core.messages("shop") == []


async def test_the_same_request_at_once_is_the_same_code(api: NativeApi, core: RunningCore) -> None:
    """As clients make it that get no answer in time; with another word in it, or later, it is a new one."""
    first = await api.answer(create({}))
    core.clock.advance(REPEAT_MS / 1000 - 1)
    assert (await api.answer(create({}))).body == first.body
    assert len(await core.messages("shop")) == 1
    assert (await api.answer(create({"reference": "r"}))).body != first.body
    core.clock.advance(1)
    again = str((await ask(api, create({"reference": "r"}), 201))["id"])
    core.clock.advance(REPEAT_MS / 1000)
    assert str((await ask(api, create({"reference": "r"}), 201))["id"]) != again


async def test_the_same_request_after_the_code_was_used_is_a_new_code(
    api: NativeApi, core: RunningCore
) -> None:
    """Nobody waits for the one before; and under keys of their own two requests are two."""
    verification = await sent(api)
    await ask(api, check(verification, await code_of(core, verification)))
    newer = await sent(api)
    assert newer != verification
    assert not await is_right(api, newer, code=wrong(await code_of(core, newer)))
    keyed = [await ask(api, named(create({}), key), 201) for key in (b"one", b"two")]
    assert keyed[0]["id"] != keyed[1]["id"]


@pytest.mark.parametrize(
    "written", ["+84901888484", "84901888484", " 84901888484", "0901888484", "0084901888484"]
)
async def test_a_number_may_be_written_as_sdks_do(api: NativeApi, written: str) -> None:
    """It is answered with its plus."""
    assert (await ask(api, create({"to": written}), 201))["to"] == PHONE
