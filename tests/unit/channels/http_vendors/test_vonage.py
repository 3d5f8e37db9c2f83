"""Vonage's SMS API: https://developer.vonage.com/en/api/sms."""

import base64
import json
from urllib.parse import parse_qsl, urlencode

import pytest

from onema.channels.http_sender.contract import NotAReceipt, NotAuthentic
from onema.channels.http_sender.vonage import VENDOR, signature_of
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.http.messages import Request

from .sends import NAME, PUBLIC, TEXT, TOKEN, answer, api_of, outgoing, problems, request

ACCOUNT = {"api_key": "abc123", "api_secret": "s3cret"}
ASKING = {**ACCOUNT, "public_url": PUBLIC, "receipt_token": TOKEN}
SIGNING = {"api_key": "abc123", "signature_secret": "sign-me", "public_url": PUBLIC}
CALLBACK = f"{PUBLIC}/carriers/main/receipts/{TOKEN}"
LONG = "482913 is your code. " * 10
RECEIPT = {
    "msisdn": "84901888484",
    "to": "Acme",
    "network-code": "45204",
    "messageId": "0A0000001234567B",
    "price": "0.03330000",
    "status": "delivered",
    "scts": "2001011400",
    "err-code": "0",
    "api-key": "abc123",
    "client-ref": NAME,
    "message-timestamp": "2026-11-28 12:00:00",
}


def got(told: dict[str, str], path: str = "/carriers/main/receipts") -> Request:
    return Request("GET", path, urlencode(told).encode(), (), b"", "203.0.113.9")


def part(status: str = "0", id_: str = "0C1") -> dict[str, str]:
    return {"to": "84901888484", "message-id": id_, "status": status, "network": "45204", "error-text": "no"}


def test_a_request_is_a_form_with_the_key_and_what_is_left_of_the_codes_life() -> None:
    """In milliseconds; a text outside the GSM alphabet is sent as unicode."""
    made = request(api_of(VENDOR, **ASKING), outgoing(TEXT))
    assert (made.method, made.url) == ("POST", "https://rest.nexmo.com/sms/json")
    assert dict(made.headers)[b"authorization"] == b"Basic " + base64.b64encode(b"abc123:s3cret")
    assert parse_qsl(made.body.decode()) == [
        ("to", "84901888484"),
        ("from", "Acme"),
        ("text", TEXT),
        ("type", "unicode"),
        ("ttl", "300000"),
        ("client-ref", NAME),
        ("callback", CALLBACK),
    ]
    plain = dict(parse_qsl(request(api_of(VENDOR, **ACCOUNT), outgoing(valid_ms=0)).body.decode()))
    assert plain == {
        "to": "84901888484",
        "from": "Acme",
        "text": "482913 is your code",
        "type": "text",
    }


@pytest.mark.parametrize(("left", "told"), [(500, "20000"), (30 * 86_400_000, "604800000")])
def test_the_life_is_what_vonage_takes(left: int, told: str) -> None:
    """From 20 seconds to a week."""
    form = dict(parse_qsl(request(api_of(VENDOR, **ACCOUNT), outgoing(valid_ms=left)).body.decode()))
    assert form["ttl"] == told


def test_facts_of_indias_registry_go_out_under_vonages_names() -> None:
    """What an account and a template are registered as."""
    what = outgoing(entity_id="1101456040000041234", dlt_id="1107161234567891234")
    form = dict(parse_qsl(request(api_of(VENDOR, **ACCOUNT), what).body.decode()))
    assert (form["entity-id"], form["content-id"]) == ("1101456040000041234", "1107161234567891234")


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("md5hash", "c57bb2692e87e2a619af3ef4911cb72e"),
        ("md5", "5913437c4ffed1930443ce51bdcf004e"),
        ("sha1", "91e0790b2226bd0409bc26e3c6a825d80fba81d3"),
        ("sha256", "c12bc93d08f2da718d90a7dd4e7b8f91f07b0a41d82fd39ef2792e2695b52a6a"),
        (
            "sha512",
            "28f3c2badbf16dfbfba513d031a166bb93f3c10553a3500d2157697d73854826"
            "f7d5315a148a4f2f875e489a414f9ac241335e00a353371c7ea456d7277f0786",
        ),
    ],
)
def test_parameters_are_signed_as_their_sdk_signs_them(method: str, signature: str) -> None:
    """In the order of their names; `&` and `=` in values count as `_`. By vonage-http-client 1.5.2, but for the first,
    which it has not.
    """
    told = {"text": "a=b&c ế", "api_key": "abc123", "from": "Acme", "timestamp": "1461605396"}
    assert signature_of(told, b"sign-me", method) == signature


def test_a_signed_request_needs_no_secret() -> None:
    """Its signature is over all of its parameters."""
    made = request(api_of(VENDOR, **SIGNING), outgoing())
    assert b"authorization" not in dict(made.headers)
    form = dict(parse_qsl(made.body.decode()))
    assert form["timestamp"] == "1795800000"
    assert form.pop("sig") == signature_of(form, b"sign-me", "sha256")


def test_each_part_of_a_long_text_has_a_name_of_its_own() -> None:
    """As Vonage gave it; a text in one part has ours."""
    api = api_of(VENDOR, **ASKING)
    several = answer(200, {"message-count": "2", "messages": [part(id_="0C1"), part(id_="0C2")]})
    told = api.outcome_of(outgoing(LONG), several)
    assert (told.kind, told.references, told.parts) == (OutcomeKind.SUBMITTED, ("0C1", "0C2"), 2)
    assert "client-ref" not in dict(parse_qsl(request(api, outgoing(LONG)).body.decode()))
    assert api.name_of(outgoing(LONG)) == ""
    one = api.outcome_of(outgoing(), answer(200, {"message-count": "1", "messages": [part()]}))
    assert (one.references, one.network) == ((NAME,), {"mccmnc": "45204"})
    unasked = api_of(VENDOR, **ACCOUNT).outcome_of(outgoing(), answer(200, {"messages": [part()]}))
    assert unasked.references == ("0C1",)


def test_a_text_of_which_some_parts_were_taken_will_not_arrive() -> None:
    """And it is sent to nobody else: some of it has left."""
    mixed = answer(200, {"message-count": "2", "messages": [part(), part("1", "")]})
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(LONG), mixed)
    assert told.kind is OutcomeKind.UNDELIVERED


@pytest.mark.parametrize(
    ("status", "kind", "ending"),
    [
        ("1", OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        ("4", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        ("5", OutcomeKind.UNKNOWN, None),
        ("7", OutcomeKind.TEMPORARY, Ending.BLOCKED),
        ("12", OutcomeKind.PERMANENT, None),
        ("33", OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE),
        ("77", OutcomeKind.UNKNOWN, None),
    ],
)
def test_a_refusal_ends_as_its_status_says(status: str, kind: OutcomeKind, ending: Ending | None) -> None:
    """Vonage answers 200 for all of them. A status that nobody knows is no proof that nothing left."""
    said = answer(200, {"message-count": "1", "messages": [part(status, "")]})
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), said)
    assert (told.kind, told.ending) == (kind, ending)


@pytest.mark.parametrize("way", ["GET", "form", "JSON"])
def test_receipts_come_as_the_account_has_it(way: str) -> None:
    """By GET, by POST with a form, or with JSON."""
    body, query, method = b"", b"", "POST"
    if way == "GET":
        query, method = urlencode(RECEIPT).encode(), "GET"
    else:
        body = urlencode(RECEIPT).encode() if way == "form" else json.dumps(RECEIPT).encode()
    receipt = Request(method, f"/carriers/main/receipts/{TOKEN}", query, (), body, "203.0.113.9")
    (told,) = api_of(VENDOR, **ASKING).receipts_of(receipt)
    assert (told.carrier, told.reference, told.outcome.kind) == ("main", NAME, OutcomeKind.DELIVERED)
    assert told.outcome.network == {"mccmnc": "45204"}


@pytest.mark.parametrize(
    ("status", "code", "kind", "ending"),
    [
        ("accepted", "0", OutcomeKind.SUBMITTED, None),
        ("buffered", "0", OutcomeKind.SUBMITTED, None),
        ("expired", "0", OutcomeKind.UNDELIVERED, None),
        ("expired", "2", OutcomeKind.UNDELIVERED, Ending.SWITCHED_OFF),
        ("failed", "3", OutcomeKind.UNDELIVERED, Ending.NOT_IN_SERVICE),
        ("rejected", "6", OutcomeKind.UNDELIVERED, Ending.BLOCKED),
        ("failed", "777", OutcomeKind.UNDELIVERED, None),
        ("unknown", "1", OutcomeKind.UNKNOWN, None),
        ("levitating", "0", OutcomeKind.UNKNOWN, None),
    ],
)
def test_a_receipt_ends_as_its_status_and_code_say(
    status: str, code: str, kind: OutcomeKind, ending: Ending | None
) -> None:
    """Of a long text, by the part's own name."""
    told = {**RECEIPT, "status": status, "err-code": code}
    del told["client-ref"]
    (one,) = api_of(VENDOR, **ASKING).receipts_of(got(told))
    assert (one.reference, one.outcome.kind, one.outcome.ending) == ("0A0000001234567B", kind, ending)


def test_where_the_account_signs_every_receipt_must_be_signed() -> None:
    """In either case of letters; a change, or none, is refused."""
    api = api_of(VENDOR, **SIGNING)
    told = {**RECEIPT, "timestamp": "1795800000", "nonce": "a1"}
    told["sig"] = signature_of(told, b"sign-me", "sha256")
    for sig in (told["sig"], told["sig"].upper()):
        assert len(api.receipts_of(got({**told, "sig": sig}))) == 1
    for wrong in ({**told, "status": "failed"}, {**told, "sig": "0" * 64}, RECEIPT, {**told, "more": "1"}):
        with pytest.raises(NotAuthentic):
            api.receipts_of(got(wrong))


def test_what_is_no_receipt_is_refused_and_an_answer_by_sms_is_passed_over() -> None:
    """Accounts have one address for both."""
    api = api_of(VENDOR, **ASKING)
    with pytest.raises(NotAReceipt):
        api.receipts_of(got({"msisdn": "84901888484"}))
    with pytest.raises(NotAReceipt):
        api.receipts_of(Request("POST", "/", b"", (), b"{", "203.0.113.9"))
    assert api.receipts_of(got({"msisdn": "84901888484", "messageId": "0B1", "text": "STOP"})) == ()


def test_settings_that_cannot_work_are_refused() -> None:
    """Vonage takes 100 characters of an address for receipts."""
    assert problems(VENDOR, **ASKING) == problems(VENDOR, **SIGNING) == []
    assert problems(VENDOR, api_key="k") == ["settings.api_secret"]
    assert problems(VENDOR, **ACCOUNT, public_url=PUBLIC) == ["settings.receipt_token"]
    assert problems(VENDOR, **{**ASKING, "receipt_token": "0" * 64}) == ["settings.public_url"]
