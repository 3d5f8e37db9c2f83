"""Plain sends: a text of the sender's own, in every dress that the vendor's clients ask in.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-nhan-sms-otp-cskh and the pages about the other dresses (seen
2026-11): docs/vendors/esms.md#sources.
"""

import json
import xml.etree.ElementTree as ElementTree
from typing import Any
from urllib.parse import quote_plus

import pytest
from msgspec.structs import replace

from onema.dialects.esms.plain_sends import DRESSES
from onema.dialects.esms.sample_requests import EsmsSamples
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .plain_client import (
    ADS,
    CHANNELS,
    CONTENT,
    FIXED,
    FORM,
    GET,
    JSON_POST,
    SEND,
    SERVICE,
    TEXT_POST,
    XML_GET,
    XML_POST,
    rqst,
    send,
    sent,
    without_phone,
)
from .vendor_client import (
    ACCOUNT,
    KEYS,
    PHONE,
    SEGMENT_PRICE,
    TEXT,
    VendorClient,
    code_result,
    members,
    query_of,
    sent_message,
)

DRESSED = {
    "json": (JSON_POST, b"", b"application/json", json.dumps(SEND).encode()),
    "json with numbers": (
        JSON_POST[:-1],
        b"n8n=nqdev",
        b"application/json;",
        json.dumps(
            {**SEND, "SmsType": 2, "IsUnicode": 0, "Sandbox": 0, "RequestId": None, "campaignid": None}
        ).encode(),
    ),
    "json without a type": (JSON_POST, b"", b"", json.dumps(SEND).encode()),
    "json, names in small letters": (
        FORM,
        b"",
        b"application/json",
        json.dumps({name[0].lower() + name[1:]: value for name, value in SEND.items()}).encode(),
    ),
    "get": (GET, query_of(SEND), b"", b""),
    "get, names in capitals": (
        GET,
        query_of({name.upper(): value for name, value in SEND.items()}),
        b"",
        b"",
    ),
    "form": (FORM, b"", b"application/x-www-form-urlencoded", query_of(SEND)),
    "form, names in capitals": (
        FORM[:-1],
        b"",
        b"application/x-www-form-urlencoded",
        query_of({name.upper(): value for name, value in SEND.items()}),
    ),
    "text": (TEXT_POST, b"", b"text/plain", rqst(without_phone(SEND))),
    "text as a form": (
        TEXT_POST[:-1],
        b"",
        b"application/x-www-form-urlencoded",
        b'\xef\xbb\xbf <?xml version="1.0" encoding="utf-16"?>\n' + rqst(without_phone(SEND)),
    ),
    "text, percent-encoded": (
        TEXT_POST,
        b"",
        b"text/plain",
        rqst({**without_phone(SEND), "Content": quote_plus(CONTENT)}),
    ),
    "xml": (XML_POST, b"", b"text/plain", rqst(without_phone(SEND))),
    "xml by get": (XML_GET, query_of(SEND), b"", b""),
    "xml by post": (SERVICE + "/xml/SendMultipleMessage_V4_post", b"", b"", json.dumps(SEND).encode()),
}


@pytest.mark.parametrize("dress", DRESSED)
async def test_every_dress_sends_the_same_message(
    client: VendorClient, core: RunningCore, dress: str
) -> None:
    """The answer is the vendor's byte for byte, in the language of the path."""
    path, query, kind, body = DRESSED[dress]
    headers = ((b"content-type", kind),) if kind else ()
    response = await client.ask(path, query, method="POST" if body else "GET", body=body, headers=headers)
    (message,) = await core.messages("shop")
    smsid = f"{message.id:032x}".encode()
    if "/xml/" in path:
        expected = (
            b"<CodeResult>100</CodeResult><CountRegenerate>0</CountRegenerate><SMSID>%b</SMSID>" % smsid
        )
        assert response.body == b"<SmsResultModel>%b</SmsResultModel>" % expected
        assert response.content_type == b"application/xml; charset=utf-8"
    else:
        assert response.body == b'{"CodeResult":"100","CountRegenerate":0,"SMSID":"%b"}' % smsid
        assert response.content_type == b"application/json; charset=utf-8"
    sms = await core.queued_sms(message.id)
    assert (sms.text, sms.phone, sms.sender) == (CONTENT, "+84901888484", "Baotrixemay")
    assert (message.category, message.reference, message.together) == ("2", "", 0)


def test_every_dress_is_tried_here() -> None:
    """A path that is served and not in this table fails by name."""
    tried = {path.strip("/").lower() for path, *_ in DRESSED.values()}
    assert tried | {ADS.strip("/").lower(), CHANNELS.strip("/").lower()} == set(DRESSES)


# What the pages print under their tabs.
async def test_the_vendors_bodies_of_refusals(client: VendorClient, core: RunningCore) -> None:
    """Exact bytes, and of a template that does not fit an SMSID."""
    assert await send(client, SecretKey="wrong") == (
        b'{"CodeResult":"101","CountRegenerate":0,"ErrorMessage":"Authorize Failed"}'
    )
    assert await send(client, Brandname="Other") == (
        b'{"CodeResult":"104","CountRegenerate":0,"ErrorMessage":"Brand name code is not exist"}'
    )
    await sent(client, RequestId="r1")
    assert await send(client, RequestId="r1") == (
        b'{"CodeResult":"124","CountRegenerate":0,"ErrorMessage":"Request exist 1","SendStatus":"5"}'
    )
    refused = await send(client, Content="686868 la ma")
    (message, *_) = await core.messages("shop")
    assert message.state == "refused"
    assert refused == (
        b'{"CodeResult":"146","CountRegenerate":0,"ErrorMessage":"Sai template Brandname CSKH",'
        b'"SMSID":"%032x"}' % message.id
    )
    broken = await client.ask(JSON_POST, method="POST", body=b"{", headers=())
    assert (broken.status, broken.body) == (200, b'{"error":"Invalid request"}')


async def test_only_one_dress_tells_a_status_of_a_used_request(client: VendorClient) -> None:
    """Its page alone shows SendStatus."""
    await sent(client, RequestId="r1")
    assert members((await client.ask(GET, query_of({**SEND, "RequestId": "r1"}))).body) == {
        "CodeResult": "124",
        "CountRegenerate": 0,
        "ErrorMessage": "Request exist 1",
    }


async def test_a_refusal_in_xml_is_read_as_the_demos_read_it(client: VendorClient) -> None:
    """By its element's names, without a namespace; markup in what it says is none."""
    wrong = {**without_phone(SEND), "SecretKey": "wrong"}
    response = await client.ask(XML_POST, method="POST", body=rqst(wrong))
    answer = ElementTree.fromstring(response.body)
    assert (answer.tag, answer.findtext("CodeResult")) == ("SmsResultModel", "101")
    assert answer.findtext("ErrorMessage") == "Authorize Failed"
    assert answer.find("SMSID") is None


@pytest.mark.parametrize(
    "body",
    [
        b"<RQST>",
        b"<OTHER><APIKEY>K</APIKEY></OTHER>",
        b'<!DOCTYPE RQST [<!ENTITY a "aaaaaaaaaa">]><RQST><APIKEY>&a;</APIKEY></RQST>',
        b'<!DOCTYPE RQST SYSTEM "file:///etc/passwd"><RQST/>',
        b"<RQST><CONTENT>&a;</CONTENT></RQST>",
        b"<RQST><CONTENT>&#0;</CONTENT></RQST>",
        b"<RQST><CONTENT>a%00b</CONTENT></RQST>",
        b"<RQST><CONTENT>a%FFb</CONTENT></RQST>",
        b"<RQST>" + b"<A>" * 9 + b"</A>" * 9 + b"</RQST>",
        b"<RQST>" + b"<PHONE/>" * 2_001 + b"</RQST>",
        b"<RQST><CONTENT>\xff</CONTENT></RQST>",
    ],
)
async def test_xml_that_is_no_request_is_answered_in_xml(client: VendorClient, body: bytes) -> None:
    """A document type, and with it entities, is never taken."""
    response = await client.ask(XML_POST, method="POST", body=body)
    answer = ElementTree.fromstring(response.body)
    assert (answer.findtext("CodeResult"), answer.findtext("ErrorMessage")) == ("99", "Invalid request")
    assert (await client.ask(TEXT_POST, method="POST", body=body)).body == b'{"error":"Invalid request"}'


@pytest.mark.parametrize("content", ["AB+CD is 100%", "100%25 sure", "a+b=c", "%zz", "50%+", "C%2B%2B la ma"])
async def test_only_a_text_that_was_encoded_is_decoded(
    client: VendorClient, core: RunningCore, content: str
) -> None:
    """A text with a space, or with what an encoder would not leave, is what it is."""
    await core.configure(FIXED)
    given = {**without_phone(SEND), "SmsType": "8", "Content": content}
    message = sent_message((await client.ask(TEXT_POST, method="POST", body=rqst(given))).body)
    assert (await core.queued_sms(message)).text == content


# The answer of a send is looked for as text by a Java client.
async def test_the_result_is_found_as_a_text_without_a_blank(client: VendorClient) -> None:
    """`"CodeResult":"100"`, as public clients look for it."""
    assert b'"CodeResult":"100"' in await send(client)


async def test_refusals_come_in_the_documented_order(client: VendorClient, core: RunningCore) -> None:
    """Each request is wrong in all that follows, and gets the first: docs/vendors/esms.md#errors."""
    await core.configure(replace(ACCOUNT, wallet="prepaid", allowed_ips=("198.51.100.0/24",)))
    await core.top_up("shop", SEGMENT_PRICE)
    client.client_ip = "198.51.100.7"
    await sent(client, RequestId="r1")
    wrong: dict[str, Any] = {
        "SecretKey": "wrong",
        "SmsType": "9",
        "Phone": "12",
        "Brandname": "Other",
        "Content": "no text",
        "RequestId": "r1",
    }
    client.client_ip = "203.0.113.1"
    for name, code in (
        ("SecretKey", "101"),
        (None, "140"),
        ("SmsType", "118"),
        ("Phone", "108"),
        ("Brandname", "104"),
        ("Content", "146"),
        ("RequestId", "124"),
    ):
        assert code_result(await send(client, **wrong)) == code
        if name is None:
            client.client_ip = "198.51.100.7"
        else:
            del wrong[name]
    assert code_result(await send(client)) == "103"


async def test_the_samples_of_the_demo_are_accepted(client: VendorClient, core: RunningCore) -> None:
    """Whoever tries the server out begins with them."""
    samples = EsmsSamples({**KEYS, "Brandname": "Baotrixemay", "message": TEXT})
    sample = samples.send_text(PHONE, "686868")
    headers = tuple((b"content-type", line.partition(": ")[2].encode()) for line in sample.headers)
    response = await client.ask(sample.target, method="POST", body=sample.body.encode(), headers=headers)
    assert (await core.queued_sms(sent_message(response.body))).text == CONTENT


async def test_windows_and_states_hold_for_plain_sends(client: VendorClient, core: RunningCore) -> None:
    """They are accepted where every message is."""
    await core.configure(replace(ACCOUNT, windows=(doc.WindowLimit(per="phone", seconds=60, limit=1),)))
    assert code_result(await send(client)) == "100"
    assert code_result(await send(client)) == "99"
    await core.configure(replace(ACCOUNT, state="inactive"))
    assert code_result(await send(client)) == "143"


async def test_no_code_is_made_and_no_code_of_gencode_is_touched(
    client: VendorClient, core: RunningCore
) -> None:
    """A code that was sent by GENCODE stays the phone's current one."""
    code = await client.send_code()
    message = await sent(client)
    assert (await core.message("shop", message)).verification == 0
    assert b"Success" in await client.checkcode(code)
