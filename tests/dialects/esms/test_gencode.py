"""GENCODE.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-gencode-tu-dong-sms and docs/vendors/esms.md#gencode.
"""

import asyncio
import re
import unicodedata

import pytest
from msgspec.structs import replace

from onema.dialects.esms.routes import EsmsApi
from onema.dialects.esms.wire import smsid
from onema.domain.codes.verification import DIGITS, LETTERS_AND_DIGITS
from onema.domain.configuration import documents as doc
from onema.domain.records import MessageState

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    CLIENT_IP,
    GENCODE,
    GENCODE_PARAMETERS,
    PHONE,
    TEMPLATE,
    TEXT,
    VendorClient,
    code_result,
    error_body,
    gencode_parameters,
    invalid_body,
    query_of,
    sent_message,
    valid_body,
)


# A Java client reads both without looking: SMSID and CountRegenerate must be there on success.
async def test_an_accepted_request_gets_the_vendors_exact_body(client: VendorClient) -> None:
    """Member order, types and spacing are the vendor's."""
    body = await client.gencode()
    assert re.fullmatch(rb'\{"CodeResult":"100","CountRegenerate":0,"SMSID":"[0-9a-f]{32}"\}', body)


# See docs/vendors/esms.md#answers: content type of a WCF service.
async def test_answers_are_json_in_utf8_with_status_200(client: VendorClient) -> None:
    """Clients read the body only under status 200."""
    response = await client.ask(GENCODE, query_of(GENCODE_PARAMETERS))
    assert (response.status, response.content_type) == (200, b"application/json; charset=utf-8")


async def test_the_smsid_spells_the_message_that_was_queued(client: VendorClient, core: RunningCore) -> None:
    """What an integrator quotes finds the message's story."""
    message = await client.send()
    stored = await core.message("shop", message)
    assert (stored.phone, stored.sender, stored.dialect) == ("+84901888484", "Baotrixemay", "esms")
    assert (stored.state, stored.client_ip) == (MessageState.ACCEPTED, CLIENT_IP)


# The page: {OTP} in the message is replaced by the code.
async def test_the_text_is_sent_with_the_code_in_place_of_the_marker(
    client: VendorClient, core: RunningCore
) -> None:
    """The phone shows the registered sentence with a six-digit code."""
    sms = await core.queued_sms(await client.send())
    assert re.fullmatch(r"[0-9]{6} la ma xac minh dang ky Baotrixemay cua ban", sms.text)
    assert (sms.phone, sms.sender) == ("+84901888484", "Baotrixemay")


async def test_the_answer_never_holds_the_code(client: VendorClient) -> None:
    """Whoever reads the answer learns nothing that the phone should tell."""
    body = await client.gencode(NumCharOfCode="10", IsNumber="0")
    assert (await client.code_of(sent_message(body))).encode() not in body


# The page: 2 to 10 minutes, 5 when absent. A Laravel client sends 45, and shall go on working.
@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        (None, 5),
        ("", 5),
        ("soon", 5),
        ("2.5", 5),
        ("2", 2),
        ("10", 10),
        ("1", 2),
        ("0", 2),
        ("-3", 2),
        ("15", 10),
        ("45", 10),
        ("9" * 90, 10),
        ("9" * 9_000, 5),
        (" 7 ", 7),
    ],
)
async def test_a_code_lives_as_long_as_asked_within_the_range(
    client: VendorClient, core: RunningCore, given: str | None, minutes: int
) -> None:
    """Minutes outside the range are moved into it; what is no number counts as absent."""
    code = await client.send_code(TimeAlive=given)
    core.clock.advance(minutes * 60 - 0.001)
    assert await client.checkcode(code) == valid_body()
    code = await client.send_code(TimeAlive=given)
    core.clock.advance(minutes * 60)
    assert await client.checkcode(code) == invalid_body(code)


# 2 to 15 at https://developers.esms.vn/en/esms-api/send-sms-api/send-auto-generated-sms and in the older pages.
async def test_the_longest_validity_is_a_setting(api: EsmsApi, core: RunningCore) -> None:
    """With a maximum of 15, a client that asks for 45 gets 15."""
    client = VendorClient(
        EsmsApi(core.gateway, reads=core.reads, time_alive_max=15, invalid_code="117"), core
    )
    code = await client.send_code(TimeAlive="45")
    core.clock.advance(15 * 60 - 0.001)
    assert await client.checkcode(code) == valid_body()


# The page: 6 when absent. The range is ours.
@pytest.mark.parametrize(
    ("given", "length"),
    [
        (None, 6),
        ("", 6),
        ("six", 6),
        ("4", 4),
        ("6", 6),
        ("10", 10),
        ("3", 4),
        ("0", 4),
        ("-1", 4),
        ("99", 10),
    ],
)
async def test_a_code_is_as_long_as_asked_within_the_range(
    client: VendorClient, given: str | None, length: int
) -> None:
    """Lengths outside the range are moved into it; what is no number counts as absent."""
    assert len(await client.send_code(NumCharOfCode=given)) == length


# The page: the vendor's own samples leave IsNumber out and then check the code 1NTTJ6.
@pytest.mark.parametrize(
    ("given", "alphabet"),
    [
        (None, LETTERS_AND_DIGITS),
        ("", LETTERS_AND_DIGITS),
        ("0", LETTERS_AND_DIGITS),
        ("2", LETTERS_AND_DIGITS),
        ("1", DIGITS),
        (" 1", DIGITS),
        ("true", DIGITS),
    ],
)
async def test_is_number_chooses_the_alphabet(client: VendorClient, given: str | None, alphabet: str) -> None:
    """Letters and digits unless digits are asked for; forty characters of both hold a letter."""
    codes = "".join([await client.send_code(IsNumber=given, NumCharOfCode="10") for _ in range(4)])
    assert set(codes) <= set(alphabet)
    assert codes.isdigit() == (alphabet == DIGITS)


# See docs/vendors/esms.md#phones: phone forms; the dots are in the vendor's own demo.
@pytest.mark.parametrize(
    "phone",
    [
        "0901888484",
        "84901888484",
        "+84901888484",
        " 84901888484",
        "0901.888.484",
        "0901 888 484",
        "901888484",
    ],
)
async def test_a_phone_may_be_written_in_many_ways(
    client: VendorClient, core: RunningCore, phone: str
) -> None:
    """They all mean one number, so that a code sent to one spelling is checked with another."""
    message = await client.send(Phone=phone)
    assert (await core.message("shop", message)).phone == "+84901888484"
    assert await client.checkcode(await client.code_of(message), "+84 901 888 484") == valid_body(
        "+84 901 888 484"
    )


# See docs/vendors/esms.md#requests: a leading "+" arrives as a space when the client does not encode it.
@pytest.mark.parametrize("phone", ["+376312345", "+2203012345", "+2975601234", "+5534990001234"])
@pytest.mark.parametrize("in_form", [False, True])
async def test_a_plus_that_was_not_encoded_names_another_country(
    client: VendorClient, core: RunningCore, phone: str, in_form: bool
) -> None:
    """Where only Vietnam is allowed nothing is sent; where all are, the number that was written gets it."""
    raw = query_of(gencode_parameters({"Phone": "RAW"})).replace(b"RAW", phone.encode())

    async def ask() -> bytes:
        if in_form:
            return (await client.ask(GENCODE, method="POST", body=raw)).body
        return (await client.ask(GENCODE, raw)).body

    assert await ask() == error_body("99", "Phone is blocked")
    await core.configure(replace(ACCOUNT, countries=("*",)))
    assert (await core.message("shop", sent_message(await ask()))).phone == phone


@pytest.mark.parametrize("registered", ["Ma {OTP}\ncua ban", "Ma {OTP}\r\ncua ban", "Ma {OTP}\rcua ban"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_lines_may_end_in_any_way_and_are_sent_with_lf(
    client: VendorClient, core: RunningCore, registered: str, end: str
) -> None:
    """Forms and .NET write CR LF, which would be two septets and, on many phones, two line breaks."""
    await core.configure(replace(TEMPLATE, text=registered))
    sms = await core.queued_sms(await client.send(message=f"Ma {{OTP}}{end}cua ban"))
    assert re.fullmatch(r"Ma [0-9]{6}\ncua ban", sms.text)


@pytest.mark.parametrize("odd", ["\u00a0", "\t", "\u3000", " \u200b", "\ufeff ", "\u2009"])
async def test_an_odd_space_is_sent_as_a_space(client: VendorClient, core: RunningCore, odd: str) -> None:
    """And what cannot be seen is not sent: it would make 70 characters a segment instead of 160."""
    message = await client.send(message=TEXT.replace(" ", odd))
    sms = await core.queued_sms(message)
    assert re.fullmatch(r"[0-9]{6} la ma xac minh dang ky Baotrixemay cua ban", sms.text)
    assert (await core.message("shop", message)).segments == 1


async def test_what_was_matched_is_priced_and_sent(client: VendorClient, core: RunningCore) -> None:
    """61 composed characters, as macOS decomposes them into 76: one segment of 70, not two of 67."""
    text = "{OTP} là mã xác minh đăng ký của bạn tại cửa hàng bảo trì xe"
    await core.configure(replace(TEMPLATE, text=text, fold=False))
    decomposed = unicodedata.normalize("NFD", text)
    assert len(decomposed) > 70
    message = await client.send(message=decomposed)
    stored = await core.message("shop", message)
    assert (stored.segments, stored.price) == (1, 8_500_000)
    sms = await core.queued_sms(message)
    assert sms.text == text.replace("{OTP}", sms.text[:6])


# See docs/vendors/esms.md#gencode: a second GENCODE supersedes the earlier code, CountRegenerate stays 0.
async def test_a_second_code_replaces_the_first(client: VendorClient) -> None:
    """Only the newest code of a phone is right."""
    first = await client.send_code(NumCharOfCode="10", IsNumber="0")
    body = await client.gencode(NumCharOfCode="10", IsNumber="0")
    assert b'"CountRegenerate":0' in body
    assert await client.checkcode(first) == invalid_body(first)
    assert await client.checkcode(await client.code_of(sent_message(body))) == valid_body()


async def test_an_accepted_message_costs_its_segments(client: VendorClient, core: RunningCore) -> None:
    """Each is held at the account's price: one for a short text, three for a long one."""
    await client.send()
    assert await core.balance("shop") == -850 * 10_000
    long = "{OTP} " + "x" * 400
    await core.configure(doc.Template(account="shop", brandname="Baotrixemay", text=long))
    assert code_result(await client.gencode(message=long)) == "100"
    assert await core.balance("shop") == -4 * 850 * 10_000


# The page of plain sends (docs/vendors/esms.md#sources): a wrong template's body has an SMSID, and nothing is sent.
async def test_a_text_of_no_template_is_written_down_and_not_sent(
    client: VendorClient, core: RunningCore
) -> None:
    """The 146 names the message; it was neither queued nor charged."""
    body = await client.gencode(message="{OTP} is your code")
    (message,) = await core.messages("shop")
    expected = (
        '{"CodeResult":"146","CountRegenerate":0,"ErrorMessage":"Sai template Brandname CSKH",'
        f'"SMSID":"{smsid(message.id)}"}}'
    )
    assert body == expected.encode()
    assert (message.state, message.price) == (MessageState.REFUSED, 0)
    assert not await core.is_queued(message.id)
    assert await core.balance("shop") == 0


async def test_refused_texts_do_not_fill_the_store(client: VendorClient, core: RunningCore) -> None:
    """They cost nothing, so only the first hundred of an hour are written down; the answers stay the same."""
    answers = await asyncio.gather(*(client.gencode(message="nothing registered") for _ in range(130)))
    assert [code_result(body) for body in answers] == ["146"] * 130
    assert all(b'"SMSID":"' in body for body in answers)
    assert len(await core.messages("shop")) == 100
    core.clock.advance(3_600)
    await client.gencode(message="nothing registered")
    assert len(await core.messages("shop")) == 101


# See docs/vendors/esms.md#errors: a message without {OTP} is treated as a template mismatch.
@pytest.mark.parametrize("text", [None, "", "123456 la ma xac minh", TEXT.replace("{OTP}", "123456")])
async def test_a_text_without_the_marker_is_no_template(client: VendorClient, text: str | None) -> None:
    """A code that the caller made up is not sent by GENCODE."""
    assert code_result(await client.gencode(message=text)) == "146"


async def test_a_refused_message_leaves_the_current_code_alone(client: VendorClient) -> None:
    """A caller's mistake does not take the code from the person who is about to type it."""
    code = await client.send_code()
    await client.gencode(message="nothing registered")
    assert await client.checkcode(code) == valid_body()


# A PHP client calls GENCODE with the parameters of a plain send.
async def test_a_plain_sends_parameters_get_an_error_in_a_200_body(client: VendorClient) -> None:
    """Content and SmsType are not GENCODE's names, so the message type is missing."""
    query = query_of(gencode_parameters({"message": None, "Type": None, "Content": TEXT, "SmsType": "8"}))
    response = await client.ask(GENCODE, query)
    assert (response.status, code_result(response.body)) == (200, "300")


async def test_one_phones_code_is_not_anothers(client: VendorClient) -> None:
    """A right code with another phone is wrong, and costs the right phone nothing."""
    code = await client.send_code(NumCharOfCode="10", IsNumber="0")
    assert await client.checkcode(code, "0901888485") == invalid_body(code, "0901888485")
    assert await client.checkcode(code, PHONE) == valid_body()
