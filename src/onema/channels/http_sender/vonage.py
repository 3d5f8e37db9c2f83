"""Vonage's SMS API (https://developer.vonage.com/en/api/sms, seen 2026-11), which was Nexmo's."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from msgspec import Meta

from onema.channels.contract import Outgoing, Receipt
from onema.channels.http_sender.contract import (
    HttpSenderSettings,
    NotAReceipt,
    NotAuthentic,
    Vendor,
    ended_by_status,
    own_name,
    url_problems,
)
from onema.channels.http_sender.meanings import (
    ACCOUNT,
    BAD_NUMBER,
    BAD_REQUEST,
    DELIVERED,
    NO_ROUTE,
    SENDER,
    SPAM,
    SUBMITTED,
    TOO_FAST,
    TOO_LONG,
    UNCLEAR,
    Meaning,
    lost,
    members_of,
    seconds_left,
    tables_in,
    text_in,
    words_of,
)
from onema.channels.http_sender.sender import receipt_url
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome
from onema.domain.delivery.payload import SmsPayload
from onema.domain.values.sms_text import Encoding, segments
from onema.http.basic_login import basic_authorization
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object
from onema.secret import Secret

SHORTEST_TTL, LONGEST_TTL = 20, 604_800
"""Seconds; the API takes milliseconds."""
LONGEST_CALLBACK = 100
"""Characters of a callback URL (vonage-sms 1.2.0)."""

_DIGESTS: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    # The oldest of them, and the account's default: no HMAC at all.
    "md5hash": lambda key, said: hashlib.md5(said + key).hexdigest().encode(),  # noqa: S324  # the vendor's choice
    "md5": lambda key, said: hmac.new(key, said, "md5").hexdigest().encode(),
    "sha1": lambda key, said: hmac.new(key, said, "sha1").hexdigest().encode(),
    "sha256": lambda key, said: hmac.new(key, said, "sha256").hexdigest().encode(),
    "sha512": lambda key, said: hmac.new(key, said, "sha512").hexdigest().encode(),
}


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    api_key: Annotated[str, Meta(min_length=1, description="The account's API key.")]
    api_secret: Annotated[Secret, Meta(description="Its secret; not needed where requests are signed.")] = (
        Secret()
    )  # frozen
    signature_secret: Annotated[
        Secret,
        Meta(
            description="Signs our requests, and receipts where the account has signed webhooks switched on."
        ),
    ] = Secret()  # frozen
    signature_method: Annotated[
        Literal["md5hash", "md5", "sha1", "sha256", "sha512"],
        Meta(description="How, as the account's settings have it: MD5 hash, or an HMAC."),
    ] = "sha256"
    sender: Annotated[
        str, Meta(description="Send from this number or name, whatever the message's brandname is.")
    ] = ""
    base_url: Annotated[str, Meta(description="Another host of Vonage's, or what stands before it.")] = (
        "https://rest.nexmo.com"
    )


STATUSES: Mapping[str, Meaning] = {
    "0": SUBMITTED,
    "1": TOO_FAST,
    "2": BAD_REQUEST,
    "3": BAD_REQUEST,
    "4": ACCOUNT,
    # "An error has occurred in the platform whilst processing this message": nobody says how far it came.
    "5": UNCLEAR,
    "6": NO_ROUTE,
    "7": SPAM,
    "8": ACCOUNT,
    "9": ACCOUNT,
    "10": TOO_FAST,
    "11": ACCOUNT,
    "12": TOO_LONG,
    "14": ACCOUNT,
    "15": SENDER,
    "22": NO_ROUTE,
    "23": ACCOUNT,
    "29": NO_ROUTE,
    "32": ACCOUNT,
    "33": BAD_NUMBER,
}
"""By the `status` of each part in an answer (https://developer.vonage.com/en/api-errors/sms)."""

RECEIPTS: Mapping[str, Meaning] = {
    "accepted": SUBMITTED,
    "buffered": SUBMITTED,
    "delivered": DELIVERED,
    "expired": lost(reason="expired"),
    "failed": lost(),
    "rejected": lost(),
    "unknown": UNCLEAR,
}
"""By the `status` of a receipt. Why one failed, its err-code says."""

ERRORS: Mapping[str, Meaning] = {
    "1": lost(reason="unknown error"),
    "2": lost(Ending.SWITCHED_OFF),
    "3": lost(Ending.NOT_IN_SERVICE),
    "4": lost(Ending.SUSPENDED),
    "5": lost(Ending.UNREACHABLE),
    "6": lost(Ending.BLOCKED),
    "7": lost(Ending.BUSY),
    "8": lost(Ending.UNREACHABLE),
    "9": lost(Ending.DECLINED),
    "10": lost(reason="refused by the carrier"),
    "11": lost(reason="no route to this number"),
    "12": lost(Ending.UNREACHABLE),
    "13": lost(Ending.DECLINED),
    "14": lost(Ending.SUSPENDED),
    "15": lost(Ending.SUSPENDED),
    # Of India's registry (DLT): an entity, a sender or a text that is not registered, a person who does not want it.
    "50": lost(reason="sender not registered"),
    "51": lost(reason="sender not registered"),
    "52": lost(reason="text not registered"),
    "53": lost(Ending.DECLINED),
    "54": lost(Ending.BLOCKED),
    "99": lost(reason="unknown error"),
}
"""By the `err-code` of a receipt
(https://api.support.vonage.com/hc/en-us/articles/204014733-Vonage-SMS-Delivery-Error-Codes-and-Descriptions)."""


class VonageApi:
    """Each part of a long text has an id of its own. A text in one part is known by our name for it, `client-ref`."""

    acknowledgement = Response(200, b"")

    def __init__(self, name: str, settings: Settings, receipt_url: str) -> None:
        self._name = name
        self._settings = settings
        self._receipt_url = receipt_url
        self._url = f"{settings.base_url.rstrip('/')}/sms/json"
        self._signature_key = settings.signature_secret.reveal().encode()
        self._headers: tuple[tuple[bytes, bytes], ...] = (
            (b"content-type", b"application/x-www-form-urlencoded"),
        )
        if not self._signature_key:
            login = basic_authorization(settings.api_key, settings.api_secret.reveal())
            self._headers += ((b"authorization", login),)

    def name_of(self, outgoing: Outgoing) -> str:
        payload = outgoing.payload
        if not self._receipt_url or not isinstance(payload, SmsPayload) or segments(payload.text).count > 1:
            return ""
        return own_name(outgoing)

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        payload, settings = outgoing.payload, self._settings
        if not isinstance(payload, SmsPayload):
            return BAD_REQUEST.outcome("SMS only")
        is_gsm = segments(payload.text).encoding is Encoding.GSM7
        form = {
            "to": payload.phone.removeprefix("+"),
            "from": (settings.sender or payload.sender).removeprefix("+"),
            "text": payload.text,
            "type": "text" if is_gsm else "unicode",
        }
        seconds = seconds_left(payload, now, SHORTEST_TTL, LONGEST_TTL)
        if seconds is not None:
            form["ttl"] = str(seconds * 1000)
        if name := self.name_of(outgoing):
            form["client-ref"] = name
        # India's DLT; Vonage's names for what an account and a template are registered as.
        if entity := outgoing.facts.get("entity_id"):
            form["entity-id"] = entity
        if content := outgoing.facts.get("dlt_id"):
            form["content-id"] = content
        if self._receipt_url:
            form["callback"] = self._receipt_url
        if self._signature_key:
            form["api_key"] = settings.api_key
            form["timestamp"] = str(now // 1000)
            form["sig"] = signature_of(form, self._signature_key, settings.signature_method)
        return HttpRequest("POST", self._url, self._headers, urlencode(form).encode())

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        parts = tables_in(members_of(answer), "messages")
        if not 200 <= answer.status < 300:
            return ended_by_status(answer)
        if not parts:
            return UNCLEAR.outcome(f"HTTP {answer.status}")
        taken = [part for part in parts if text_in(part, "status") == "0"]
        if len(taken) == len(parts):
            name = self.name_of(outgoing)
            ids = tuple(text_in(part, "message-id") for part in parts)
            references = (name,) if name else tuple(filter(None, ids))
            return SUBMITTED.outcome(
                words_of(ids=ids),
                references,
                parts=0 if name else len(parts),
                network={"mccmnc": text_in(parts[0], "network")},
            )
        (refused, *_) = (part for part in parts if text_in(part, "status") != "0")
        code = text_in(refused, "status")
        words = words_of(code, text_in(refused, "error-text"))
        if taken:
            return lost(reason="the carrier took some parts only").outcome(words)
        return STATUSES.get(code, UNCLEAR).outcome(words)

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        """By GET, by POST with a form or with JSON, as the account's settings have it."""
        try:
            told = _parameters(request)
        except ValueError as error:
            raise NotAReceipt from error
        self._authenticate(told)
        status, part = told.get("status", ""), told.get("messageId", "")
        if not status or not part:
            if "text" in told:
                return ()  # somebody answers by SMS
            raise NotAReceipt
        code = told.get("err-code", "")
        meaning = RECEIPTS.get(status.lower(), UNCLEAR)
        if meaning.kind is lost().kind:
            meaning = ERRORS.get(code, meaning)
        network = {
            "mccmnc": told.get("network-code", ""),
            "network_error_code": code if code != "0" else "",
        }
        outcome = meaning.outcome(words_of(status, ids=(part,)), network=network)
        return (Receipt(self._name, told.get("client-ref") or part, outcome),)

    def _authenticate(self, told: Mapping[str, str]) -> None:
        """Where the account signs its webhooks, all must be signed; the token in the path was checked before."""
        settings = self._settings
        if not self._signature_key:
            if not settings.receipt_token:
                raise NotAuthentic
            return
        signed = {name: value for name, value in told.items() if name != "sig"}
        expected = signature_of(signed, self._signature_key, settings.signature_method)
        given = told.get("sig", "").lower()
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise NotAuthentic


def signature_of(parameters: Mapping[str, str], key: bytes, method: str) -> str:
    """https://developer.vonage.com/en/getting-started/concepts/signing-messages. In lower case."""
    said = "".join(
        f"&{name}={value.replace('&', '_').replace('=', '_')}" for name, value in sorted(parameters.items())
    )
    return _DIGESTS[method](key, said.encode()).decode()


def _parameters(request: Request) -> dict[str, str]:
    told = dict(parse_qsl(request.query.decode(), keep_blank_values=True))
    if request.method != "POST":
        return told
    if request.body.lstrip()[:1] == b"{":
        members: Mapping[str, Any] = parse_json_object(request.body)
        return told | {name: text_in(members, name) for name in members}
    return told | dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    if not settings.api_secret and not settings.signature_secret:
        yield Problem("settings.api_secret", "it is missing, and so is signature_secret")
    url = receipt_url(carrier.name, settings)
    if len(url) > LONGEST_CALLBACK:
        yield Problem(
            "settings.public_url",
            f"the address for receipts has {len(url)} characters, of which Vonage takes {LONGEST_CALLBACK}: "
            "a shorter host, name of the carrier, or receipt_token helps",
        )
    if url and not settings.signature_secret and not settings.receipt_token:
        yield Problem(
            "settings.receipt_token", "it is missing, and receipts are not signed: anybody could report"
        )


VENDOR = Vendor(Settings, VonageApi, problems_of, signs_receipts=True)
