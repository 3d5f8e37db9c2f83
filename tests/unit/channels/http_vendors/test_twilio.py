"""Twilio's Messages resource: https://www.twilio.com/docs/messaging/api/message-resource."""

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import pytest

from onema.channels.http_sender.contract import NotAReceipt, NotAuthentic
from onema.channels.http_sender.twilio import VENDOR
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.http.messages import Request

from .sends import NAME, PUBLIC, TEXT, answer, api_of, outgoing, problems, request

ACCOUNT = {"account_sid": "AC0123", "auth_token": "twilio-token"}
ASKING = {**ACCOUNT, "public_url": PUBLIC}
FORM = {
    "MessageSid": "SM0123",
    "MessageStatus": "delivered",
    "AccountSid": "AC1",
    "To": "+84901888484",
    "ErrorCode": "",
}
SIGNED_BY_THEIR_SDK = b"s7da1gOZfgyRdqU0Gf1tuZFAsho="
"""Of FORM at the URL below, by RequestValidator of twilio 9.13.0."""
QUERY = f"ref={NAME}".encode()


def receipt(
    form: Mapping[str, str], signature: bytes, query: bytes = QUERY, algorithm: bytes = b""
) -> Request:
    headers = [(b"x-twilio-signature", signature)]
    if algorithm:
        headers.append((b"x-twilio-webhooks-signature-settings", b"key=wh_1,algorithm=" + algorithm))
    return Request("POST", "/carriers/main/receipts", query, headers, urlencode(form).encode(), "203.0.113.9")


def signed(form: Mapping[str, str], key: str = "twilio-token", base: str = PUBLIC) -> Request:
    said = f"{base}/carriers/main/receipts?{QUERY.decode()}" + "".join(
        name + form[name] for name in sorted(form)
    )
    return receipt(form, base64.b64encode(hmac.digest(key.encode(), said.encode(), "sha1")))


def test_a_request_is_a_form_with_the_account_and_what_is_left_of_the_codes_life() -> None:
    """Reports are asked for at our address, with our name for the message."""
    made = request(api_of(VENDOR, **ASKING), outgoing(TEXT))
    assert (made.method, made.url) == (
        "POST",
        "https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json",
    )
    assert dict(made.headers)[b"authorization"] == b"Basic " + base64.b64encode(b"AC0123:twilio-token")
    assert dict(made.headers)[b"content-type"] == b"application/x-www-form-urlencoded"
    assert parse_qsl(made.body.decode()) == [
        ("To", "+84901888484"),
        ("From", "Acme"),
        ("Body", TEXT),
        ("StatusCallback", f"{PUBLIC}/carriers/main/receipts?ref={NAME}"),
        ("ValidityPeriod", "300"),
    ]


def test_a_messaging_service_picks_the_sender_unless_one_is_set() -> None:
    """An API key, too, takes the place of the auth token; the base may be another."""
    settings = {"api_key": "SK1", "api_secret": "s", "base_url": "https://api.dublin.ie1.twilio.com/"}
    api = api_of(VENDOR, **ACCOUNT, **settings, messaging_service_sid="MG1")
    made = request(api, outgoing(valid_ms=0))
    assert made.url.startswith("https://api.dublin.ie1.twilio.com/2010-04-01/")
    assert dict(made.headers)[b"authorization"] == b"Basic " + base64.b64encode(b"SK1:s")
    form = dict(parse_qsl(made.body.decode()))
    assert form.keys() == {"To", "MessagingServiceSid", "Body"}
    set_ = dict(
        parse_qsl(request(api_of(VENDOR, **ACCOUNT, sender="+15005550006"), outgoing()).body.decode())
    )
    assert set_["From"] == "+15005550006"


@pytest.mark.parametrize(("left", "told"), [(500, "1"), (-5_000, "1"), (100 * 3_600_000, "36000")])
def test_the_validity_is_what_twilio_takes(left: int, told: str) -> None:
    """From a second to ten hours."""
    form = dict(parse_qsl(request(api_of(VENDOR, **ACCOUNT), outgoing(valid_ms=left)).body.decode()))
    assert form["ValidityPeriod"] == told


def test_a_message_that_was_taken_has_our_name_where_receipts_come_with_it() -> None:
    """And Twilio's where none were asked for; the sid is kept either way."""
    sid = "SM01234567890123456789012345678901"
    taken = answer(201, {"sid": sid, "status": "queued", "error_code": None, "error_message": None})
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), taken)
    assert (told.kind, told.references, told.detail) == (OutcomeKind.SUBMITTED, (NAME,), sid)
    told = api_of(VENDOR, **ACCOUNT).outcome_of(outgoing(), taken)
    assert told.references == (sid,)


@pytest.mark.parametrize(
    ("status", "code", "kind", "ending"),
    [
        (401, 20003, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (429, 20429, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (400, 21211, OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE),
        (400, 21610, OutcomeKind.PERMANENT, Ending.DECLINED),
        (400, 21612, OutcomeKind.TEMPORARY, None),
        (403, 30450, OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (400, 29999, OutcomeKind.PERMANENT, None),
        (500, 20500, OutcomeKind.UNKNOWN, None),
        (503, 20503, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
    ],
)
def test_a_refusal_ends_as_its_code_says(
    status: int, code: int, kind: OutcomeKind, ending: Ending | None
) -> None:
    """Also one that nobody has written down: then its status decides. Its words are kept, the number is not."""
    said = {"code": code, "message": "The 'To' number +84901888484 is not valid", "status": status}
    told = api_of(VENDOR, **ASKING).outcome_of(outgoing(), answer(status, said))
    assert (told.kind, told.ending, told.references) == (kind, ending, ())
    assert str(code) in told.detail
    assert "901888484" not in told.detail


def test_a_receipt_that_their_sdk_signed_is_believed() -> None:
    """It names the message as we did, whatever Twilio calls it."""
    (told,) = api_of(VENDOR, **ASKING).receipts_of(receipt(FORM, SIGNED_BY_THEIR_SDK))
    assert (told.carrier, told.reference, told.outcome.kind) == ("main", NAME, OutcomeKind.DELIVERED)


@pytest.mark.parametrize("port", [":443", ""])
def test_the_signature_may_be_over_the_url_with_its_port_or_without(port: str) -> None:
    """Twilio is not sure, so its own validator takes both. What stands in Host matters to nobody."""
    for public in (PUBLIC, f"{PUBLIC}:443"):
        api = api_of(VENDOR, **{**ASKING, "public_url": public})
        (told,) = api.receipts_of(signed(FORM, base=f"{PUBLIC}{port}"))
        assert told.outcome.kind is OutcomeKind.DELIVERED


def test_a_shared_key_signs_with_sha256() -> None:
    """Where the account has one; a key signs with its own algorithm only."""
    said = f"{PUBLIC}/carriers/main/receipts?{QUERY.decode()}" + "".join(
        name + FORM[name] for name in sorted(FORM)
    )
    signature = base64.b64encode(hmac.digest(b"shared", said.encode(), "sha256"))
    api = api_of(VENDOR, **ASKING, shared_key="shared")
    (told,) = api.receipts_of(receipt(FORM, signature, algorithm=b"HMAC_SHA256"))
    assert told.outcome.kind is OutcomeKind.DELIVERED
    for wrong in (b"", b"HMAC_SHA1", b"HMAC_MD5"):
        with pytest.raises(NotAuthentic):
            api.receipts_of(receipt(FORM, signature, algorithm=wrong))
    of_nobody = base64.b64encode(hmac.digest(b"", said.encode(), "sha256"))
    for forged in (signature, of_nobody):
        with pytest.raises(NotAuthentic):
            api_of(VENDOR, **ASKING).receipts_of(receipt(FORM, forged, algorithm=b"HMAC_SHA256"))


def test_what_was_changed_on_its_way_is_refused() -> None:
    """A value, a name, the query, the signature; and everything where no public URL is known to check it with."""
    good = signed(FORM)
    api = api_of(VENDOR, **ASKING)
    signature = dict(good.headers)[b"x-twilio-signature"]
    for form, query in (
        ({**FORM, "MessageStatus": "failed"}, QUERY),
        ({**FORM, "More": ""}, QUERY),
        (FORM, b"ref=1267-3"),
        (FORM, b""),
    ):
        with pytest.raises(NotAuthentic):
            api.receipts_of(receipt(form, signature, query))
    with pytest.raises(NotAuthentic):
        api.receipts_of(receipt(FORM, b""))
    with pytest.raises(NotAuthentic):
        api_of(VENDOR, **ACCOUNT).receipts_of(good)


@pytest.mark.parametrize(
    ("status", "code", "kind", "ending"),
    [
        ("sent", "", OutcomeKind.SUBMITTED, None),
        ("delivered", "", OutcomeKind.DELIVERED, None),
        ("read", "", OutcomeKind.DELIVERED, None),
        ("undelivered", "30003", OutcomeKind.UNDELIVERED, Ending.SWITCHED_OFF),
        ("undelivered", "30007", OutcomeKind.UNDELIVERED, Ending.BLOCKED),
        ("failed", "30036", OutcomeKind.UNDELIVERED, None),
        ("failed", "39999", OutcomeKind.UNDELIVERED, None),
        ("canceled", "30003", OutcomeKind.UNDELIVERED, None),
        ("levitating", "", OutcomeKind.UNKNOWN, None),
    ],
)
def test_a_receipt_ends_as_its_status_and_code_say(
    status: str, code: str, kind: OutcomeKind, ending: Ending | None
) -> None:
    """A status that nobody knows ends nothing. The code is kept as the network's."""
    form = {**FORM, "MessageStatus": status, "ErrorCode": code}
    (told,) = api_of(VENDOR, **ASKING).receipts_of(signed(form))
    assert (told.outcome.kind, told.outcome.ending) == (kind, ending)
    assert told.outcome.network == ({"network_error_code": code} if code else {})


def test_what_is_no_receipt_is_refused_and_an_answer_by_sms_is_passed_over() -> None:
    """Both must be authentic all the same."""
    api = api_of(VENDOR, **ASKING)
    with pytest.raises(NotAReceipt):
        api.receipts_of(signed({"MessageSid": "SM1"}))
    assert api.receipts_of(signed({"MessageSid": "SM1", "SmsStatus": "received", "Body": "STOP"})) == ()


def test_settings_that_cannot_work_are_refused() -> None:
    """Keys that are missing, and receipts that nobody could believe."""
    assert problems(VENDOR, **ASKING) == []
    assert problems(VENDOR, account_sid="AC0") == ["settings.auth_token"]
    assert problems(VENDOR, account_sid="AC0", api_key="SK") == ["settings.api_secret"]
    keys = {"account_sid": "AC0", "api_key": "SK", "api_secret": "s"}
    assert problems(VENDOR, **keys) == []
    assert problems(VENDOR, **keys, public_url=PUBLIC) == ["settings.auth_token"]
    assert problems(VENDOR, **keys, public_url=PUBLIC, receipt_token="0" * 32) == []
    assert problems(VENDOR, **ACCOUNT, base_url="api.twilio.com") == ["settings.base_url"]
