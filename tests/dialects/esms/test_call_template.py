"""MakeCallTemplate_V2: a registered text with its values, read out.

https://developers.esms.vn/esms-api/ham-goi-voice/ham-tao-cuoc-goi-tu-dong-theo-template and
docs/vendors/esms.md#makecalltemplate_v2.
"""

import json
import re
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.domain.configuration import documents as doc
from onema.domain.records import Channel
from onema.http.messages import Request

from ..running_core import RunningCore
from .test_any_input import MOMENTS, NUMBERS, PHONES, READABLE, encoded, serving
from .test_voice_otp import CALLING, HOTLINE
from .vendor_client import CLIENT_IP, KEYS, PHONE, VendorClient, query_of, sent_message

MAKE_CALL = "/MainService.svc/json/MakeCallTemplate_V2"
ASKED = {
    **KEYS,
    "TemplateId": "17",
    "Phone": PHONE,
    "VariableListStr": "Trung||20000",
    "Voice": "ngoclam",
    "Speed": "-2",
    "RequestId": "123456",
}
"""With the page's own values."""
SPOKEN = doc.Template(
    account="shop", brandname="Baotrixemay", text="Chào {P1,20}, phí là {P1,9} đồng", name="17", spoken=True
)
SMS_ALONE = doc.Template(account="shop", brandname="Baotrixemay", text="Chao {P1,20}", name="18")


@pytest_asyncio.fixture
async def calling(client: VendorClient, core: RunningCore) -> VendorClient:
    await core.configure(*CALLING, SPOKEN, SMS_ALONE)
    return client


async def ask(client: VendorClient, **changed: str) -> bytes:
    response = await client.ask(MAKE_CALL, query_of({**ASKED, **changed}))
    assert response.status == 200
    return response.body


def refused(code: str, text: str) -> bytes:
    return f'{{"CodeResult":"{code}","ErrorMessage":"{text}"}}'.encode()


async def test_the_text_is_read_out_with_its_values(calling: VendorClient, core: RunningCore) -> None:
    """In the vendor's order of values, in the voice that was named, as VoiceOTP."""
    answer = await ask(calling)
    assert re.fullmatch(rb'\{"CodeResult":"100","SMSID":"[0-9a-f]{32}"\}', answer)
    message = sent_message(answer)
    call = await core.queued_call(message)
    assert (call.spoken_text, call.code) == ("Chào Trung, phí là 20000 đồng", "")
    assert (call.phone, call.caller, call.voice, call.rate, call.times) == (
        "+84901888484",
        HOTLINE,
        "vi-central",
        0.8,
        2,
    )
    kept = await core.message("shop", message)
    assert (kept.channel, kept.reference, kept.application) == (Channel.CALL, "123456", "calls")


async def test_its_end_is_told_where_it_was_asked(calling: VendorClient, core: RunningCore) -> None:
    """CallbackUrl, and the account's where there is none."""
    url = "https://shop.example/Esms/ReceiveVocieCallback"
    assert (await core.message("shop", sent_message(await ask(calling, CallbackUrl=url)))).callback_url == url


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"SecretKey": "wrong"}, refused("101", "Authorize Failed")),
        ({"Phone": "12"}, refused("108", "Phone is wrong format")),
        ({"TemplateId": "99"}, refused("104", "Template not found")),
        ({"TemplateId": "18", "VariableListStr": "Trung"}, refused("104", "Template not found")),
        ({"TemplateId": ""}, refused("104", "Template not found")),
        ({"VariableListStr": "Trung"}, refused("99", "VariableListStr does not fit the template")),
        ({"VariableListStr": ""}, refused("99", "VariableListStr does not fit the template")),
        (
            {"VariableListStr": "Trung||1234567890"},
            refused("99", "VariableListStr does not fit the template"),
        ),
        ({"RequestId": "x" * 51}, refused("99", "RequestId is longer than 50 characters")),
        ({"SendDate": "2027/01/20 14:00:00"}, refused("99", "SendDate is not served for calls")),
        ({"SendDate": "soon"}, refused("99", "SendDate is invalid date format")),
        ({"Voice": "leminh"}, refused("99", "Voice is not supported")),
        ({"CallbackUrl": "ftp://shop.example/"}, refused("99", "CallbackUrl can not be called")),
        ({"CallbackUrl": "http://127.0.0.1/"}, refused("99", "CallbackUrl can not be called")),
    ],
)
async def test_what_cannot_be_called_is_refused_in_the_form_of_the_page(
    calling: VendorClient, core: RunningCore, changed: dict[str, str], body: bytes
) -> None:
    """Without CountRegenerate; nobody is called."""
    assert await ask(calling, **changed) == body
    assert await core.messages("shop") == []


async def test_a_request_id_calls_once(calling: VendorClient) -> None:
    """Whether it was used for a call or for an SMS."""
    sent_message(await ask(calling))
    assert await ask(calling) == refused("124", "Request exist 1")
    sent_message(await ask(calling, RequestId="", SendDate="2020/01/01 00:00:00"))


async def test_a_key_without_an_application_cannot_call(client: VendorClient, core: RunningCore) -> None:
    """As VoiceOTP."""
    await core.configure(SPOKEN)
    assert await ask(client) == refused("99", "Request can not be served")


def test_whatever_is_asked_gets_the_vendors_shape(tmp_path: Path) -> None:
    """Never a fault."""
    with serving(tmp_path) as (core, api, run):
        run(core.configure(*CALLING, SPOKEN, SMS_ALONE))
        results = set()

        @settings(max_examples=150)
        @given(
            st.fixed_dictionaries(
                {"RequestId": READABLE},
                optional={
                    "Phone": PHONES,
                    "TemplateId": NUMBERS | READABLE,
                    "VariableListStr": READABLE,
                    "Speed": NUMBERS,
                    "Voice": READABLE,
                    "SendDate": MOMENTS,
                    "CallbackUrl": READABLE,
                },
            )
        )
        def is_answered(changes: dict[str, str]) -> None:
            query = encoded({**ASKED, **changes})
            response = run(api.answer(Request("GET", MAKE_CALL, query, (), b"", CLIENT_IP)))
            answer = json.loads(response.body)
            assert (response.status, list(answer)) == (200, sorted(answer))
            assert set(answer) in ({"CodeResult", "SMSID"}, {"CodeResult", "ErrorMessage"})
            results.add(answer["CodeResult"])

        is_answered()
        assert results <= {"99", "100", "102", "104", "108", "124"}
        assert "100" in results
