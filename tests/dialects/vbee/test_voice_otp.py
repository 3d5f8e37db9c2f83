"""Voice OTP: a call that reads out the code of the caller's token.

https://api-docs.aicall.vbee.ai/danh-sach-api/voice-otp/api-voice-otp and docs/vendors/vbee.md#voice-otp.
"""

import json
import re
import uuid

import msgspec
import pytest

from onema.domain.codes.call_with_code import longest_call
from onema.domain.configuration import documents as doc
from onema.domain.records import Channel, MessageState

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    APPLICATION,
    BODY,
    CLAIMS,
    CLIENT_IP,
    HOTLINE,
    ISSUED_AT,
    PHONE,
    SENTENCE,
    VOICE,
    VOICE_OTP,
    VendorClient,
    business_error,
    http_error,
    members,
    segment,
    token,
    token_of,
    told,
)

SMALLEST = json.dumps(BODY).encode()
AUTHORIZED = ((b"authorization", b"Bearer " + token(CLAIMS).encode()),)


# The vendor's success example, without its spaces.
async def test_an_accepted_call_gets_the_vendors_exact_body(client: VendorClient) -> None:
    """Members in alphabetical order; contact_id is a UUID v4."""
    response = await client.call()
    body = r'\{"message":"success","result":\{"contact_id":"([0-9a-f-]{36})"\},"status":1\}'
    match = re.fullmatch(body, response.body.decode())
    assert match is not None
    assert uuid.UUID(match[1]).version == 4
    assert (response.status, response.content_type) == (200, b"application/json; charset=utf-8")


async def test_the_contact_id_names_the_message_that_was_queued(client: VendorClient) -> None:
    """What an integrator quotes finds the message's story."""
    message = await client.message_of(await client.call())
    assert (message.dialect, message.channel, message.application) == ("vbee", Channel.CALL, "otp")
    assert (message.phone, message.client_ip) == ("+84901888484", CLIENT_IP)
    assert (message.state, message.verification, message.sender) == (MessageState.ACCEPTED, 0, "02471098888")


async def test_every_call_has_a_contact_id_of_its_own(client: VendorClient) -> None:
    """Also for the same request sent again, which calls again."""
    contacts = {members(await client.call())["result"]["contact_id"] for _ in range(3)}
    assert len(contacts) == 3


# See docs/vendors/vbee.md#sources: otpCode is the code itself, since nothing else carries one.
@pytest.mark.parametrize(
    ("claim", "spoken"),
    [
        ("686868", "686868"),
        ("003399", "003399"),
        ("0", "0"),
        ("aB3xYz", "aB3xYz"),
        ("1" * 20, "1" * 20),
        (686868, "686868"),
        (686868.0, "686868"),
        (0, "0"),
        (int("9" * 20), "9" * 20),
    ],
)
async def test_the_tokens_code_is_spoken_as_it_is(client: VendorClient, claim: object, spoken: str) -> None:
    """Leading zeros of strings are kept; a JSON number is its digits."""
    payload = await client.payload_of(await client.call_with(otpCode=claim))
    assert (payload.code, payload.sentence, payload.times) == (spoken, SENTENCE, 2)


@pytest.mark.parametrize(
    "claim",
    ["1" * 21, "12-34", "12 34", " 1", "một", "１２", -5, 1.5, 10**20, 1e300, True, False, [], {}, ["1"]],
)
async def test_a_code_that_cannot_be_spoken_is_refused(client: VendorClient, claim: object) -> None:
    """400, and no call."""
    expected = http_error(400, "otpCode must be 1 to 20 letters or digits")
    assert told(await client.call_with(otpCode=claim)) == expected


# The vendor's table: 1204 OTP content is not found.
@pytest.mark.parametrize("claim", [..., None, ""])
async def test_a_token_without_a_code_has_no_content(client: VendorClient, claim: object) -> None:
    """The token was made for another of the vendor's APIs."""
    assert told(await client.call_with(otpCode=claim)) == business_error(1204, "OTP content is not found")


# github.com/levietcuong2602/vbee-sachnoi-backend, middlewares/camelCaseRequest.js: camelcase-keys, before the handlers.
@pytest.mark.parametrize("name", ["phone_number", "phoneNumber", "phone-number"])
async def test_the_phone_field_has_three_spellings(client: VendorClient, name: str) -> None:
    """The document's own Java sample uses the second."""
    response = await client.call(**{"phone_number": ..., name: PHONE})
    assert (await client.payload_of(response)).phone == "+84901888484"


@pytest.mark.parametrize("name", ["phone", "PhoneNumber", "PHONE_NUMBER", "to"])
async def test_another_name_is_no_phone(client: VendorClient, name: str) -> None:
    """It is refused rather than guessed."""
    expected = http_error(400, "phone_number is required")
    assert told(await client.call(**{"phone_number": ..., name: PHONE})) == expected


@pytest.mark.parametrize(
    "phone", ["0901888484", "84901888484", "+84901888484", "0901.888.484", "+84 901 888 484", "02471098888"]
)
async def test_a_phone_may_be_written_in_many_ways(client: VendorClient, phone: str) -> None:
    """National numbers are Vietnamese."""
    assert (await client.message_of(await client.call(phone_number=phone))).phone.startswith("+84")


async def test_an_accounts_country_is_that_of_its_national_numbers(
    client: VendorClient, core: RunningCore
) -> None:
    """An account in China calls Chinese numbers with this API too."""
    await core.configure(msgspec.structs.replace(ACCOUNT, country="CN"))
    response = await client.call(phone_number="13911281234")
    assert (await client.message_of(response)).phone == "+8613911281234"


# The vendor's list of voices.
@pytest.mark.parametrize(
    ("voice", "ours"),
    [
        ("hn_female_ngochuyen_full_48k-fhg", "vi-north"),
        ("hue_female_huonggiang_full_48k-fhg", "vi-central"),
        ("sg_female_thaotrinh_full_48k-fhg", "vi-south"),
    ],
)
async def test_each_of_the_three_voices_is_ours_of_that_region(
    client: VendorClient, core: RunningCore, voice: str, ours: str
) -> None:
    """Whatever voice the application names: the request says which."""
    await core.configure(msgspec.structs.replace(APPLICATION, voice="en"))
    assert (await client.payload_of(await client.call(voice=voice))).voice == ours


# The document: rate is a Number, default 1.0. Its Java sample sends the integer 1.
@pytest.mark.parametrize(
    ("rate", "spoken"),
    [
        (..., 1.0),
        (None, 1.0),
        (1, 1.0),
        (1.0, 1.0),
        (0.5, 0.5),
        (2, 2.0),
        (1.25, 1.25),
        ("1.25", 1.25),
        ("2", 2.0),
    ],
)
async def test_rate_is_how_fast_the_code_is_spoken(client: VendorClient, rate: object, spoken: float) -> None:
    """A number, or one in a string."""
    assert (await client.payload_of(await client.call(rate=rate))).rate == spoken


@pytest.mark.parametrize(
    "rate", [0.49, 2.01, 0, -1, 3, 10**30, "fast", "", "1,5", "3", "0x1", "nan", True, [1]]
)
async def test_a_rate_out_of_range_is_refused(client: VendorClient, rate: object) -> None:
    """400; it is not moved into the range."""
    expected = http_error(400, "rate must be a number from 0.5 to 2.0")
    assert told(await client.call(rate=rate)) == expected


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"phone_number": ...}, "phone_number is required"),
        ({"phone_number": None}, "phone_number is required"),
        ({"phone_number": ""}, "phone_number is required"),
        ({"phone_number": 901888484}, "phone_number must be a string"),
        ({"phone_number": [PHONE]}, "phone_number must be a string"),
        ({"phone_number": "0123"}, "phone_number is not a phone number"),
        ({"phone_number": "0901888484,0901888485"}, "phone_number is not a phone number"),
        ({"voice": ...}, "voice is required"),
        ({"voice": ""}, "voice is required"),
        ({"voice": 1}, "voice must be a string"),
        ({"voice": "hn_female"}, "voice is not in the list of voices"),
        ({"voice": VOICE.upper()}, "voice is not in the list of voices"),
    ],
)
async def test_a_field_that_is_missing_or_wrong_is_named(
    client: VendorClient, fields: dict[str, object], text: str
) -> None:
    """400 under HTTP status 400."""
    assert told(await client.call(**fields)) == http_error(400, text)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"phone_number=0901888484", b"\xff", b'{"voice":"\\u0000"}', b"[" * 9_000],
)
async def test_a_body_that_is_no_json_object_is_refused(client: VendorClient, body: bytes) -> None:
    """400."""
    assert told(await client.ask(body, AUTHORIZED)) == http_error(400, "body must be a JSON object")


@pytest.mark.parametrize("content_type", [None, b"application/json; charset=utf-8", b"text/plain"])
async def test_the_body_is_json_whatever_it_is_called(
    client: VendorClient, content_type: bytes | None
) -> None:
    """The header is not asked."""
    headers = AUTHORIZED if content_type is None else (*AUTHORIZED, (b"content-type", content_type))
    assert (await client.ask(SMALLEST, headers)).status == 200


async def test_unknown_fields_change_nothing(client: VendorClient) -> None:
    """The vendor's framework ignores them."""
    assert (await client.call(speed=2, webhook={"url": "x"})).status == 200


@pytest.mark.parametrize("path", [VOICE_OTP + "/", "/API/V1/Public-Api/Voice-OTP"])
async def test_the_path_is_read_as_express_reads_it(client: VendorClient, path: str) -> None:
    """In any case, and with a slash at its end."""
    assert (await client.ask(SMALLEST, AUTHORIZED, path=path)).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", VOICE_OTP),
        ("PUT", VOICE_OTP),
        ("POST", "/api"),
        ("POST", "/api/"),
        ("POST", "/api/v1/public-api/campaign"),
        ("POST", "/api/v1/public-api/voice-otp/more"),
        ("POST", "/api/v2/public-api/voice-otp"),
    ],
)
async def test_anything_else_under_api_is_not_found(client: VendorClient, method: str, path: str) -> None:
    """In the vendor's shape, signed or not."""
    expected = http_error(404, "Not Found")
    assert told(await client.ask(SMALLEST, AUTHORIZED, method=method, path=path)) == expected
    assert told(await client.ask(b"", (), method=method, path=path)) == expected


async def test_a_call_holds_the_price_of_its_longest_duration(
    client: VendorClient, core: RunningCore
) -> None:
    """Every started minute of what it may take at most, which grows as it is spoken more slowly."""
    await client.call(rate=0.5)
    minutes = -(-longest_call(SENTENCE, 6, 2, 0.5) // 60)
    assert await core.balance("shop") == -minutes * 600 * 10_000


async def test_the_hotlines_of_a_pool_take_turns(client: VendorClient, core: RunningCore) -> None:
    """Evenly; one at its daily cap is passed over."""
    second = doc.Hotline(pool="POOL_SYSTEM", number="02471098889")
    third = doc.Hotline(pool="POOL_SYSTEM", number="02471098890", daily_cap=1)
    await core.configure(second, third)
    callers = [(await client.message_of(await client.call())).sender for _ in range(9)]
    assert sorted(callers) == [HOTLINE.number] * 4 + [second.number] * 4 + [third.number]


# The vendor's Java sample: Gson orders a HashMap's members, com.auth0.jwt puts `iat` last, okhttp adds a charset.
async def test_the_documents_java_sample_is_served(client: VendorClient) -> None:
    """Its bytes: camelCase, an integer rate, claims and header as auth0 writes them."""
    claims = f'{{"apiKey":"{CLAIMS["apiKey"]}","otpCode":"003399","iat":{ISSUED_AT}}}'
    access_token = token_of(b'{"alg":"HS256","typ":"JWT"}', claims.encode())
    body = b'{"rate":1,"voice":"hn_female_ngochuyen_full_48k-fhg","phoneNumber":"0901888484"}'
    response = await client.ask(
        body,
        (
            (b"authorization", b"Bearer " + access_token.encode()),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"host", b"aicall.vbee.ai"),
            (b"connection", b"Keep-Alive"),
            (b"accept-encoding", b"gzip"),
            (b"user-agent", b"okhttp/4.9.3"),
        ),
    )
    payload = await client.payload_of(response)
    assert (payload.phone, payload.code, payload.voice, payload.rate) == (
        "+84901888484",
        "003399",
        "vi-north",
        1.0,
    )


# The document's PHP and Python samples: `{"typ","alg"}`, no `iat`, a JSON body with spaces.
async def test_a_python_client_is_served(client: VendorClient) -> None:
    """As PyJWT signs it: the claims in the order given, members of the header sorted."""
    claims = json.dumps({"apiKey": CLAIMS["apiKey"], "otpCode": 686868}, separators=(",", ":"))
    access_token = token_of(b'{"typ":"JWT","alg":"HS256"}', claims.encode())
    body = b'{"phone_number": "+84901888484", "voice": "sg_female_thaotrinh_full_48k-fhg", "rate": 0.8}'
    payload = await client.payload_of(await client.post(access_token, body))
    assert (payload.code, payload.voice, payload.rate) == ("686868", "vi-south", 0.8)
    assert segment(b'{"typ":"JWT","alg":"HS256"}') in access_token


async def test_a_plus_that_was_lost_on_the_way_reaches_nobody_else(
    client: VendorClient, core: RunningCore
) -> None:
    """A space before what is a number of Andorra and one of Vietnam: neither is called."""
    told_so = http_error(400, "phone_number is not a phone number")
    assert told(await client.call(phone_number=" 376312345")) == told_so
    assert await core.messages("shop") == []


@pytest.mark.parametrize("phone", ["1900123456", "19001234", "18001234"])
async def test_no_call_is_placed_to_a_number_that_costs_who_calls_it(
    client: VendorClient, core: RunningCore, phone: str
) -> None:
    """Premium and toll-free numbers are none: no message, no job, no hold."""
    told_so = http_error(400, "phone_number is not a phone number")
    assert told(await client.call(phone_number=phone)) == told_so
    assert await core.messages("shop") == []
    assert await core.balance("shop") == 0


async def test_a_landline_is_called(client: VendorClient) -> None:
    """A code can be spoken to it."""
    message = await client.message_of(await client.call(phone_number="02438241234"))
    assert message.phone == "+842438241234"
