"""Calls with a code of the sender's own: VoiceOTP, type 8 of the plain send, how they went.

VoiceOTP is known from public clients alone; the rest is on https://developers.esms.vn/esms-api/ham-goi-voice
(docs/vendors/esms.md#voiceotp).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from onema.dialects.esms.callbacks import EsmsCallbacks
from onema.dialects.esms.query_wire import call_status
from onema.dialects.esms.voice_calls import FASTEST, SLOWEST, VOICES, rate_of
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId
from onema.domain.records import Call, Channel, Message, MessageState
from onema.domain.values.money import Minor
from onema.http.messages import Request
from onema.speech.message import MAX_RATE, MIN_RATE
from onema.speech.voices import Voices

from ..running_core import RunningCore
from .plain_client import CHANNELS, FIXED, ask_json, send, sent
from .test_any_input import NUMBERS, PHONES, READABLE, encoded, serving
from .test_callbacks import DELIVERED
from .vendor_client import (
    CLIENT_IP,
    CREDENTIAL,
    KEYS,
    PHONE,
    VendorClient,
    code_result,
    error_body,
    members,
    query_of,
    sent_message,
)

VOICE_OTP = "/MainService.svc/json/VoiceOTP"
STATUS = "/MainService.svc/json/GetSendStatus"
ASKED = {"Phone": PHONE, **KEYS, "Code": "068686", "Speed": "-1", "Voice": "hatieumai"}
"""As the vendor's PHP demo asks."""
APPLICATION = doc.Application(
    account="shop", name="calls", voice="vi-north", sentence="Mã là {OTP}", pool="hotlines"
)
HOTLINE = "+842871002454"
CALLING = (
    doc.Tariff(
        name="default",
        rates=(doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400")),
    ),
    doc.HotlinePool(name="hotlines"),
    doc.Hotline(pool="hotlines", number=HOTLINE),
    APPLICATION,
    replace(CREDENTIAL, application="calls"),
)
CODE_ALONE = {"SmsType": "8", "Content": "068686", "Brandname": ""}


@pytest_asyncio.fixture
async def calling(client: VendorClient, core: RunningCore) -> VendorClient:
    """A client whose key was made for an application that calls."""
    await core.configure(*CALLING)
    return client


async def ask(client: VendorClient, **changed: str) -> bytes:
    response = await client.ask(VOICE_OTP, query_of({**ASKED, **changed}))
    assert response.status == 200
    return response.body


async def test_the_code_is_read_out_in_the_voice_that_was_asked_for(
    calling: VendorClient, core: RunningCore
) -> None:
    """Twice, after the application's sentence; zeros in front stay."""
    message = sent_message(await ask(calling))
    call = await core.queued_call(message)
    assert (call.phone, call.caller, call.sentence) == ("+84901888484", HOTLINE, "Mã là {OTP}")
    assert (call.code, call.voice, call.rate, call.times) == ("068686", "vi-south", 0.9, 2)
    kept = await core.message("shop", message)
    assert (kept.channel, kept.category, kept.verification) == (Channel.CALL, "8", 0)


async def test_the_answer_has_the_bytes_that_clients_look_for(calling: VendorClient) -> None:
    """CodeResult is the text 100, and SMSID is there: the Java client's bean has these two."""
    pattern = rb'\{"CodeResult":"100","CountRegenerate":0,"SMSID":"[0-9a-f]{32}"\}'
    assert re.fullmatch(pattern, await ask(calling))


# 23085754257 PHP (the vendor's), 26717197002 and 66005863564 Java, 23445999131 Python, 14571809386 and 27841169037
# Laravel: the targets that they join.
@pytest.mark.parametrize(
    "query",
    [
        "Phone={phone}&ApiKey={key}&SecretKey={secret}&Code=686868&Speed=-1&Voice=hatieumai",
        "ApiKey={key}&SecretKey={secret}&Phone={phone}&Code=686868&Speed=1&Voice=hatieumai",
        "ApiKey={key}&SecretKey={secret}&Phone={phone}&Code=686868&Speed=-3&Voice=hatieumai",
        "apikey={key}&SECRETKEY={secret}&phone={phone}&code=686868&n8n=nqdev",
    ],
)
@pytest.mark.parametrize("path", [VOICE_OTP, VOICE_OTP.lower() + "/", "/MainService.svc/json//VoiceOTP"])
async def test_public_clients_are_answered(
    calling: VendorClient, core: RunningCore, query: str, path: str
) -> None:
    """In any spelling, as for the other operations."""
    asked = query.format(phone=PHONE, key=KEYS["ApiKey"], secret=KEYS["SecretKey"])
    response = await calling.ask(path, asked.encode())
    assert (await core.queued_call(sent_message(response.body))).code == "686868"


async def test_a_json_body_is_read_as_well(calling: VendorClient, core: RunningCore) -> None:
    """Numbers where the query has texts."""
    body = json.dumps({**ASKED, "Code": "123456", "Speed": 3, "Voice": "NgocLam"}).encode()
    response = await calling.ask(VOICE_OTP, method="POST", body=body)
    call = await core.queued_call(sent_message(response.body))
    assert (call.code, call.rate, call.voice) == ("123456", 1.3, "vi-central")


@pytest.mark.parametrize(
    ("speed", "rate"),
    [
        ("-3", 0.7),
        ("-2", 0.8),
        ("0", 1.0),
        ("1", 1.1),
        ("3", 1.3),
        ("9", 1.3),
        ("-99", 0.7),
        ("fast", 1.0),
        ("", 1.0),
    ],
)
async def test_speed_is_a_tenth_for_each_step(
    calling: VendorClient, core: RunningCore, speed: str, rate: float
) -> None:
    """Moved into the range, and normal where it is no number."""
    assert (await core.queued_call(sent_message(await ask(calling, Speed=speed)))).rate == rate


def test_every_speed_and_every_voice_can_be_spoken() -> None:
    """The vendor's names lead to voices that are there."""
    assert all(MIN_RATE <= rate_of(speed) <= MAX_RATE for speed in range(SLOWEST, FASTEST + 1))
    assert set(VOICES.values()) <= set(Voices.ids())


@pytest.mark.parametrize(("own", "spoken"), [("vi-central", "vi-central"), ("", "vi-north")])
async def test_without_a_voice_the_application_says_which(
    calling: VendorClient, core: RunningCore, own: str, spoken: str
) -> None:
    """Else the North's."""
    await core.configure(replace(APPLICATION, voice=own))
    assert (await core.queued_call(sent_message(await ask(calling, Voice="")))).voice == spoken


@pytest.mark.parametrize("code", ["", "12 34", "1" * 21, "１２３４", "68-68", "mã"])
async def test_what_cannot_be_spelled_is_refused(calling: VendorClient, code: str) -> None:
    """The answer names the parameter."""
    assert await ask(calling, Code=code) == error_body("99", "Code must be 1 to 20 letters or digits")


async def test_another_voice_is_refused(calling: VendorClient) -> None:
    """It would be another person's than the caller wants to be heard."""
    assert await ask(calling, Voice="leminh") == error_body("99", "Voice is not supported")


async def test_a_key_without_an_application_cannot_call(client: VendorClient) -> None:
    """The sentence and the caller number are an application's."""
    assert await ask(client) == error_body("99", "Request can not be served")


@pytest.mark.parametrize("change", [{"state": "inactive"}, {"voice_code": False}])
async def test_an_application_that_may_not_call_is_refused(
    calling: VendorClient, core: RunningCore, change: dict[str, Any]
) -> None:
    """Inactive, or with voice codes switched off."""
    await core.configure(replace(APPLICATION, **change))
    assert await ask(calling) == error_body("99", "Request can not be served")


async def test_checks_come_in_the_order_of_the_page(calling: VendorClient, core: RunningCore) -> None:
    """Keys, application, phone, code, voice, and only then the price."""
    await core.configure(doc.Tariff(name="default"), replace(APPLICATION, state="inactive"))
    wrong = {"SecretKey": "wrong", "Phone": "nobody", "Code": "", "Voice": "nobody"}
    assert code_result(await ask(calling, **wrong)) == "101"
    del wrong["SecretKey"]
    assert await ask(calling, **wrong) == error_body("99", "Request can not be served")
    await core.configure(APPLICATION)
    assert code_result(await ask(calling, **wrong)) == "108"
    del wrong["Phone"]
    assert await ask(calling, **wrong) == error_body("99", "Code must be 1 to 20 letters or digits")
    del wrong["Code"]
    assert await ask(calling, **wrong) == error_body("99", "Voice is not supported")
    assert code_result(await ask(calling)) == "102"


# ham-tao-cuoc-goi-voice-otp: the page of voice codes is the plain send of type 8.
async def test_a_code_alone_of_type_8_is_a_call(calling: VendorClient, core: RunningCore) -> None:
    """With what a plain send says besides, and no need of a fixed number."""
    given = {"RequestId": "order-7", "campaignid": "spring", "CallbackUrl": "https://shop.example/esms"}
    message = await sent(calling, **CODE_ALONE, **given)
    call = await core.queued_call(message)
    assert (call.code, call.voice, call.rate, call.times) == ("068686", "vi-north", 1.0, 2)
    kept = await core.message("shop", message)
    assert (kept.reference, kept.campaign, kept.callback_url) == tuple(given.values())
    assert (kept.channel, kept.category) == (Channel.CALL, "8")


async def test_a_request_id_calls_once(calling: VendorClient) -> None:
    """124 in the form of its dress, whether it was an SMS or a call."""
    await sent(calling, **CODE_ALONE, RequestId="order-7")
    answer = members(await send(calling, **CODE_ALONE, RequestId="order-7"))
    assert (answer["CodeResult"], answer["SendStatus"]) == ("124", "5")
    assert code_result(await send(calling, RequestId="order-7")) == "124"


async def test_a_sandbox_call_is_not_made(calling: VendorClient, core: RunningCore) -> None:
    """100 with an SMSID that names nothing, and the RequestId stays free."""
    answer = await send(calling, **CODE_ALONE, Sandbox="1", RequestId="order-7")
    assert not await core.is_queued(sent_message(answer))
    await sent(calling, **CODE_ALONE, RequestId="order-7")


async def test_a_call_is_not_put_off(calling: VendorClient) -> None:
    """A time that has passed is now, as for an SMS."""
    ahead = await send(calling, **CODE_ALONE, SendDate="2027-01-20 09:00:00")
    assert ahead == error_body("99", "SendDate is not served for calls")
    assert code_result(await send(calling, **CODE_ALONE, SendDate="2020-01-01 09:00:00")) == "100"


@pytest.mark.parametrize("content", ["686868 la ma cua ban", "abcdef", "123", "1" * 21, ""])
async def test_any_other_content_of_type_8_is_an_sms(
    calling: VendorClient, core: RunningCore, content: str
) -> None:
    """What most clients send."""
    await core.configure(FIXED)
    answer = await send(calling, **{**CODE_ALONE, "Content": content})
    if content:
        assert (await core.queued_sms(sent_message(answer))).text == content
    else:
        assert code_result(answer) == "99"


async def test_a_key_without_an_application_sends_codes_of_type_8_as_before(
    client: VendorClient, core: RunningCore
) -> None:
    """Nobody is called who got an SMS yesterday."""
    await core.configure(FIXED)
    assert (await core.queued_sms(await sent(client, **CODE_ALONE))).text == "068686"


async def test_the_sms_among_several_channels_stays_one(calling: VendorClient, core: RunningCore) -> None:
    """The channel says what it is."""
    await core.configure(FIXED)
    asked = {**KEYS, "Phone": PHONE, "Channels": ["sms"], "Data": [CODE_ALONE]}
    message = sent_message(await ask_json(calling, asked, CHANNELS))
    assert (await core.queued_sms(message)).text == "068686"


async def test_how_a_call_went_is_told_by_its_reference(calling: VendorClient) -> None:
    """Of one that waits nothing is known; ids are echoed as they were spelled."""
    smsid = members(await ask(calling))["SMSID"]
    response = await calling.ask(STATUS, query_of({**KEYS, "ReferenceId": smsid.upper()}))
    assert response.body == (
        b'{"CallDuration":0,"CallStatus":"","CodeResponse":"100","Ivr":"","ReferenceId":"%b","SendStatus":2,'
        b'"SentResult":0}' % smsid.upper().encode()
    )


# ham-lay-trang-thai-cuoc-goi: the sample of its 100, member by member.
ANSWERED = replace(
    DELIVERED, channel=Channel.CALL, talked_ms=12_300, charged=Minor(4_000_000), sender=HOTLINE
)


def test_an_answered_call_is_told_as_in_the_vendors_sample() -> None:
    """Started seconds count."""
    assert call_status("505139D7-54F8-48A9-88FA-9460A78731DD", ANSWERED, "") == (
        b'{"CallDuration":13,"CallStatus":"ANSWERED","CodeResponse":"100","Ivr":"",'
        b'"ReferenceId":"505139D7-54F8-48A9-88FA-9460A78731DD","SendStatus":5,"SentResult":1}'
    )


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [
        (MessageState.UNDELIVERED, 5, "NOANSWERED"),
        (MessageState.FAILED, 5, "NOANSWERED"),
        (MessageState.UNCONFIRMED, 5, ""),
        (MessageState.SENT, 7, ""),
    ],
)
def test_every_other_end_is_not_answered(state: MessageState, status: int, word: str) -> None:
    """The vendor has no more words; of what nobody knows it says nothing."""
    told = json.loads(call_status("x", replace(ANSWERED, state=state), "1"))
    assert (told["SendStatus"], told["CallStatus"], told["SentResult"], told["Ivr"]) == (status, word, 0, "1")


async def test_the_keys_that_were_pressed_are_told(calling: VendorClient, core: RunningCore) -> None:
    """Of the last call, in the status and in the callback."""
    smsid = members(await ask(calling))["SMSID"]
    message = await core.message("shop", int(smsid, 16))
    calls = [
        Call(message.account, message.id, number, "trunk", "ended", 1, keys=keys)
        for number, keys in ((1, ""), (2, "1#"))
    ]
    await core.storage.begin([])
    await core.storage.commit(2, {}, calls)
    told = await calling.ask(STATUS, query_of({**KEYS, "ReferenceId": smsid}))
    assert members(told.body)["Ivr"] == "1#"
    reported = EsmsCallbacks().render(message, "https://shop.example/", calls[-1])
    assert "&Ivr=1%23&" in reported.url


async def test_the_status_of_what_is_no_call_is_105(calling: VendorClient) -> None:
    """An SMS, an unknown id, none at all; errors have the form of the page's 101."""
    smsid = members(await send(calling))["SMSID"]
    for reference in (smsid, "0" * 32, "nothing"):
        response = await calling.ask(STATUS, query_of({**KEYS, "ReferenceId": reference}))
        assert response.body == error_body("105", "Message is not found")
    nothing = await calling.ask(STATUS, query_of({**KEYS, "ReferenceId": ""}))
    assert code_result(nothing.body) == "851"
    wrong = await calling.ask(STATUS, query_of({**KEYS, "SecretKey": "x", "ReferenceId": smsid}))
    assert wrong.body == error_body("101", "Authorize Failed")


async def test_a_call_can_be_asked_for_as_an_sms_is(calling: VendorClient) -> None:
    """By RefId, in that form."""
    smsid = members(await ask(calling))["SMSID"]
    told = members((await calling.ask(STATUS, query_of({**KEYS, "RefId": smsid}))).body)
    assert (told["CodeResponse"], told["SendStatus"], told["TotalReceiver"]) == ("100", 2, 1)


# ham-tao-cuoc-goi-tu-dong-theo-template: the sample of its callback, parameter by parameter.
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ANSWERED, "CallDuration=13&CallStatus=ANSWERED&Ivr=&Price=400.0000&SentResult=1&CID=02871002454"),
        (
            replace(ANSWERED, state=MessageState.UNDELIVERED, talked_ms=0, charged=Minor(0)),
            "CallDuration=0&CallStatus=NO+ANSWER&Ivr=&Price=0.0000&SentResult=0&CID=02871002454",
        ),
        (
            replace(ANSWERED, state=MessageState.UNCONFIRMED, talked_ms=0, charged=Minor(0), sender=""),
            "CallDuration=0&CallStatus=&Ivr=&Price=0.0000&SentResult=0&CID=",
        ),
    ],
)
def test_a_call_is_reported_in_the_vendors_form(call: Message, told: str) -> None:
    """All parameters, in the order of the page."""
    request = EsmsCallbacks().render(replace(call, id=MessageId(7)), "https://shop.example/?token=t")
    assert request.url == f"https://shop.example/?token=t&ReferenceId={7:032x}&{told}&SendStatus=5"
    assert (request.method, request.body) == ("GET", b"")


async def test_calls_are_in_no_list_of_sms(calling: VendorClient) -> None:
    """Whatever type is asked for: their form has no place for how a call went."""
    await ask(calling)
    between = {"From": "2020-01-01 00:00:00", "To": "2039-01-01 00:00:00"}
    for kind in ("2", "8"):
        asked = query_of({**KEYS, **between, "SmsType": kind})
        told = members((await calling.ask("/MainService.svc/json/GetSmsSentData_V2", asked)).body)
        assert told["CountTotal"] == 0


def test_whatever_is_asked_gets_the_vendors_shape(tmp_path: Path) -> None:
    """Never a fault, and 100 only for a code that can be spelled."""
    with serving(tmp_path) as (core, api, run):
        run(core.configure(*CALLING))
        results = set()

        @settings(max_examples=150)
        @given(
            st.fixed_dictionaries(
                {},
                optional={"Phone": PHONES, "Code": NUMBERS | READABLE, "Speed": NUMBERS, "Voice": READABLE},
            )
        )
        def is_answered(changes: dict[str, str]) -> None:
            asked = {**ASKED, **changes}
            response = run(api.answer(Request("GET", VOICE_OTP, encoded(asked), (), b"", CLIENT_IP)))
            answer = members(response.body)
            assert (response.status, list(answer)) == (200, sorted(answer))
            if answer["CodeResult"] == "100":
                assert re.fullmatch("[0-9A-Za-z]{1,20}", asked["Code"].strip())
            results.add(answer["CodeResult"])

        is_answered()
        assert results <= {"99", "100", "102", "108"}
        assert "100" in results
