"""A vendor's HTTP API that exists in tests only: what an upstream answers is the outcome's own word."""

import hashlib
import hmac

import msgspec

from onema.channels.contract import Outgoing, Receipt
from onema.channels.http_sender.contract import (
    HttpSenderSettings,
    NotAReceipt,
    NotAuthentic,
    Vendor,
    ended_by_status,
)
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response

SIGNATURE = b"x-signature"
KEY = b"vendor-key"


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    url: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What it answers, and what it posts later."""

    id: str
    state: OutcomeKind


class Api:
    acknowledgement = Response(200, b"{}")

    def __init__(self, name: str, settings: Settings, receipt_url: str) -> None:
        self._name = name
        self._settings = settings

    def name_of(self, outgoing: Outgoing) -> str:
        return ""

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        return HttpRequest("POST", self._settings.url, body=outgoing.payload.phone.encode())

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        if answer.status != 200:
            return ended_by_status(answer)
        said = msgspec.json.decode(answer.body, type=Answer)
        return Outcome(kind=said.state, references=(said.id,))

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        if not hmac.compare_digest(request.header(SIGNATURE) or b"", signature(request.body)):
            raise NotAuthentic
        try:
            said = msgspec.json.decode(request.body, type=Answer)
        except msgspec.DecodeError as error:
            raise NotAReceipt from error
        return (Receipt(self._name, said.id, Outcome(kind=said.state)),)


def signature(body: bytes) -> bytes:
    return hmac.new(KEY, body, hashlib.sha256).hexdigest().encode()


def signed(name: str, said: Answer) -> Request:
    """The request that the vendor would make."""
    body = msgspec.json.encode(said)
    headers = ((SIGNATURE, signature(body)),)
    return Request("POST", f"/carriers/{name}/receipts", b"", headers, body, "203.0.113.9")


VENDOR = Vendor(Settings, Api, signs_receipts=True)
