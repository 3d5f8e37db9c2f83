"""Infobip's SMS API, version 3 (https://www.infobip.com/docs/api/channels/sms, OpenAPI 3.210.0, seen 2026-11)."""

import base64
import hmac
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
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
    UNSUBSCRIBED,
    Meaning,
    lost,
    members_of,
    seconds_left,
    table_in,
    tables_in,
    text_in,
    words_of,
)
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object
from onema.secret import Secret

SHORTEST_VALIDITY, LONGEST_VALIDITY = 1, 48 * 3_600
"""Seconds of validityPeriod; the platform makes 48 hours of more."""

_DIGESTS = {
    "HMAC_MD5": "md5",
    "HMAC_SHA_1": "sha1",
    "HMAC_SHA_224": "sha224",
    "HMAC_SHA_256": "sha256",
    "HMAC_SHA_384": "sha384",
    "HMAC_SHA_512": "sha512",
}


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    base_url: Annotated[
        str, Meta(min_length=8, description="The account's own host, such as https://xxxxx.api.infobip.com.")
    ]
    api_key: Annotated[Secret, Meta(description="An API key with the scope sms:message:send.")]
    sender: Annotated[
        str, Meta(description="Send from this number or name, whatever the message's brandname is.")
    ] = ""
    telemarketer_id: Annotated[
        str, Meta(description="India: our id as a telemarketer, beside the facts entity_id and dlt_id.")
    ] = ""
    webhook_user: Annotated[
        str,
        Meta(description="Receipts come by a subscription with security BASIC: its user name."),
    ] = ""
    webhook_password: Annotated[Secret, Meta(description="And its password.")] = Secret()
    hmac_key: Annotated[
        Secret, Meta(description="Receipts come by a subscription with security HMAC: its secret key.")
    ] = Secret()
    hmac_algorithm: Annotated[
        Literal["HMAC_MD5", "HMAC_SHA_1", "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"],
        Meta(description="And its algorithm."),
    ] = "HMAC_SHA_256"
    hmac_header: Annotated[
        str, Meta(description="The header that the signature comes in, as a test notification shows it.")
    ] = ""


STATUSES: Mapping[str, Meaning] = {
    "3": SUBMITTED,
    "7": SUBMITTED,
    "26": SUBMITTED,
    "4": lost(reason="rejected by the operator"),
    "9": lost(reason="not delivered"),
    "31": lost(reason="not sent"),
    # "Delivered", and yet a word on the way: it has reached the operator.
    "2": SUBMITTED,
    "5": DELIVERED,
    "15": lost(reason="expired"),
    # The operator never said: nothing is known.
    "29": UNCLEAR,
    "87": SPAM,
    "6": NO_ROUTE,
    "8": BAD_NUMBER,
    "10": UNSUBSCRIBED,
    "11": SENDER,
    "12": ACCOUNT,
    "13": SENDER,
    "14": SPAM,
    "17": ACCOUNT,
    "18": ACCOUNT,
    "19": NO_ROUTE,
    "20": TOO_FAST,
    "21": Meaning(OutcomeKind.TEMPORARY, reason="a fault of the carrier's"),
    # We gave this name before: the earlier message may have left.
    "23": UNCLEAR,
    "24": BAD_REQUEST,
    "25": TOO_LONG,
    "51": BAD_REQUEST,
    "52": BAD_NUMBER,
    "100": Meaning(OutcomeKind.TEMPORARY, reason="a fault of the carrier's"),
}
"""By the `id` of a status; in a receipt what was refused counts as undelivered."""

GROUPS: Mapping[str, Meaning] = {
    "0": SUBMITTED,
    "1": SUBMITTED,
    "2": lost(),
    "3": DELIVERED,
    "4": lost(reason="expired"),
    "5": Meaning(OutcomeKind.TEMPORARY, reason="refused by the carrier"),
}
"""By the `groupId` of a status whose id is not in the table above."""

ERRORS: Mapping[str, Meaning] = {
    "1": lost(Ending.NOT_IN_SERVICE),
    "5": lost(Ending.NOT_IN_SERVICE),
    "6": lost(Ending.SWITCHED_OFF),
    "8": lost(Ending.UNREACHABLE),
    "9": lost(Ending.SUSPENDED),
    "11": lost(Ending.SUSPENDED),
    "12": lost(Ending.SUSPENDED),
    "13": lost(Ending.SUSPENDED),
    "27": lost(Ending.SWITCHED_OFF),
    "31": lost(Ending.BUSY),
    "256": lost(reason="the phone's memory is full"),
    "345": lost(Ending.UNREACHABLE),
    "488": lost(reason="sender not registered"),
    "502": lost(Ending.UNREACHABLE),
    "561": lost(Ending.BLOCKED),
    "566": lost(Ending.SUSPENDED),
    "568": lost(Ending.NOT_IN_SERVICE),
    "569": lost(Ending.SUSPENDED),
    "573": lost(Ending.DECLINED),
    "581": lost(Ending.SUSPENDED),
    "603": lost(Ending.DECLINED),
    "607": lost(Ending.BLOCKED),
    "608": lost(Ending.BLOCKED),
    "609": lost(Ending.OUR_LIMIT),
    "628": lost(Ending.SWITCHED_OFF),
    "629": lost(Ending.NOT_IN_SERVICE),
    "1031": lost(Ending.UNREACHABLE),
    "2048": lost(Ending.UNREACHABLE),
    "2050": lost(Ending.DECLINED),
    "2052": lost(Ending.BLOCKED),
    "2053": lost(reason="sender refused"),
    "3041": lost(Ending.NOT_IN_SERVICE),
    "4098": lost(reason="expired"),
    "4099": lost(Ending.CARRIER_DOWN),
    "4101": lost(reason="expired"),
    "4103": lost(Ending.OUR_LIMIT),
    "4104": lost(Ending.OUR_LIMIT),
    "4202": lost(Ending.OUR_LIMIT),
}
"""By the `id` of the error in a receipt of what was not delivered
(https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes)."""


class InfobipApi:
    """Messages are known by the id that we give them."""

    acknowledgement = Response(200, b"")

    def __init__(self, name: str, settings: Settings, receipt_url: str) -> None:
        self._name = name
        self._settings = settings
        # A subscription names its URL itself, and one in the request would go before it, without its security.
        self._receipt_url = "" if settings.hmac_key or settings.webhook_password else receipt_url
        self._url = f"{settings.base_url.rstrip('/')}/sms/3/messages"
        self._headers = (
            (b"authorization", b"App " + settings.api_key.reveal().encode()),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json"),
        )

    def name_of(self, outgoing: Outgoing) -> str:
        return own_name(outgoing)

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        payload, settings = outgoing.payload, self._settings
        if not isinstance(payload, SmsPayload):
            return BAD_REQUEST.outcome("SMS only")
        options: dict[str, Any] = {}
        seconds = seconds_left(payload, now, SHORTEST_VALIDITY, LONGEST_VALIDITY)
        if seconds is not None:
            options["validityPeriod"] = {"amount": seconds, "timeUnit": "SECONDS"}
        if india := self._india(outgoing):
            options["regional"] = {"indiaDlt": india}
        message: dict[str, Any] = {
            "sender": settings.sender or payload.sender,
            "destinations": [{"to": payload.phone.removeprefix("+"), "messageId": own_name(outgoing)}],
            "content": {"text": payload.text},
        }
        if options:
            message["options"] = options
        if self._receipt_url:
            message["webhooks"] = {
                "delivery": {"url": self._receipt_url},
                "contentType": "application/json",
            }
        return HttpRequest("POST", self._url, self._headers, msgspec.json.encode({"messages": [message]}))

    def _india(self, outgoing: Outgoing) -> dict[str, str]:
        entity, template = outgoing.facts.get("entity_id", ""), outgoing.facts.get("dlt_id", "")
        if not entity:
            return {}
        told = {
            "principalEntityId": entity,
            "contentTemplateId": template,
            "telemarketerId": self._settings.telemarketer_id,
        }
        return {name: said for name, said in told.items() if said}

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        if not 200 <= answer.status < 300:
            outcome = ended_by_status(answer)
            words = _fault(members)
            return msgspec.structs.replace(outcome, detail=words) if words else outcome
        messages = tables_in(members, "messages")
        if len(messages) != 1:
            return UNCLEAR.outcome(f"HTTP {answer.status}")
        status = table_in(messages[0], "status")
        meaning = _of_status(status)
        words = words_of(text_in(status, "id"), text_in(status, "name"))
        took = meaning.kind not in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
        return meaning.outcome(words, (own_name(outgoing),) if took else ())

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        self._authenticate(request)
        try:
            members = parse_json_object(request.body)
        except ValueError as error:
            raise NotAReceipt from error
        if not isinstance(members.get("results"), list):
            raise NotAReceipt
        results = tables_in(members, "results")
        return tuple(self._receipt(one) for one in results if text_in(one, "messageId") and "status" in one)

    def _receipt(self, result: Mapping[str, Any]) -> Receipt:
        status, error = table_in(result, "status"), table_in(result, "error")
        meaning, code = _of_status(status), text_in(error, "id")
        if meaning.kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT):
            meaning = lost(meaning.ending, meaning.reason)
        if meaning.kind is OutcomeKind.UNDELIVERED:
            meaning = ERRORS.get(code, meaning)
        words = words_of(text_in(status, "name"), text_in(error, "name"))
        network = {
            "mccmnc": text_in(result, "mccMnc"),
            "network_error_code": code if code != "0" else "",
        }
        return Receipt(self._name, text_in(result, "messageId"), meaning.outcome(words, network=network))

    def _authenticate(self, request: Request) -> None:
        """As the subscription's security says; without one by the token in the path, which was checked before."""
        settings = self._settings
        if settings.hmac_key:
            given = (request.header(settings.hmac_header.lower().encode()) or b"").rpartition(b"=")[2]
            key, digest = settings.hmac_key.reveal().encode(), _DIGESTS[settings.hmac_algorithm]
            expected = hmac.new(key, request.body, digest).hexdigest().encode()
            if not hmac.compare_digest(given.lower(), expected):
                raise NotAuthentic
        elif settings.webhook_password:
            login = f"{settings.webhook_user}:{settings.webhook_password.reveal()}".encode()
            scheme, _, given = (request.header(b"authorization") or b"").partition(b" ")
            if scheme.lower() != b"basic" or not hmac.compare_digest(given, base64.b64encode(login)):
                raise NotAuthentic
        elif not settings.receipt_token:
            raise NotAuthentic


def _of_status(status: Mapping[str, Any]) -> Meaning:
    """By its id, else by its group."""
    found = STATUSES.get(text_in(status, "id"))
    return found or GROUPS.get(text_in(status, "groupId"), UNCLEAR)


def _fault(members: Mapping[str, Any]) -> str:
    """The words of an answer that refuses the request: of version 3, or of the platform before it."""
    if "errorCode" in members:
        return words_of(text_in(members, "errorCode"), text_in(members, "description"))
    fault = table_in(table_in(members, "requestError"), "serviceException")
    return words_of(text_in(fault, "messageId"), text_in(fault, "text"))


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    if not settings.api_key:
        yield Problem("settings.api_key", "it is empty")
    if settings.hmac_key and not settings.hmac_header:
        yield Problem("settings.hmac_header", "it is missing: the signature comes in a header")
    if bool(settings.webhook_user) != bool(settings.webhook_password):
        yield Problem("settings.webhook_password", "a user name and a password belong together")
    secured = settings.hmac_key or settings.webhook_password or settings.receipt_token
    if settings.public_url and not secured:
        yield Problem(
            "settings.receipt_token",
            "it is missing, and no subscription secures the receipts: anybody could report",
        )


VENDOR = Vendor(Settings, InfobipApi, problems_of, signs_receipts=True, is_idempotent=lambda settings: True)
