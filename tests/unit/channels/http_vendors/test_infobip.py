"""Infobip's SMS API, version 3: https://www.infobip.com/docs/api/channels/sms."""

import base64
import hmac
import json
from typing import Any

import pytest

from onema.channels.http_sender.contract import NotAReceipt, NotAuthentic
from onema.channels.http_sender.infobip import VENDOR
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.http.messages import Headers, Request

from .sends import NAME, PUBLIC, TEXT, TOKEN, answer, api_of, outgoing, problems, request

ACCOUNT = {"base_url": "https://x1y2z3.api.infobip.com", "api_key": "key-1"}
ASKING = {**ACCOUNT, "public_url": PUBLIC, "receipt_token": TOKEN}
BASIC = {**ACCOUNT, "public_url": PUBLIC, "webhook_user": "onema", "webhook_password": "p:w"}
HMAC = {**ACCOUNT, "public_url": PUBLIC, "hmac_key": "hmac-key", "hmac_header": "X-Signature"}


def status(group: int, id_: int, name: str = "N") -> dict[str, Any]:
    return {"groupId": group, "groupName": "G", "id": id_, "name": name, "description": "d"}


def took(group: int, id_: int, name: str = "N") -> dict[str, Any]:
    return {"bulkId": "b", "messages": [{"messageId": NAME, "status": status(group, id_, name)}]}


def results(*found: dict[str, Any], headers: Headers = ()) -> Request:
    body = json.dumps({"results": found}).encode()
    return Request("POST", f"/carriers/main/receipts/{TOKEN}", b"", headers, body, "203.0.113.9")


def result(group: int = 3, id_: int = 5, error: int = 0) -> dict[str, Any]:
    return {
        "bulkId": "b",
        "price": {"pricePerMessage": 0.02, "currency": "EUR"},
        "status": status(group, id_),
        "error": {"groupId": 0, "id": error, "name": "E", "permanent": False},
        "messageId": NAME,
        "to": "84901888484",
        "messageCount": 1,
        "mccMnc": "45204",
    }


def test_a_request_has_our_id_and_what_is_left_of_the_codes_life() -> None:
    """In seconds; reports are asked for at our address."""
    made = request(api_of(VENDOR, **ASKING), outgoing(TEXT))
    assert (made.method, made.url) == ("POST", "https://x1y2z3.api.infobip.com/sms/3/messages")
    assert dict(made.headers)[b"authorization"] == b"App key-1"
    assert json.loads(made.body) == {
        "messages": [
            {
                "sender": "Acme",
                "destinations": [{"to": "84901888484", "messageId": NAME}],
                "content": {"text": TEXT},
                "options": {"validityPeriod": {"amount": 300, "timeUnit": "SECONDS"}},
                "webhooks": {
                    "delivery": {"url": f"{PUBLIC}/carriers/main/receipts/{TOKEN}"},
                    "contentType": "application/json",
                },
            }
        ]
    }


def test_a_subscription_that_secures_receipts_is_not_overridden_by_a_url() -> None:
    """A URL in the request would go before it, and come without its security."""
    for settings in (ACCOUNT, BASIC, HMAC):
        (message,) = json.loads(request(api_of(VENDOR, **settings), outgoing(valid_ms=0)).body)["messages"]
        assert message.keys() == {"sender", "destinations", "content"}


def test_facts_of_indias_registry_go_out_under_infobips_names() -> None:
    """What an account and a template are registered as, and who we are."""
    api = api_of(VENDOR, **ACCOUNT, telemarketer_id="110200001234")
    what = outgoing(entity_id="1101456040000041234", dlt_id="1107161234567891234")
    (message,) = json.loads(request(api, what).body)["messages"]
    assert message["options"]["regional"] == {
        "indiaDlt": {
            "principalEntityId": "1101456040000041234",
            "contentTemplateId": "1107161234567891234",
            "telemarketerId": "110200001234",
        }
    }
    (message,) = json.loads(request(api, outgoing()).body)["messages"]
    assert "regional" not in message["options"]


@pytest.mark.parametrize(
    ("group", "id_", "kind", "ending"),
    [
        (1, 26, OutcomeKind.SUBMITTED, None),
        (1, 999, OutcomeKind.SUBMITTED, None),
        (5, 12, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (5, 20, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (5, 87, OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (5, 52, OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE),
        (5, 999, OutcomeKind.TEMPORARY, None),
        (2, 9, OutcomeKind.UNDELIVERED, None),
        (9, 999, OutcomeKind.UNKNOWN, None),
    ],
)
def test_an_answer_ends_as_its_status_says(
    group: int, id_: int, kind: OutcomeKind, ending: Ending | None
) -> None:
    """Else as its group does. What may have left has our name."""
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(200, took(group, id_)))
    assert (told.kind, told.ending) == (kind, ending)
    refused = kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
    assert told.references == (() if refused else (NAME,))


def test_an_id_that_was_given_before_may_have_left() -> None:
    """The same attempt was handed over twice: the first one stands, and its receipts come with the name."""
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(200, took(5, 23)))
    assert (told.kind, told.references) == (OutcomeKind.UNKNOWN, (NAME,))


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (
            401,
            {"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid"}}},
            OutcomeKind.TEMPORARY,
        ),
        (400, {"errorCode": "E400", "description": "Request cannot be processed."}, OutcomeKind.PERMANENT),
        (500, {"errorCode": "E500", "description": "Something went wrong."}, OutcomeKind.UNKNOWN),
        (429, {}, OutcomeKind.TEMPORARY),
    ],
)
def test_a_refused_request_ends_as_its_status_says(
    code: int, said: dict[str, Any], kind: OutcomeKind
) -> None:
    """With the platform's words, of version 3 and of those before."""
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(code, said))
    assert told.kind is kind
    assert told.detail.startswith(("UNAUTHORIZED", "E400", "E500") if said else "HTTP 429")


@pytest.mark.parametrize(
    ("group", "id_", "error", "kind", "ending"),
    [
        (3, 5, 0, OutcomeKind.DELIVERED, None),
        (3, 2, 0, OutcomeKind.SUBMITTED, None),
        (1, 7, 0, OutcomeKind.SUBMITTED, None),
        (2, 9, 1, OutcomeKind.UNDELIVERED, Ending.NOT_IN_SERVICE),
        (2, 4, 6, OutcomeKind.UNDELIVERED, Ending.SWITCHED_OFF),
        (4, 15, 4101, OutcomeKind.UNDELIVERED, None),
        (4, 29, 0, OutcomeKind.UNKNOWN, None),
        (5, 12, 0, OutcomeKind.UNDELIVERED, Ending.CARRIER_DOWN),
        (5, 87, 608, OutcomeKind.UNDELIVERED, Ending.BLOCKED),
        (3, 999, 0, OutcomeKind.DELIVERED, None),
        (9, 999, 0, OutcomeKind.UNKNOWN, None),
    ],
)
def test_a_receipt_ends_as_its_status_and_error_say(
    group: int, id_: int, error: int, kind: OutcomeKind, ending: Ending | None
) -> None:
    """DELIVERED_TO_OPERATOR is a word on the way, in spite of its group; the network and its error are kept."""
    (told,) = api_of(VENDOR, **ASKING).receipts_of(results(result(group, id_, error)))
    assert (told.carrier, told.reference) == ("main", NAME)
    assert (told.outcome.kind, told.outcome.ending) == (kind, ending)
    known = {"network_error_code": str(error)} if error else {}
    assert told.outcome.network == {"mccmnc": "45204", **known}


def test_one_request_reports_on_several_messages() -> None:
    """What is no report among them is passed over."""
    other = {**result(2, 9), "messageId": "1268-1"}
    found = api_of(VENDOR, **ASKING).receipts_of(results(result(), {"messageId": 5}, other, {"status": {}}))
    assert [one.reference for one in found] == [NAME, "1268-1"]


def test_a_login_secures_receipts() -> None:
    """BASIC, as the subscription has it."""
    api = api_of(VENDOR, **BASIC)
    good = b"Basic " + base64.b64encode(b"onema:p:w")
    assert len(api.receipts_of(results(result(), headers=((b"authorization", good),)))) == 1
    for wrong in (b"", b"Basic " + base64.b64encode(b"onema:p"), good[6:], b"Bearer " + good[6:]):
        with pytest.raises(NotAuthentic):
            api.receipts_of(results(result(), headers=((b"authorization", wrong),)))


@pytest.mark.parametrize(("algorithm", "digest"), [("HMAC_SHA_256", "sha256"), ("HMAC_SHA_1", "sha1")])
def test_a_signature_secures_receipts(algorithm: str, digest: str) -> None:
    """HMAC over the body, in hex, with or without the algorithm before it."""
    api = api_of(VENDOR, **HMAC, hmac_algorithm=algorithm)
    body = results(result()).body
    good = hmac.new(b"hmac-key", body, digest).hexdigest().encode()
    for given in (good, good.upper(), b"sha256=" + good):
        assert len(api.receipts_of(results(result(), headers=((b"x-signature", given),)))) == 1
    for wrong in (b"", good[::-1], good[:-1]):
        with pytest.raises(NotAuthentic):
            api.receipts_of(results(result(), headers=((b"x-signature", wrong),)))
    with pytest.raises(NotAuthentic):
        api.receipts_of(results(result(2, 9), headers=((b"x-signature", good),)))


def test_what_is_no_report_is_refused() -> None:
    """Authentic, and yet nobody can read it."""
    api = api_of(VENDOR, **ASKING)
    for body in (b"", b"[]", b"{}", b'{"results": 5}'):
        with pytest.raises(NotAReceipt):
            api.receipts_of(Request("POST", "/", b"", (), body, "203.0.113.9"))


def test_settings_that_cannot_work_are_refused() -> None:
    """Receipts must be secured in one of the three ways."""
    for settings in (ACCOUNT, ASKING, BASIC, HMAC):
        assert problems(VENDOR, **settings) == []
    assert problems(VENDOR, api_key="k") == ["settings.base_url"]
    assert problems(VENDOR, **{**ACCOUNT, "api_key": ""}) == ["settings.api_key"]
    assert problems(VENDOR, **ACCOUNT, public_url=PUBLIC) == ["settings.receipt_token"]
    assert problems(VENDOR, **{**BASIC, "webhook_user": ""}) == ["settings.webhook_password"]
    assert problems(VENDOR, **{**HMAC, "hmac_header": ""}) == ["settings.hmac_header"]
