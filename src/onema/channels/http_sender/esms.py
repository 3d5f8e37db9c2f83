"""eSMS (ViHAT, esms.vn) as an upstream: SendMultipleMessage_V4_post_json, and its delivery callback.

https://developers.esms.vn/esms-api (seen 2026-11), whose sources are
github.com/devesms/gitbook_esms_for_develop_v2, esms-api/bang-ma-loi.md, esms-api/callback-url.md.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from onema.channels.contract import Outgoing, Receipt
from onema.channels.http_sender.contract import (
    HttpSenderSettings,
    NotAReceipt,
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
    SENDER,
    SPAM,
    SUBMITTED,
    TOO_FAST,
    UNCLEAR,
    Meaning,
    lost,
    members_of,
    text_in,
    words_of,
)
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.values.sms_text import Encoding, encoding_of
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response
from onema.secret import Secret

_HOME = "+84"
_TEXT_NOT_REGISTERED = Meaning(OutcomeKind.TEMPORARY, reason="text not registered with the carrier")


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    api_key: Annotated[Secret, Meta(description="The account's ApiKey.")]
    secret_key: Annotated[Secret, Meta(description="The account's SecretKey.")]
    brandname: Annotated[
        str, Meta(description="Send under this Brandname, whatever the message's own is.")
    ] = ""
    sms_type: Annotated[
        Literal["1", "2", "8"],
        Meta(
            description="SmsType: 2 is customer care, under a Brandname; 1 is advertising; 8 a fixed number, "
            "which has none."
        ),
    ] = "2"
    sandbox: Annotated[
        bool, Meta(description="Have requests checked only: eSMS sends, charges and reports nothing.")
    ] = False
    base_url: Annotated[
        str, Meta(description="Another host that speaks this API, such as a second onema.")
    ] = "https://rest.esms.vn"


RESULTS: Mapping[str, Meaning] = {
    "100": SUBMITTED,
    # The table of 2026-02 says that the phone is blocked; older clients know it as "unknown error".
    "99": UNCLEAR,
    "101": ACCOUNT,
    "102": ACCOUNT,
    "103": ACCOUNT,
    "104": SENDER,
    "108": BAD_NUMBER,
    "118": ACCOUNT,
    # The RequestId is ours, so the earlier request was this one; its SendStatus says how far it came.
    "124": UNCLEAR,
    "140": ACCOUNT,
    "143": ACCOUNT,
    "146": _TEXT_NOT_REGISTERED,
    "160": TOO_FAST,
    "177": SENDER,
    # Somebody sends the same at this moment.
    "199": UNCLEAR,
    "201": SPAM,
    "300": BAD_REQUEST,
}
"""By CodeResult."""

SEND_STATUSES: Mapping[str, Meaning] = {
    "0": SUBMITTED,
    "1": SUBMITTED,
    "2": SUBMITTED,
    "4": lost(Ending.BLOCKED),
    "7": SUBMITTED,
}
"""By SendStatus: drafting, awaiting approval, waiting, rejected, sent. Of 5, finished, SendSuccess and SendFailed tell
the end."""

NETWORKS: Mapping[str, str] = {
    "1": "Viettel",
    "2": "MobiFone",
    "3": "VinaPhone",
    "4": "Vietnamobile",
    "5": "Gmobile",
    "6": "Itel",
    "7": "Reddi",
}
"""By telcoid."""

FINISHED = "5"


class EsmsApi:
    """Our name is the RequestId: eSMS takes none twice in 24 hours, and its callback repeats it."""

    acknowledgement = Response(200, b"OK", b"text/plain; charset=utf-8")

    def __init__(self, name: str, settings: Settings, receipt_url: str) -> None:
        self._name = name
        self._settings = settings
        self._receipt_url = receipt_url
        base = settings.base_url.rstrip("/")
        self._url = f"{base}/MainService.svc/json/SendMultipleMessage_V4_post_json/"
        self._headers = ((b"content-type", b"application/json"),)

    def name_of(self, outgoing: Outgoing) -> str:
        return own_name(outgoing)

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        payload, settings = outgoing.payload, self._settings
        if not isinstance(payload, SmsPayload):
            return BAD_REQUEST.outcome("SMS only")
        asked = {
            "ApiKey": settings.api_key.reveal(),
            "SecretKey": settings.secret_key.reveal(),
            "Phone": _spelled(payload.phone),
            "Content": payload.text,
            "SmsType": settings.sms_type,
            "IsUnicode": "1" if encoding_of(payload.text) is Encoding.UCS2 else "0",
            "Sandbox": "1" if settings.sandbox else "0",
            "RequestId": own_name(outgoing),
        }
        if settings.sms_type != "8":
            asked["Brandname"] = settings.brandname or payload.sender
        if self._receipt_url:
            asked["CallbackUrl"] = self._receipt_url
        return HttpRequest("POST", self._url, self._headers, msgspec.json.encode(asked))

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        code, name = text_in(members, "CodeResult"), own_name(outgoing)
        words = words_of(code, text_in(members, "ErrorMessage"), ids=(text_in(members, "SMSID"),))
        if answer.status != 200:
            return ended_by_status(answer)
        if not code and "error" in members:
            return BAD_REQUEST.outcome(words_of(text_in(members, "error")))
        meaning = RESULTS.get(code, UNCLEAR)
        if code == "124":
            meaning = _earlier(text_in(members, "SendStatus"))
        took = meaning.kind not in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
        return meaning.outcome(words, (name,) if took else ())

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        """A GET, with everything in the query. It is not signed; the token in the path was checked before.

        eSMS repeats it when nobody answers in time, but not after an error.
        """
        try:
            told = dict(parse_qsl(request.query.decode(), keep_blank_values=True))
        except ValueError as error:
            raise NotAReceipt from error
        sms, status = told.get("SMSID", ""), told.get("SendStatus", "")
        name = told.get("RequestId") or sms
        if not name or not status:
            raise NotAReceipt
        meaning = SEND_STATUSES.get(status, UNCLEAR)
        if status == FINISHED:
            meaning = _finished(told.get("SendSuccess", ""), told.get("SendFailed", ""))
        words = words_of(f"SendStatus {status}", ids=(sms,))
        network = {"operator": NETWORKS.get(told.get("telcoid", ""), "")}
        return (Receipt(self._name, name, meaning.outcome(words, network=network)),)


def _spelled(phone: str) -> str:
    """As the documents spell numbers of Vietnam."""
    return "0" + phone.removeprefix(_HOME) if phone.startswith(_HOME) else phone.removeprefix("+")


def _earlier(status: str) -> Meaning:
    """What became of the request that had our RequestId before."""
    return SUBMITTED if status == FINISHED else SEND_STATUSES.get(status, UNCLEAR)


def _finished(succeeded: str, failed: str) -> Meaning:
    """Clients take any failure for one, and so do we: a text goes to one phone."""
    if _count(failed):
        return lost()
    return DELIVERED if _count(succeeded) else UNCLEAR


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    for name, key in (("api_key", settings.api_key), ("secret_key", settings.secret_key)):
        if not key:
            yield Problem(f"settings.{name}", "it is empty")


VENDOR = Vendor(Settings, EsmsApi, problems_of, is_idempotent=lambda settings: True)
