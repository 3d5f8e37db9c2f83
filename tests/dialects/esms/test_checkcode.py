"""CHECKCODE.

https://developers.esms.vn/esms-api/cac-api-khac/ham-check-code and docs/vendors/esms.md#checkcode.
"""

import asyncio

import msgspec
import pytest

from onema.dialects.esms.routes import EsmsApi
from onema.domain.codes.verification import ATTEMPTS
from onema.storage.contract import Story

from ..running_core import RunningCore
from .vendor_client import (
    CHECKCODE,
    KEYS,
    PHONE,
    VendorClient,
    code_result,
    error_body,
    invalid_body,
    other_code,
    query_of,
    valid_body,
)

PHONE_IS_WRONG = error_body("108", "Phone is wrong format")


def wrong_attempts(story: Story) -> int:
    return sum(event.kind in ("wrong code", "attempts used up") for event in story.events)


def verifications(story: Story) -> int:
    return sum(event.kind == "verified" for event in story.events)


# The page: Content is text inside ErrorMessage, also on success.
async def test_the_right_code_gets_the_vendors_exact_body(client: VendorClient) -> None:
    """There is no member named Content."""
    body = await client.checkcode(await client.send_code())
    assert body == (
        b'{"CodeResult":"100","CountRegenerate":0,"ErrorMessage":"0901888484, Content: Success!"}'
    )


# The page: the sample of a wrong code.
async def test_a_wrong_code_gets_the_vendors_exact_body(client: VendorClient) -> None:
    """Phone and code are echoed as they were sent."""
    await client.send()
    assert await client.checkcode("1NTTJ6") == (
        b'{"CodeResult":"117","CountRegenerate":0,"ErrorMessage":"0901888484, Content: 1NTTJ6 Code Invalid"}'
    )


# The page says 117, https://developers.esms.vn/esms-api/bang-ma-loi 171.
async def test_the_result_of_a_wrong_code_is_a_setting(api: EsmsApi, core: RunningCore) -> None:
    """171 for those who built on the table."""
    client = VendorClient(
        EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="171"), core
    )
    assert (await client.checkcode("1NTTJ6")) == (
        b'{"CodeResult":"171","CountRegenerate":0,"ErrorMessage":"0901888484, Content: 1NTTJ6 Code Invalid"}'
    )


# The page, of 117: "the code was used already".
async def test_a_code_is_right_once(client: VendorClient) -> None:
    """Whoever comes second with the same code is refused."""
    code = await client.send_code()
    assert await client.checkcode(code) == valid_body()
    assert await client.checkcode(code) == invalid_body(code)


async def test_a_phone_without_a_code_is_answered_like_a_wrong_code(client: VendorClient) -> None:
    """The answer does not tell whether a code is on its way."""
    assert await client.checkcode("123456") == invalid_body("123456")


async def test_an_expired_code_is_answered_like_a_wrong_code(client: VendorClient, core: RunningCore) -> None:
    """The answer does not tell that it was right."""
    code = await client.send_code(TimeAlive="2")
    core.clock.advance(120)
    assert await client.checkcode(code) == invalid_body(code)


# See docs/vendors/esms.md#checkcode: codes are upper case only, so their case is not compared.
async def test_a_code_may_be_typed_in_lower_case(client: VendorClient) -> None:
    """And between spaces, as phones paste it."""
    code = await client.send_code(IsNumber="0", NumCharOfCode="10")
    assert await client.checkcode(f" {code.lower()} ") == valid_body()


@pytest.mark.parametrize(
    "typed",
    [
        "{0}-{1}",
        "{0} {1}",
        "\u202a{0}{1}\u202c",
        "{0}\u200b{1}",
        "{0}\u2060{1}\ufeff",
        "{0}\u2009\u2014\u2212{1}",
    ],
)
async def test_what_pasting_adds_to_a_code_is_nothing(client: VendorClient, typed: str) -> None:
    """Spaces, dashes, and what cannot be seen."""
    code = await client.send_code()
    assert code_result(await client.checkcode(typed.format(code[:3], code[3:]))) == "100"


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u06f0", "\u0966"])
async def test_digits_of_every_script_are_digits(client: VendorClient, core: RunningCore, zero: str) -> None:
    """Full-width, Arabic-Indic, Persian and Devanagari ones, in the phone too."""
    code = await client.send_code()
    typed = "".join(chr(ord(zero) + int(digit)) for digit in code)
    phone = "".join(chr(ord(zero) + int(digit)) for digit in PHONE)
    assert await client.checkcode(typed, phone) == valid_body(phone)


async def test_full_width_letters_are_letters(client: VendorClient) -> None:
    """As an East Asian keyboard types them."""
    code = await client.send_code(IsNumber="0", NumCharOfCode="10")
    typed = "".join(chr(ord(character) + 0xFEE0) for character in code.lower())
    assert await client.checkcode(typed) == valid_body()


async def _code_that_begins_with_zero(client: VendorClient, length: int) -> str:
    """One in ten does."""
    for _ in range(1_000):
        code = await client.send_code(NumCharOfCode=str(length))
        if code.startswith("0"):
            return code
    raise AssertionError("no code began with 0")


@pytest.mark.parametrize("length", [4, 6, 10])
@pytest.mark.parametrize("kind", [int, float])
async def test_a_json_number_has_the_zeros_of_the_live_code(
    client: VendorClient, length: int, kind: type
) -> None:
    """JSON has no number 0123."""
    code = await _code_that_begins_with_zero(client, length)
    body = msgspec.json.encode({**KEYS, "Phone": PHONE, "Code": kind(code)})
    assert code_result((await client.ask(CHECKCODE, method="POST", body=body)).body) == "100"


async def test_a_text_without_the_zero_is_another_code(client: VendorClient, core: RunningCore) -> None:
    """In JSON as in a query; and the number of another code is wrong, once."""
    code = await _code_that_begins_with_zero(client, 6)
    texts = {**KEYS, "Phone": PHONE, "Code": code.lstrip("0")}
    assert code_result((await client.ask(CHECKCODE, query_of(texts))).body) == "117"
    in_json = msgspec.json.encode(texts)
    assert code_result((await client.ask(CHECKCODE, method="POST", body=in_json)).body) == "117"
    number = msgspec.json.encode({**texts, "Code": (int(code) + 1) % 1_000_000})
    assert code_result((await client.ask(CHECKCODE, method="POST", body=number)).body) == "117"
    (live,) = [await core.live("shop", "+84901888484")]
    assert live.attempts_left == ATTEMPTS - 3


# See docs/vendors/esms.md#checkcode: codes are keyed by the normalised number, the number is echoed as sent.
@pytest.mark.parametrize("phone", ["84901888484", "+84901888484", " 84901888484", "0901.888.484"])
async def test_the_phone_is_echoed_as_it_was_sent(client: VendorClient, phone: str) -> None:
    """Clients find their own spelling in the answer."""
    code = await client.send_code(Phone=PHONE)
    assert await client.checkcode(other_code(code), phone) == invalid_body(other_code(code), phone)
    assert await client.checkcode(code, phone) == valid_body(phone)


# See docs/vendors/esms.md#answers: DataContractJsonSerializer writes "/" as "\/", and leaves letters as they are.
async def test_what_was_typed_is_echoed_as_a_json_string(client: VendorClient) -> None:
    """Nothing that is typed can break out of the answer."""
    assert (
        await client.checkcode('a/"\\\n<mã>\x01')
        == (
            r'{"CodeResult":"117","CountRegenerate":0,'
            r'"ErrorMessage":"0901888484, Content: a\/\"\\\n<mã>\u0001 Code Invalid"}'
        ).encode()
    )


# The page: phone and code are required; the table of errors: 108 applies to all operations.
@pytest.mark.parametrize("phone", [None, "", "12345", "mot hai ba", "0" * 5_000])
async def test_a_check_of_no_phone_is_refused(client: VendorClient, phone: str | None) -> None:
    """A number that is none has its own error."""
    parameters = {**KEYS, "Code": "123456"} | ({} if phone is None else {"Phone": phone})
    assert (await client.ask(CHECKCODE, query_of(parameters))).body == PHONE_IS_WRONG


@pytest.mark.parametrize("code", [None, ""])
async def test_a_check_without_a_code_costs_no_attempt(
    client: VendorClient, core: RunningCore, code: str | None
) -> None:
    """Nothing was tried, so nothing is used up."""
    message = await client.send()
    parameters = {**KEYS, "Phone": PHONE} | ({} if code is None else {"Code": code})
    assert (await client.ask(CHECKCODE, query_of(parameters))).body == invalid_body("")
    assert wrong_attempts(await core.story("shop", message)) == 0


# See docs/vendors/esms.md#checkcode: five attempts, then the code is dead.
async def test_the_right_code_succeeds_after_four_wrong_ones(client: VendorClient) -> None:
    """The fifth attempt is still looked at."""
    code = await client.send_code()
    for _ in range(4):
        assert await client.checkcode(other_code(code)) == invalid_body(other_code(code))
    assert await client.checkcode(code) == valid_body()


async def test_the_right_code_fails_after_five_wrong_ones(client: VendorClient) -> None:
    """A code that was guessed at too often is dead, with the same answer as before."""
    code = await client.send_code()
    for _ in range(5):
        await client.checkcode(other_code(code))
    assert await client.checkcode(code) == invalid_body(code)


async def test_a_new_code_has_all_its_attempts(client: VendorClient) -> None:
    """Asking for another code is the way out after too many mistakes."""
    code = await client.send_code()
    for _ in range(5):
        await client.checkcode(other_code(code))
    assert await client.checkcode(await client.send_code()) == valid_body()


async def test_fifty_parallel_wrong_checks_evaluate_five(client: VendorClient, core: RunningCore) -> None:
    """The limit holds under concurrency: the sixth and later are not looked at."""
    message = await client.send()
    code = await client.code_of(message)
    answers = await asyncio.gather(*(client.checkcode(other_code(code)) for _ in range(50)))
    assert set(answers) == {invalid_body(other_code(code))}
    assert wrong_attempts(await core.story("shop", message)) == 5
    assert await client.checkcode(code) == invalid_body(code)


async def test_the_sixth_of_fifty_parallel_guesses_is_not_looked_at(
    client: VendorClient, core: RunningCore
) -> None:
    """The right code behind five wrong ones does not verify, though all come at once."""
    message = await client.send()
    code = await client.code_of(message)
    guesses = [other_code(code)] * 5 + [code] * 45
    answers = await asyncio.gather(*(client.checkcode(guess) for guess in guesses))
    assert valid_body() not in answers
    assert verifications(await core.story("shop", message)) == 0


async def test_fifty_parallel_right_codes_verify_once(client: VendorClient, core: RunningCore) -> None:
    """Single use holds under concurrency."""
    message = await client.send()
    code = await client.code_of(message)
    answers = await asyncio.gather(*(client.checkcode(code) for _ in range(50)))
    assert sorted(answers) == sorted([valid_body()] + [invalid_body(code)] * 49)
    assert verifications(await core.story("shop", message)) == 1
