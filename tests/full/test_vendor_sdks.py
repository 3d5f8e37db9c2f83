"""The vendors' own libraries as judges: what they send for the same message, and what they sign and believe.

Needs requirements.txt beside this file; `./dev test --full` installs it.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from onema.channels.http_sender import infobip, twilio, vonage
from onema.channels.http_verifier import vonage as vonage_verify
from onema.channels.own_codes import AskedCode
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.documents import Carrier
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.http.client.contract import HttpRequest
from onema.http.messages import Request
from tests.conformance.http_vendors import Infobip
from tests.unit.channels.http_vendors.sends import (
    NAME,
    NOW,
    PUBLIC,
    TEXT,
    TOKEN,
    api_of,
    outgoing,
    request,
)
from tests.verify_services import PEM, VonageServer

pytestmark = pytest.mark.full


class Sent:
    """Stands in for a library's connection, and keeps what would have gone out."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self._answer = (status, json.dumps(body))
        self.url = ""
        self.headers: dict[str, str] = {}
        self.form: dict[str, str] = {}

    def keep(self, url: str, headers: dict[str, Any], form: dict[str, Any]) -> tuple[int, str]:
        self.url, self.headers = url, {name.lower(): _text(value) for name, value in headers.items()}
        # What is None is left out, as requests does.
        pairs = urlencode({name: value for name, value in form.items() if value is not None})
        self.form = dict(parse_qsl(pairs))
        return self._answer


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_twilios_client_sends_what_we_send() -> None:
    """Address, parameters, authorization."""
    rest, base = import_module("twilio.rest"), import_module("twilio.http")
    sent = Sent(201, {"sid": "SM1", "status": "queued"})

    class Client(base.HttpClient):  # type: ignore[misc, name-defined]  # a module that is imported by its name
        def __init__(self) -> None:
            pass

        def request(self, method: str, url: str, **given: Any) -> Any:
            status, body = sent.keep(url, given["headers"], given["data"])
            sent.headers["auth"] = ":".join(given["auth"])
            return import_module("twilio.http.response").Response(status, body)

    ours = request(
        api_of(twilio.VENDOR, account_sid="AC0123", auth_token="t", public_url=PUBLIC), outgoing(TEXT)
    )
    form = dict(parse_qsl(ours.body.decode()))
    rest.Client("AC0123", "t", http_client=Client()).messages.create(
        to="+84901888484",
        from_="Acme",
        body=TEXT,
        validity_period=300,
        status_callback=form["StatusCallback"],
    )
    assert (sent.url, sent.form, sent.headers["auth"]) == (ours.url, form, "AC0123:t")


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
@pytest.mark.parametrize("query", ["", f"ref={NAME}"])
def test_what_twilios_validator_signs_is_believed(algorithm: str, query: str) -> None:
    """And one sign changed is not, here or there."""
    validator = import_module("twilio.request_validator").RequestValidator("key")
    form = {
        "MessageSid": "SM1",
        "MessageStatus": "delivered",
        "ErrorCode": "",
        "To": "+84901888484",
        "Bodÿ": "ế",
    }
    url = f"{PUBLIC}/carriers/main/receipts" + (f"?{query}" if query else "")
    signature = validator.compute_signature(url, form, algorithm)
    key = "auth_token" if algorithm == "HMAC_SHA1" else "shared_key"
    settings = {"account_sid": "AC0", "auth_token": "other", "public_url": PUBLIC, key: "key"}
    headers = (
        (b"x-twilio-signature", signature.encode()),
        (b"x-twilio-webhooks-signature-settings", f"key=k,algorithm={algorithm}".encode()),
    )
    body = urlencode(form).encode()
    webhook = Request("POST", "/carriers/main/receipts", query.encode(), headers, body, "203.0.113.9")
    (told,) = api_of(twilio.VENDOR, **settings).receipts_of(webhook)
    assert told.outcome.kind is OutcomeKind.DELIVERED
    assert validator.validate(url, form, signature, algorithm)


def test_vonages_client_sends_what_we_send() -> None:
    """With the account's key and secret."""
    sms, http = import_module("vonage_sms"), import_module("vonage_http_client")
    answer = {"message-count": "1", "messages": [{"to": "84", "message-id": "0C1", "status": "0"}]}
    sent = Sent(200, answer)

    class Session:
        headers: dict[str, str] = {}  # noqa: RUF012  # as theirs

        def mount(self, *_: Any) -> None:
            pass

        def request(self, **given: Any) -> Any:
            status, body = sent.keep(given["url"], given["headers"], given["data"])
            made = import_module("requests").Response()
            made.status_code, made._content = status, body.encode()
            made.headers["Content-Type"] = "application/json"
            return made

    client = http.HttpClient(http.Auth(api_key="abc123", api_secret="s3cret"))
    client._session = Session()
    settings = {
        "api_key": "abc123",
        "api_secret": "s3cret",
        "public_url": PUBLIC,
        "receipt_token": TOKEN,
    }
    ours = request(api_of(vonage.VENDOR, **settings), outgoing(TEXT))
    form = dict(parse_qsl(ours.body.decode()))
    sms.Sms(client).send(
        sms.SmsMessage(
            to="84901888484",
            from_="Acme",
            text=TEXT,
            type="unicode",
            ttl=300_000,
            client_ref=NAME,
            callback=form["callback"],
        )
    )
    assert (sent.url, sent.form) == (ours.url, form)
    assert sent.headers["authorization"] == dict(ours.headers)[b"authorization"].decode()


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha512"])
def test_vonages_library_believes_what_we_sign(method: str) -> None:
    """A request of ours; and a receipt that it signs is believed here."""
    auth = import_module("vonage_http_client").Auth(
        api_key="k", signature_secret="sign-me", signature_method=method
    )
    settings = {
        "api_key": "k",
        "signature_secret": "sign-me",
        "signature_method": method,
        "public_url": PUBLIC,
    }
    api = api_of(vonage.VENDOR, **settings)
    form = dict(parse_qsl(request(api, outgoing("a=b&c ế")).body.decode()))
    assert auth.check_signature(dict(form))
    assert not auth.check_signature({**form, "text": "other"})
    told = {"messageId": "0C1", "status": "delivered", "err-code": "0", "timestamp": str(NOW // 1000)}
    told["sig"] = auth.sign_params(dict(told))
    webhook = Request("GET", "/carriers/main/receipts", urlencode(told).encode(), (), b"", "203.0.113.9")
    (receipt,) = api.receipts_of(webhook)
    assert receipt.reference == "0C1"


def test_infobips_client_sends_what_we_send() -> None:
    """The same JSON; and its models read what our doubles of Infobip say."""
    models = import_module("infobip_api_client.models")
    settings = {
        "base_url": "https://x1y2z3.api.infobip.com",
        "api_key": "key-1",
        "public_url": PUBLIC,
        "receipt_token": TOKEN,
        "telemarketer_id": "110200001234",
    }
    ours = request(api_of(infobip.VENDOR, **settings), outgoing(TEXT, entity_id="11014", dlt_id="11071"))
    parsed = models.SmsRequest.from_json(ours.body.decode())
    theirs = models.SmsRequest(
        messages=[
            models.SmsMessage(
                sender="Acme",
                destinations=[models.SmsDestination(to="84901888484", message_id=NAME)],
                content=models.SmsMessageContent(models.SmsTextContent(text=TEXT)),
                options=models.SmsMessageOptions(
                    validity_period=models.ValidityPeriod(amount=300, time_unit="SECONDS"),
                    regional=models.SmsRegionalOptions(
                        india_dlt=models.SmsIndiaDltOptions(
                            principal_entity_id="11014",
                            content_template_id="11071",
                            telemarketer_id="110200001234",
                        )
                    ),
                ),
                webhooks=models.SmsWebhooks(
                    delivery=models.SmsMessageDeliveryReporting(
                        url=f"{PUBLIC}/carriers/main/receipts/{TOKEN}"
                    ),
                    content_type="application/json",
                ),
            )
        ]
    )
    assert parsed.to_dict() == theirs.to_dict()
    assert json.loads(theirs.to_json()) == json.loads(ours.body)
    far = Infobip()
    for kind in OutcomeKind:
        if kind is not OutcomeKind.UNKNOWN and (answer := far.answer(kind, f"{NAME}{kind}")):
            read = models.SmsResponse.from_json(answer[1])
            assert read.messages[0].message_id == f"{NAME}{kind}"
        if kind not in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT):
            report = models.SmsDeliveryResult.from_json(far.report(NAME, kind).body.decode())
            assert report.results[0].message_id == NAME


def test_vonages_client_verifies_at_the_server_that_our_carrier_is_tried_with() -> None:
    """Starts, is told of a wrong code, a right one, a second one for a number, and cancels: what it reads of the
    answers is what our carrier reads.
    """
    verify, http = import_module("vonage_verify"), import_module("vonage_http_client")
    requests, adapters = import_module("requests"), import_module("requests.adapters")
    refused = import_module("vonage_http_client.errors").HttpRequestError
    with VonageServer() as server:

        class ToServer(adapters.HTTPAdapter):  # type: ignore[misc, name-defined]  # a module that is imported by its name
            def send(self, request: Any, **given: Any) -> Any:
                request.url = request.url.replace("https://api.nexmo.com", f"http://127.0.0.1:{server.port}")
                above: Any = super()
                return above.send(request, **given)

        client = http.HttpClient(http.Auth(application_id="app", private_key=PEM))
        client._session = requests.Session()
        client._session.mount("https://", ToServer())
        theirs = verify.Verify(client)
        step = {"to": "84901888484", "channel": "sms"}
        asked = verify.VerifyRequest(brand="Acme", workflow=[step], code_length=6, channel_timeout=300)
        first = theirs.start_verification(asked).request_id
        with pytest.raises(refused, match="409"):
            theirs.start_verification(asked)
        with pytest.raises(refused, match="400"):
            theirs.check_code(first, "000000")
        assert theirs.check_code(first, server.codes[first]).status == "completed"
        with pytest.raises(refused, match="404"):
            theirs.check_code(first, server.codes[first])
        theirs.cancel_verification(theirs.start_verification(asked).request_id)
        client._session.close()
        ours = vonage_verify.SERVICE.api(
            settings_of(
                vonage_verify.SERVICE.settings,
                Carrier(name="main", type="vonage_verify", settings=server.settings()),
            )
        )
        code = AskedCode(AccountId(7), MessageId(1), 1, Channel.SMS, Phone("+84901888484"), NOW + 300_000)
        started = ours.start(code, NOW)
        assert isinstance(started, HttpRequest)
        method, path, members = server.asked[0]
        assert (method, path, members) == (
            "POST",
            "/v2/verify",
            {**json.loads(started.body), "workflow": [{**step}]},
        )
        assert server.logins[0].startswith("Bearer ")
