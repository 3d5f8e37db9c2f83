"""eSMS as an upstream: https://developers.esms.vn/esms-api/ham-gui-tin/tin-nhan-sms-otp-cskh."""

import json
from urllib.parse import urlencode

import msgspec
import pytest

from onema.channels.contract import Outgoing
from onema.channels.http_sender.contract import NotAReceipt
from onema.channels.http_sender.esms import VENDOR
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.values.phone import Phone
from onema.http.client.contract import HttpAnswer
from onema.http.messages import Request

from .sends import NAME, PUBLIC, TEXT, TOKEN, answer, api_of, outgoing, problems, request

ACCOUNT = {"api_key": "AK", "secret_key": "SK"}
ASKING = {**ACCOUNT, "public_url": PUBLIC, "receipt_token": TOKEN}
# The sample of https://developers.esms.vn/esms-api/callback-url, with our RequestId.
CALLBACK = {
    "SMSID": "dc712784-9c5f-4c69-b9a8-ea69d56adc9a87",
    "SendFailed": "0",
    "SendStatus": "5",
    "SendSuccess": "1",
    "TotalPrice": "0.0000",
    "TotalReceiver": "1",
    "TotalSent": "1",
    "RequestId": NAME,
    "TypeId": "2",
    "telcoid": "1",
    "phonenumber": "0901888484",
    "switchsmsid": "",
}


def got(told: dict[str, str]) -> Request:
    path = f"/carriers/main/receipts/{TOKEN}"
    return Request("GET", path, urlencode(told).encode(), (), b"", "203.0.113.9")


def test_a_request_has_our_name_as_its_request_id() -> None:
    """The number as the documents spell it, and whether the text is Unicode."""
    made = request(api_of(VENDOR, **ASKING), outgoing(TEXT))
    assert made.url == "https://rest.esms.vn/MainService.svc/json/SendMultipleMessage_V4_post_json/"
    assert (made.method, dict(made.headers)[b"content-type"]) == ("POST", b"application/json")
    assert json.loads(made.body) == {
        "ApiKey": "AK",
        "SecretKey": "SK",
        "Phone": "0901888484",
        "Content": TEXT,
        "Brandname": "Acme",
        "SmsType": "2",
        "IsUnicode": "1",
        "Sandbox": "0",
        "RequestId": NAME,
        "CallbackUrl": f"{PUBLIC}/carriers/main/receipts/{TOKEN}",
    }


def test_settings_change_the_brandname_the_type_and_whether_anything_is_sent() -> None:
    """A fixed number has no brandname; numbers of other countries have no plus."""
    api = api_of(VENDOR, **ACCOUNT, brandname="Baotrixemay", sandbox=True, base_url="http://10.0.0.2:8400/")
    made = request(api, outgoing())
    asked = json.loads(made.body)
    assert made.url == "http://10.0.0.2:8400/MainService.svc/json/SendMultipleMessage_V4_post_json/"
    assert (asked["Brandname"], asked["Sandbox"], asked["IsUnicode"]) == ("Baotrixemay", "1", "0")
    assert "CallbackUrl" not in asked
    what = outgoing()
    assert isinstance(what.payload, SmsPayload)
    abroad: Outgoing = msgspec.structs.replace(
        what, payload=msgspec.structs.replace(what.payload, phone=Phone("+6591234567"))
    )
    asked = json.loads(request(api_of(VENDOR, **ACCOUNT, sms_type="8"), abroad).body)
    assert asked["Phone"] == "6591234567"
    assert "Brandname" not in asked


@pytest.mark.parametrize(
    ("code", "kind", "ending"),
    [
        ("100", OutcomeKind.SUBMITTED, None),
        ("99", OutcomeKind.UNKNOWN, None),
        ("101", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        ("103", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        ("104", OutcomeKind.TEMPORARY, None),
        ("108", OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE),
        ("146", OutcomeKind.TEMPORARY, None),
        ("160", OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        ("201", OutcomeKind.TEMPORARY, Ending.BLOCKED),
        ("777", OutcomeKind.UNKNOWN, None),
    ],
)
def test_an_answer_ends_as_its_code_says(code: str, kind: OutcomeKind, ending: Ending | None) -> None:
    """All come with 200. What may have left has our name; an SMSID beside a refusal (146) changes nothing."""
    said = {"CodeResult": code, "CountRegenerate": 0, "SMSID": "3f5e", "ErrorMessage": "m"}
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(200, said))
    assert (told.kind, told.ending) == (kind, ending)
    refused = kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
    assert told.references == (() if refused else (NAME,))
    assert told.detail == f"3f5e {code} m"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("5", OutcomeKind.SUBMITTED), ("4", OutcomeKind.UNDELIVERED), ("", OutcomeKind.UNKNOWN)],
)
def test_a_request_that_is_there_already_is_what_became_of_it(status: str, kind: OutcomeKind) -> None:
    """The RequestId is ours, so the same attempt was handed over before; receipts come with the same name."""
    said = {"CodeResult": "124", "ErrorMessage": "Request exist 1", "SendStatus": status}
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(200, said))
    assert (told.kind, told.references) == (kind, (NAME,))


def test_what_is_no_answer_of_esms_is_told_apart() -> None:
    """A broken request is refused for good; whatever a proxy says is no proof."""
    api = api_of(VENDOR, **ASKING)
    assert api.outcome_of(outgoing(), answer(200, {"error": "Invalid request"})).kind is OutcomeKind.PERMANENT
    assert api.outcome_of(outgoing(), HttpAnswer(200, (), b"<html>")).kind is OutcomeKind.UNKNOWN
    assert api.outcome_of(outgoing(), HttpAnswer(502, (), b"")).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "success", "failed", "kind"),
    [
        ("5", "1", "0", OutcomeKind.DELIVERED),
        ("5", "0", "1", OutcomeKind.UNDELIVERED),
        ("5", "1", "1", OutcomeKind.UNDELIVERED),
        ("5", "0", "0", OutcomeKind.UNKNOWN),
        ("4", "0", "0", OutcomeKind.UNDELIVERED),
        ("7", "0", "0", OutcomeKind.SUBMITTED),
        ("1", "", "", OutcomeKind.SUBMITTED),
        ("6", "1", "0", OutcomeKind.UNKNOWN),
    ],
)
def test_a_callback_ends_as_its_status_and_counts_say(
    status: str, success: str, failed: str, kind: OutcomeKind
) -> None:
    """Its network is kept."""
    told = {**CALLBACK, "SendStatus": status, "SendSuccess": success, "SendFailed": failed}
    (one,) = api_of(VENDOR, **ASKING).receipts_of(got(told))
    assert (one.carrier, one.reference, one.outcome.kind) == ("main", NAME, kind)
    assert one.outcome.network == {"operator": "Viettel"}


def test_a_callback_without_a_request_id_has_the_vendors_name() -> None:
    """As of a message that somebody else sent with the account."""
    (one,) = api_of(VENDOR, **ASKING).receipts_of(got({**CALLBACK, "RequestId": ""}))
    assert one.reference == CALLBACK["SMSID"]
    for told in ({}, {"SMSID": "1"}, {"SendStatus": "5"}):
        with pytest.raises(NotAReceipt):
            api_of(VENDOR, **ASKING).receipts_of(got(told))


def test_settings_that_cannot_work_are_refused() -> None:
    """Callbacks are not signed, so their address must have a token."""
    assert problems(VENDOR, **ASKING) == problems(VENDOR, **ACCOUNT) == []
    assert problems(VENDOR, api_key="", secret_key="") == ["settings.api_key", "settings.secret_key"]
    assert problems(VENDOR, **ACCOUNT, public_url=PUBLIC) == ["settings.receipt_token"]
    assert problems(VENDOR, **ACCOUNT, sms_type="9") == ["settings.sms_type"]
