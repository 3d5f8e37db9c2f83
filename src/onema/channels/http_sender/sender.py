"""The carrier that is somebody's HTTP API: the same for every vendor."""

import asyncio
import hmac
import re
from collections.abc import Callable, Iterator

from onema.channels.contract import NotRecorded, Outgoing, ReceiptSink, Webhook
from onema.channels.http_sender.contract import (
    SHORTEST_TOKEN,
    HttpCarrierSettings,
    HttpSenderSettings,
    NotAReceipt,
    NotAuthentic,
    Vendor,
    VendorApi,
    url_problems,
)
from onema.channels.http_sender.exchanges import WAIT_SECONDS, Exchanges, HttpCarrier
from onema.channels.room import NoRoom
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload, SmsPayload
from onema.domain.values.sms_text import segments
from onema.http.client.contract import HttpAnswer, HttpClient, MayHaveLeft, NotSent
from onema.http.messages import Request, Response
from onema.telemetry.faults import describe_fault

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
"""RFC 3986 section 2.3."""


class HttpSender(HttpCarrier):
    """One configured HTTP carrier. `now` is the clock in Unix ms, for dates; `steady` counts seconds."""

    def __init__(
        self,
        document: doc.Carrier,
        vendor: Vendor,
        client: Callable[[HttpCarrierSettings], HttpClient],
        now: Callable[[], int],
        steady: Callable[[], float],
    ) -> None:
        settings = settings_of(vendor.settings, document)
        self.name = document.name
        self.idempotent = vendor.is_idempotent(settings)
        self._settings = settings
        self._api = vendor.api(document.name, settings, receipt_url(document.name, settings))
        super().__init__(Exchanges(settings, client, now, steady))
        self._now = now

    def answer_seconds(self, payload: Payload) -> float:
        return self._settings.timeout + WAIT_SECONDS

    async def send(self, outgoing: Outgoing) -> Outcome:
        payload = outgoing.payload
        if not isinstance(payload, SmsPayload):
            return Outcome(kind=OutcomeKind.PERMANENT, reason="this carrier sends SMS only")
        request = self._api.request_of(outgoing, self._now())
        if isinstance(request, Outcome):
            return request
        try:
            answer = await self._exchanges.exchange(request, lambda: segments(payload.text).count)
        except NoRoom:
            return ended(Ending.OUR_LIMIT, detail="no room for another request")
        except NotSent as error:
            return ended(Ending.CARRIER_DOWN, detail=str(error))
        except MayHaveLeft as error:
            return self._unknown(outgoing, "no answer", str(error))
        return self._understood(outgoing, answer)

    def _understood(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        try:
            outcome = self._api.outcome_of(outgoing, answer)
        except Exception as error:  # noqa: BLE001  # a parser edge: the request left, whatever its answer holds
            return self._unknown(
                outgoing, "no clear answer", f"HTTP {answer.status}: {describe_fault(error)}"
            )
        if outcome.kind is OutcomeKind.UNKNOWN and not outcome.references:
            return self._unknown(outgoing, outcome.reason, outcome.detail)
        if outcome.kind is OutcomeKind.TEMPORARY:
            self._exchanges.heed(answer)
        return outcome

    def _unknown(self, outgoing: Outgoing, reason: str, detail: str) -> Outcome:
        """It may have left: a receipt ends it, where its name is known."""
        name = self._api.name_of(outgoing)
        references = (name,) if name else ()
        return Outcome(kind=OutcomeKind.UNKNOWN, reason=reason, detail=detail, references=references)


def receipt_url(name: str, settings: HttpSenderSettings) -> str:
    """Where the carrier takes receipts; "" where it asks for none."""
    if not settings.public_url:
        return ""
    token = settings.receipt_token.reveal()
    return f"{settings.public_url.rstrip('/')}/carriers/{name}/receipts{'/' if token else ''}{token}"


def problems_of(vendor: Vendor, document: doc.Carrier) -> Iterator[Problem]:
    """What is wrong with a document whose settings fit."""
    settings = settings_of(vendor.settings, document)
    token = settings.receipt_token.reveal()
    if token and (len(token) < SHORTEST_TOKEN or not _UNRESERVED.fullmatch(token)):
        yield Problem(
            "settings.receipt_token",
            f"it must be {SHORTEST_TOKEN} characters or more that stand in a path as they are; `openssl rand -hex 20` "
            "makes one",
        )
    if settings.public_url:
        yield from url_problems("public_url", settings.public_url)
        if not token and not vendor.signs_receipts:
            yield Problem(
                "settings.receipt_token",
                "it is missing: whoever knows the address could report what never happened; "
                "`openssl rand -hex 20` makes one",
            )
    if settings.proxy:
        yield from url_problems("proxy", settings.proxy.reveal())
    yield from vendor.problems(document)


def webhook(vendor: Vendor, document: doc.Carrier, receipts: ReceiptSink) -> Webhook:
    """What answers the carrier's receipts, at /carriers/NAME/receipts and, where there is a token, below it."""
    settings = settings_of(vendor.settings, document)
    api: VendorApi = vendor.api(document.name, settings, receipt_url(document.name, settings))
    token = settings.receipt_token.reveal()
    expected = f"/carriers/{document.name}/receipts{'/' if token else ''}{token}".encode()
    takes = bool(token) or vendor.signs_receipts

    async def answer(request: Request) -> Response:
        if not takes or not hmac.compare_digest(request.path.encode(), expected):
            return _refused(403, "bad_token")
        try:
            found = api.receipts_of(request)
        except NotAuthentic:
            return _refused(403, "bad_signature")
        except NotAReceipt:
            return _refused(400, "unreadable")
        try:
            await asyncio.gather(*map(receipts, found))
        except NotRecorded:
            return _refused(503, "store_unavailable")
        return api.acknowledgement

    return answer


def _refused(status: int, outcome: str) -> Response:
    return Response(status, b"", b"text/plain; charset=utf-8", outcome=outcome)
