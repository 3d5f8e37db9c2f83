"""Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource, seen 2026-11).

Codes: https://www.twilio.com/docs/api/errors/CODE has a page for each.
"""

import base64
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

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
    text_in,
    words_of,
)
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome
from onema.domain.delivery.payload import SmsPayload
from onema.http.basic_login import basic_authorization
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response
from onema.secret import Secret

SHORTEST_VALIDITY, LONGEST_VALIDITY = 1, 36_000
"""Seconds that ValidityPeriod may be."""
_OWN = "ref"
"""The parameter of our callback URL that has our name for the message."""


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    account_sid: Annotated[str, Meta(min_length=1, description="The account: AC and 32 hex digits.")]
    auth_token: Annotated[
        Secret,
        Meta(
            description="Its primary auth token, with which Twilio signs receipts, and requests are authorized "
            "unless there is an API key."
        ),
    ] = Secret()  # frozen
    api_key: Annotated[
        str, Meta(description="An API key (SK...), instead of the auth token for requests.")
    ] = ""
    api_secret: Annotated[Secret, Meta(description="The secret of the API key.")] = Secret()  # frozen
    shared_key: Annotated[
        Secret,
        Meta(
            description="The secret of the SharedKey for webhooks, where the account signs receipts with HMAC_SHA256."
        ),
    ] = Secret()  # frozen
    messaging_service_sid: Annotated[
        str, Meta(description="Send through this messaging service (MG...), which picks the sender.")
    ] = ""
    sender: Annotated[
        str, Meta(description="Send from this number or name, whatever the message's brandname is.")
    ] = ""
    base_url: Annotated[
        str, Meta(description="Another edge or region of Twilio's, or what stands before it.")
    ] = "https://api.twilio.com"


STATUSES: Mapping[str, Meaning] = {
    "accepted": SUBMITTED,
    "scheduled": SUBMITTED,
    "queued": SUBMITTED,
    "sending": SUBMITTED,
    "sent": SUBMITTED,
    "delivered": DELIVERED,
    "read": DELIVERED,
    "undelivered": lost(),
    "failed": lost(),
    "canceled": lost(reason="canceled"),
    "partially_delivered": UNCLEAR,
}
"""By MessageStatus. Why one is undelivered or failed, its ErrorCode says."""

REFUSALS: Mapping[str, Meaning] = {
    "10001": ACCOUNT,
    "20003": ACCOUNT,
    "20005": ACCOUNT,
    "20006": ACCOUNT,
    "20404": ACCOUNT,
    "20429": TOO_FAST,
    "14107": TOO_FAST,
    "21211": BAD_NUMBER,
    "21212": SENDER,
    "21217": BAD_NUMBER,
    "21265": BAD_NUMBER,
    "21266": BAD_NUMBER,
    "21408": NO_ROUTE,
    "21421": BAD_NUMBER,
    "21602": BAD_REQUEST,
    "21603": SENDER,
    "21604": BAD_REQUEST,
    "21605": TOO_LONG,
    "21606": SENDER,
    "21607": SENDER,
    "21608": NO_ROUTE,
    "21609": BAD_REQUEST,
    "21610": UNSUBSCRIBED,
    "21611": TOO_FAST,
    "21612": NO_ROUTE,
    "21614": BAD_NUMBER,
    "21617": TOO_LONG,
    "21635": BAD_NUMBER,
    "21654": BAD_REQUEST,
    "21659": SENDER,
    "21660": SENDER,
    "21661": SENDER,
    "21701": SENDER,
    "21703": SENDER,
    "21704": SENDER,
    "21705": SENDER,
    "21706": SENDER,
    "30450": SPAM,
    "30453": SPAM,
}
"""By the `code` of an answer that refuses the request."""

ERRORS: Mapping[str, Meaning] = {
    "30001": lost(Ending.OUR_LIMIT),
    "30002": lost(Ending.CARRIER_DOWN),
    "30003": lost(Ending.SWITCHED_OFF),
    "30004": lost(Ending.DECLINED),
    "30005": lost(Ending.NOT_IN_SERVICE),
    "30006": lost(Ending.UNREACHABLE),
    "30007": lost(Ending.BLOCKED),
    "30008": lost(reason="unknown error"),
    "30009": lost(reason="a segment is missing"),
    "30017": lost(reason="the network is congested"),
    "30018": lost(reason="sender not registered"),
    "30019": lost(reason="text too long"),
    "30022": lost(Ending.OUR_LIMIT),
    "30023": lost(Ending.OUR_LIMIT),
    "30024": lost(reason="sender not registered"),
    "30027": lost(Ending.OUR_LIMIT),
    "30032": lost(reason="sender not registered"),
    "30034": lost(reason="sender not registered"),
    "30036": lost(reason="expired"),
    "30038": lost(Ending.BLOCKED),
    "30040": lost(reason="sender not registered"),
    "30410": lost(Ending.CARRIER_DOWN),
    "30450": lost(Ending.BLOCKED),
    "30453": lost(Ending.BLOCKED),
    "30500": lost(Ending.CARRIER_DOWN),
}
"""By the ErrorCode of a message that is undelivered or failed."""


class TwilioApi:
    """Reports are asked for with our own name in the query of the callback URL: Twilio has no field for one."""

    # Twilio notes a warning about any other content type.
    acknowledgement = Response(200, b"<Response/>", b"text/xml; charset=utf-8")

    def __init__(self, name: str, settings: Settings, receipt_url: str) -> None:
        self._name = name
        self._settings = settings
        self._receipt_url = receipt_url
        account = quote(settings.account_sid, safe="")
        self._url = f"{settings.base_url.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
        user = settings.api_key or settings.account_sid
        password = (settings.api_secret if settings.api_key else settings.auth_token).reveal()
        self._headers = (
            (b"authorization", basic_authorization(user, password)),
            (b"content-type", b"application/x-www-form-urlencoded"),
        )

    def name_of(self, outgoing: Outgoing) -> str:
        return own_name(outgoing) if self._receipt_url else ""

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        payload, settings = outgoing.payload, self._settings
        if not isinstance(payload, SmsPayload):
            return BAD_REQUEST.outcome("SMS only")
        form: dict[str, str] = {"To": payload.phone}
        if settings.messaging_service_sid:
            form["MessagingServiceSid"] = settings.messaging_service_sid
        if settings.sender or not settings.messaging_service_sid:
            form["From"] = settings.sender or payload.sender
        form["Body"] = payload.text
        if self._receipt_url:
            form["StatusCallback"] = f"{self._receipt_url}?{_OWN}={own_name(outgoing)}"
        seconds = seconds_left(payload, now, SHORTEST_VALIDITY, LONGEST_VALIDITY)
        if seconds is not None:
            form["ValidityPeriod"] = str(seconds)
        return HttpRequest("POST", self._url, self._headers, urlencode(form).encode())

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        if answer.status >= 400:
            code = text_in(members, "code")
            found = REFUSALS.get(code)
            words = words_of(code, text_in(members, "message"))
            if found is not None and answer.status < 500:
                return found.outcome(words)
            return ended_by_status(answer) if not words else _with_words(ended_by_status(answer), words)
        sid = text_in(members, "sid")
        if answer.status not in (200, 201) or not sid:
            return UNCLEAR.outcome(words_of(f"HTTP {answer.status}"))
        code = text_in(members, "error_code")
        meaning = _meaning(text_in(members, "status"), code)
        name = self.name_of(outgoing) or sid
        # The sid is how Twilio's support knows it.
        return meaning.outcome(words_of(code, text_in(members, "error_message"), ids=(sid,)), (name,))

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        try:
            parameters = _parameters(request.body)
        except ValueError as error:
            raise NotAReceipt from error
        self._authenticate(request, parameters)
        told = dict(reversed(parameters))
        status = told.get("MessageStatus") or told.get("SmsStatus", "")
        sid = told.get("MessageSid") or told.get("SmsSid", "")
        if not status or not sid:
            raise NotAReceipt
        if status in ("receiving", "received"):
            return ()
        own = dict(parse_qsl(request.query.decode("latin-1"))).get(_OWN, "")
        code = told.get("ErrorCode", "")
        outcome = _meaning(status, code).outcome(
            words_of(status, ids=(sid,)), network={"network_error_code": code if code != "0" else ""}
        )
        return (Receipt(self._name, own or sid, outcome),)

    def _authenticate(self, request: Request, parameters: Sequence[tuple[str, str]]) -> None:
        """https://www.twilio.com/docs/usage/webhooks/webhooks-security. Over the URL that Twilio knows, which is the
        public one whatever proxies stand before us.
        """
        settings = self._settings
        keys = {"HMAC_SHA1": settings.auth_token.reveal(), "HMAC_SHA256": settings.shared_key.reveal()}
        if not any(keys.values()):
            if not settings.receipt_token:
                raise NotAuthentic
            return
        algorithm = _algorithm(request.header(b"x-twilio-webhooks-signature-settings") or b"")
        key = keys.get(algorithm, "")
        given = request.header(b"x-twilio-signature") or b""
        if not key or not self._receipt_url:
            raise NotAuthentic
        digest = algorithm.removeprefix("HMAC_").lower()
        query = request.query.decode("latin-1")
        asked = f"{self._receipt_url}?{query}" if query else self._receipt_url
        said = "".join(name + value for name, value in sorted(set(parameters)))
        # Twilio is not sure of the port: its own validator takes both.
        signatures = [
            base64.b64encode(hmac.new(key.encode(), (url + said).encode(), digest).digest())
            for url in _with_and_without_port(asked)
        ]
        if not any(hmac.compare_digest(given, signature) for signature in signatures):
            raise NotAuthentic


def _algorithm(header: bytes) -> str:
    """`key=...,algorithm=HMAC_SHA256` for a SharedKey; without it the auth token signs (twilio-python 9.13.0)."""
    for part in header.decode("latin-1").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc
    standard = ":443" if parts.scheme == "https" else ":80"
    if parts.port is None:
        return url, parts._replace(netloc=host + standard).geturl()
    return url, parts._replace(netloc=host.rpartition(":")[0]).geturl()


def _parameters(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(), keep_blank_values=True)


def _meaning(status: str, code: str) -> Meaning:
    meaning = STATUSES.get(status, UNCLEAR)
    return ERRORS.get(code, meaning) if meaning == lost() else meaning


def _with_words(outcome: Outcome, words: str) -> Outcome:
    return Meaning(outcome.kind, outcome.ending, outcome.reason).outcome(words)


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    if settings.api_key and not settings.api_secret:
        yield Problem("settings.api_secret", "it is missing: the API key has one")
    if not settings.api_key and not settings.auth_token:
        yield Problem("settings.auth_token", "it is missing, and so is an API key")
    signs = settings.auth_token or settings.shared_key
    if settings.public_url and not signs and not settings.receipt_token:
        yield Problem(
            "settings.auth_token",
            "it is missing: without it nobody knows whether a receipt is Twilio's; or set receipt_token",
        )


VENDOR = Vendor(Settings, TwilioApi, problems_of, signs_receipts=True)
